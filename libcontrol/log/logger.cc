#include "libcontrol/include/muster/log.h"
#include "libcontrol/log/level_control.h"

namespace muster {

std::shared_ptr<spdlog::logger> logger(const std::string& name) {
  return log::LevelControl::instance().logger(name);
}

}  // namespace muster
