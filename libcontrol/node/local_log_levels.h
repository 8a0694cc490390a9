// The loggers of this process, as the command log-level sees them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/log_level.h"
#include "libcontrol/base/clock.h"

namespace muster {

// LevelControl is the process's, so several of these speak of the same loggers. One thread.
class LocalLogLevels {
 public:
  using Change = commands::LogLevels::Change;

  std::vector<v1::LoggerState> list();
  std::optional<v1::LoggerState> find(const std::string& name);
  Status set(const Change& change, ElapsedTime now, WallTime wall);
  Status reset(const std::string& logger);

  // To be called a few times a second: ends overrides whose time is over and finds the loggers that
  // the application registered by itself.
  void housekeeping(ElapsedTime now);

 private:
  ElapsedTime adopted_{};  // when foreign loggers were last looked for
};

}  // namespace muster
