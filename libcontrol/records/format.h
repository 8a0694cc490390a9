// Lines of a log file, as programs write them, into records.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/records/record.h"

namespace muster::records {

struct FormatOptions {
  // "auto", "plain", "json", "logfmt", "spdlog", "log4j" or "spring"; see formatNames().
  std::string name = "auto";
  // Of "plain": RE2, matched at the line's beginning, with groups named time, level, logger and
  // text; without `text` the text is what follows the match. Empty: a line is all text.
  std::string pattern;
  // Of "plain" with a group `time`, and of JSON and logfmt where times are texts: see TimeLayout.
  std::string time = "iso8601";
  // What times without a zone are taken for: see Zone.
  std::string zone = "local";
  // Of JSON and logfmt: the keys, the first of each that is there counts. Empty: the usual ones.
  std::vector<std::string> time_keys;
  std::vector<std::string> level_keys;
  std::vector<std::string> logger_keys;
  std::vector<std::string> text_keys;
  // Where a line says none.
  Severity level = Severity::kInfo;
  // RE2, looked for anywhere in a line that begins no record: whether it belongs to the record
  // before. Empty: as is usual for the format, see Format::continues().
  std::string continuation;
};

// What a line says. The text is valid UTF-8 without control characters but tabs and line feeds.
struct ReadLine {
  Record record;
  bool has_time = false;  // otherwise record.at is when it arrived
};

// Immutable but for what it remembers of zones and its buffers: for one thread.
class Format {
 public:
  // kInvalidArgument with the name of the option as field.
  static Result<std::unique_ptr<Format>> make(const FormatOptions& options);
  virtual ~Format() = default;

  // False: the line begins no record in this format, and `out` means nothing. Of a line, as many
  // bytes as limits::kMaxLogLineBytes are looked at; any bytes will do. `line` has no line feed.
  bool begins(std::string_view line, WallTime arrival, ReadLine& out);
  // Whether a line that begins no record belongs to the one before. In layouts that every first
  // line follows (spdlog, log4j, spring, plain with a pattern) it always does. In the others it
  // does if it looks like part of a stack trace: indented, "at ...", "Caused by: ...",
  // "... 12 more", or a brace that closes what was begun.
  bool continues(std::string_view line) const;
  // A line that neither begins nor continues a record, whole, with the level for such lines.
  ReadLine alone(std::string_view line, WallTime arrival) const;
  // Whether the line looks like part of a stack trace, or is what the option `continuation` says.
  bool looksLikeMore(std::string_view line) const;

 protected:
  // The line is valid UTF-8 there. Of `out`, at, level, logger and text are set as in alone() but
  // for the text, which is empty.
  virtual bool parse(std::string_view line, WallTime arrival, ReadLine& out) = 0;
  virtual bool takesAllLines() const { return false; }

 private:
  struct Continuation;
  Severity level_ = Severity::kInfo;
  std::shared_ptr<const Continuation> continuation_;
  std::string mended_;
};

const std::vector<std::string>& formatNames();

// A level as logs of all kinds name it: "INFO", "warning", "E", "notice", "panic", ...
std::optional<Severity> readLevel(std::string_view text);
// As pino and bunyan number them: 10 trace, 20 debug, ... 60 fatal.
Severity levelOfNumber(double number);

}  // namespace muster::records
