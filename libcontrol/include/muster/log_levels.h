// Log levels of an application that lives in another process: how the node changes them there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "muster/records.h"
#include "muster/status.h"

namespace muster {

// One logger of the application's, as far as the application can tell.
struct ApplicationLogger {
  std::string name;                    // "root" for the root; hierarchical by dots
  std::optional<LogLevel> configured;  // its own; nothing: it has none, or that can't be known
  std::optional<LogLevel> effective;   // what applies; nothing: that can't be known
};

// A way to an application's log levels. Implemented by whoever looks after the application, called
// by the node on a thread of its own, one call at a time. Calls may block, each for at most 5
// seconds: somebody waits for an answer, and when the node stops it waits for the call under way.
//
// Levels may be set again although the application has them already, and given back although it has
// lost them.
class LogLevelDriver {
 public:
  virtual ~LogLevelDriver() = default;

  // For people, a noun: "the actuator at http://127.0.0.1:8080/actuator".
  virtual std::string describe() const = 0;

  // Whether list() has every name that can be set. Otherwise any name is taken.
  virtual bool knowsNames() const = 0;
  // The loggers that the application tells of; without knowsNames() perhaps none. Names at most 128
  // bytes; no more than 10,000 are looked at.
  virtual Result<std::vector<ApplicationLogger>> list() = 0;

  // Gives a logger the level. Nothing: takes away what was set, so that the logger has again what
  // it had at the application's start, or what it inherits. kUnavailable: the application was not
  // reached, kForbidden: it doesn't let us; in both cases nothing has changed. kInvalidArgument,
  // kNotFound: it refuses, and will again. With any other error it may have happened.
  virtual Status set(const std::string& logger, std::optional<LogLevel> level) = 0;
};

}  // namespace muster
