// log-level: the loggers of a node and their levels.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

// The loggers of the process or of its application, as far as this command needs them.
class LogLevels {
 public:
  virtual ~LogLevels() = default;
  // `done` of each call is called once, at once or later, on the caller's thread.
  struct Listing {
    std::vector<v1::LoggerState> loggers;  // the root first, then by name
    std::string note;                      // a sentence on why some are missing; empty: none are
  };
  virtual void list(std::function<void(Listing)> done) = 0;
  // The one of list() with that very name; a process may have thousands.
  struct Found {
    std::optional<v1::LoggerState> logger;
    std::string note;
  };
  virtual void find(const std::string& name, std::function<void(Found)> done) = 0;
  struct Change {
    std::string logger;
    v1::LogLevel level = v1::LOG_LEVEL_UNSPECIFIED;  // never LOG_LEVEL_RESET
    // limits::kForever: until it is reset; nothing: as long as such an override should last.
    std::optional<Duration> duration;
    std::string by;      // bare JID
    bool ahead = false;  // also if no logger has that name yet
  };
  // Errors name the field ("logger", "for") and the remedy.
  virtual void set(const Change& change, ElapsedTime now, WallTime wall,
                   std::function<void(Status)> done) = 0;
  virtual void reset(const std::string& logger, std::function<void(Status)> done) = 0;
};

// What a request for levels must not leave open, at a node as at the coordinator.
template <typename Request>
Status checkLevelRequest(const Request& request) {
  if (!request.has_level()) {
    if (!request.has_for_ms()) return Status::ok();
    return {Code::kInvalidArgument, "'for' needs a level to set, such as debug", "level"};
  }
  if (!request.has_logger()) {
    return {Code::kInvalidArgument, "say which logger is to be set; 'root' stands for all of them",
            "logger"};
  }
  if (request.level() == v1::LOG_LEVEL_RESET && request.has_for_ms()) {
    return {Code::kInvalidArgument, "a reset takes no time; leave 'for' out", "for"};
  }
  return Status::ok();
}

// The duration that was asked for: limits::kForever for "forever", nothing if nothing was said.
template <typename Request>
std::optional<Duration> durationIn(const Request& request) {
  if (!request.has_for_ms()) return std::nullopt;
  if (request.for_ms() == 0) return limits::kForever;
  return Duration::millis(static_cast<int64_t>(request.for_ms()));
}

// "debug".
const std::string& levelLabel(v1::LogLevel level);

// `levels` must outlive the handlers.
void addLogLevel(catalogue::HandlerSet& handlers, LogLevels& levels);

}  // namespace muster::commands
