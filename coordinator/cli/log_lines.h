// A log file, read record by record.
#pragma once

#include <cstddef>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/records/format.h"
#include "libcontrol/records/joiner.h"
#include "libcontrol/rules/rule.h"

namespace muster::cli {

struct LogRecord {
  // As the line says it, taken for UTC, since it has no zone; nothing if it says none.
  std::optional<WallTime> at;
  rules::Severity level = rules::Severity::kInfo;
  std::string logger = "root";
  std::string text;  // cut after limits::kMaxRuleTextBytes
  size_t line = 0;   // of its beginning, from 1
};

// Of a log in spdlog's default layout: "[2026-01-01 14:03:00.123] [logger] [level] text"; the root
// logger has no name there. What follows the beginning of a record and is none itself belongs to it
// (a stack trace), as it did when the record was logged. Lines before the first beginning, so all
// of a log with another layout, are records by themselves, of level info and the root logger. Lines
// may be of any length and hold any bytes; what is kept of one is bounded.
class LogLines {
 public:
  // `in` must outlive this.
  explicit LogLines(std::istream& in);

  // False at the end.
  bool next(LogRecord& out);

  size_t lines() const { return lines_; }

 private:
  bool readLine();

  std::istream& in_;
  std::string line_;
  const std::unique_ptr<records::Format> format_;
  records::Joiner joiner_;
  size_t lines_ = 0;
};

}  // namespace muster::cli
