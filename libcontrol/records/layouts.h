// The parsers behind Format: one function a layout. Lines are valid UTF-8 and bounded; of `out`,
// what a line doesn't say is left as it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/records/format.h"
#include "libcontrol/records/time_layout.h"

namespace muster::records {

// "[2026-01-01 14:03:00.123] [logger] [level] text"; the root logger has no name there.
bool parseSpdlog(std::string_view line, const Zone& zone, ReadLine& out);
// "2026-01-01 14:03:00,123 [thread] LEVEL logger - text" and its usual variants: a time of day
// alone, the level before the thread, no thread, ':' before the text. The thread is left out.
bool parseLog4j(std::string_view line, const Zone& zone, WallTime arrival, ReadLine& out);
// "2026-01-01T14:03:00.123+01:00  INFO 1234 --- [main] logger : text", Spring Boot's.
bool parseSpring(std::string_view line, const Zone& zone, ReadLine& out);

// Which keys of a JSON object or of a logfmt line mean what.
struct Keys {
  std::vector<std::string> time;
  std::vector<std::string> level;
  std::vector<std::string> logger;
  std::vector<std::string> text;
  // Whose value, of several lines, is to follow the text.
  std::vector<std::string> stack;
};

// Puts key-value pairs into a record: those with a meaning in their places, all others behind the
// text as key=value.
class FieldSink {
 public:
  FieldSink(const Keys& keys, const TimeLayout& time, WallTime arrival, ReadLine& out)
      : keys_(keys), time_(time), arrival_(arrival), out_(out) {}

  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, double number, std::string_view written);
  void other(std::string_view key, std::string_view written);
  // Puts the text together. Whether any key had a meaning.
  bool finish();

 private:
  enum class Part { kTime, kLevel, kLogger, kText };
  // Whether the key means this, and is of a higher rank than what has been taken for it.
  bool takes(Part part, const std::vector<std::string>& names, std::string_view key);
  bool takeTime(std::string_view value);
  void append(std::string_view key, std::string_view value, bool quote);

  const Keys& keys_;
  const TimeLayout& time_;
  const WallTime arrival_;
  ReadLine& out_;
  size_t ranks_[4] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
  std::string_view text_key_;
  std::string rest_;
  std::string stack_;
};

// One object with nothing behind it.
bool parseJson(std::string_view line, FieldSink& sink);
// key=value pairs; values with spaces in quotes. False if one has no '=', before any has a meaning.
bool parseLogfmt(std::string_view line, FieldSink& sink);

}  // namespace muster::records
