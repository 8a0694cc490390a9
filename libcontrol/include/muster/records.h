// Log records that were written elsewhere than by this process's loggers: by a program that the
// process looks after, or by a logging library that isn't spdlog.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "muster/status.h"

namespace muster {

// How severe a record is; numbered as spdlog's levels.
enum class LogLevel : uint8_t {
  kTrace,
  kDebug,
  kInfo,
  kWarn,
  kError,
  kCritical,
  kOff,  // of a logger only, never of a record
};

struct LogRecord {
  std::chrono::system_clock::time_point at;
  LogLevel level = LogLevel::kInfo;
  std::string logger;  // hierarchical by dots; empty: the root
  std::string text;    // any bytes; may have several lines
};

// How far a source of records has been read. It is kept in the same commit as the records that were
// offered with it, so that after a restart, however the process ended, the source goes on behind
// the last record that is kept: none is lost and none is there twice.
struct LogPosition {
  std::string source;  // unique among the sources of a node
  std::string place;   // means something to the source alone; at most 4096 bytes
};

// Takes records to the node's log rules, to whoever follows its log, and to the log that it keeps.
// Any thread.
class LogIntake {
 public:
  virtual ~LogIntake() = default;

  // Takes all records, in order, or none. kResourceExhausted: the queue is full; whoever can read
  // its source again later offers them again. `kept` is called once, on another thread and perhaps
  // before this returns, when the records are on the disk, or with the reason why they won't be; it
  // must not block. Where no log is kept it is called as soon as the records have been passed on.
  virtual Status offer(std::vector<LogRecord> records, std::optional<LogPosition> position = {},
                       std::function<void(Status)> kept = {}) = 0;

  // For a source that can't wait and can't be read again. While the queue is full the least severe
  // records are given up first, and counted.
  virtual void add(LogRecord record) = 0;

  // Returns when all that was offered before is on the disk, or was tried, and `kept` was called.
  virtual void flush() {}

  // Whether what was kept can be known. While the disk doesn't let it, records are refused, and
  // whoever would go on from a place waits.
  virtual bool isReady() const { return true; }

  // What was kept last for this source; nothing: it is new.
  virtual std::optional<std::string> place(const std::string& source) const = 0;
};

}  // namespace muster
