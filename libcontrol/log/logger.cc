#include "libcontrol/include/muster/log.h"
#include "libcontrol/log/level_control.h"
#include "libcontrol/log/rule_sink.h"

namespace muster {

std::shared_ptr<spdlog::logger> logger(const std::string& name) {
  return log::LevelControl::instance().logger(name);
}

void watchLogger(spdlog::logger& logger) {
  log::attachRules(logger);
}

}  // namespace muster
