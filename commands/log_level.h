// log-level: the loggers of a node and their levels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

// The loggers of the process, as far as this command needs them.
class LogLevels {
 public:
  virtual ~LogLevels() = default;
  // The root first, then by name.
  virtual std::vector<v1::LoggerState> list() = 0;
  // `level` is never LOG_LEVEL_RESET. Errors name the field ("logger", "for") and the remedy.
  virtual Status set(const std::string& logger, v1::LogLevel level,
                     std::optional<Duration> duration, const std::string& by, ElapsedTime now,
                     WallTime wall) = 0;
  virtual Status reset(const std::string& logger) = 0;
};

// `levels` must outlive the handlers.
void addLogLevel(catalogue::HandlerSet& handlers, LogLevels& levels);

}  // namespace muster::commands
