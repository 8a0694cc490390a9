#include "coordinator/cli/log_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::cli {
namespace {

// Kept of a line: what the rules look at, and what stands before the text.
constexpr size_t kMaxLineBytes = limits::kMaxRuleTextBytes + 512;

// A number of exactly so many digits at the beginning, which is taken off.
bool takeNumber(std::string_view& text, size_t digits, int& out) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
  if (error != std::errc() || end != text.data() + digits || out < 0) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// "2026-01-01 14:03:00.123", the fraction of one to nine digits or none.
std::optional<WallTime> parseTime(std::string_view text) {
  std::tm tm{};
  int milliseconds = 0;
  const bool whole =
      takeNumber(text, 4, tm.tm_year) && take(text, '-') && takeNumber(text, 2, tm.tm_mon) &&
      take(text, '-') && takeNumber(text, 2, tm.tm_mday) && take(text, ' ') &&
      takeNumber(text, 2, tm.tm_hour) && take(text, ':') && takeNumber(text, 2, tm.tm_min) &&
      take(text, ':') && takeNumber(text, 2, tm.tm_sec);
  if (!whole) return std::nullopt;
  const bool in_range = tm.tm_year >= 1970 && tm.tm_mon >= 1 && tm.tm_mon <= 12 &&
                        tm.tm_mday >= 1 && tm.tm_mday <= 31 && tm.tm_hour <= 23 &&
                        tm.tm_min <= 59 && tm.tm_sec <= 60;
  if (!in_range) return std::nullopt;
  if (take(text, '.')) {
    if (text.empty() || text.size() > 9) return std::nullopt;
    int weight = 100;
    for (const char c : text) {
      if (c < '0' || c > '9') return std::nullopt;
      milliseconds += (c - '0') * weight;
      weight /= 10;
    }
  } else if (!text.empty()) {
    return std::nullopt;
  }
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return WallTime{static_cast<int64_t>(timegm(&tm)) * 1000 + milliseconds};
}

// What stands in brackets at the beginning, which is taken off with the space behind it.
std::optional<std::string_view> takeBracket(std::string_view& text) {
  if (text.empty() || text[0] != '[') return std::nullopt;
  const size_t end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  take(text, ' ');
  return inside;
}

}  // namespace

std::optional<LogRecord> parseLogLine(std::string_view line) {
  const auto time = takeBracket(line);
  const auto at = time ? parseTime(*time) : std::nullopt;
  if (!at) return std::nullopt;
  const auto first = takeBracket(line);
  if (!first) return std::nullopt;
  LogRecord record;
  record.at = at;
  std::string_view rest = line;
  const auto second = takeBracket(rest);
  const auto named = second ? rules::parseSeverity(*second) : std::nullopt;
  const auto unnamed = rules::parseSeverity(*first);
  if (named) {
    record.level = *named;
    if (!first->empty()) record.logger = first->substr(0, limits::kMaxLoggerNameBytes);
    record.text = rest.substr(0, limits::kMaxRuleTextBytes);
  } else if (unnamed) {
    record.level = *unnamed;
    record.text = line.substr(0, limits::kMaxRuleTextBytes);
  } else {
    return std::nullopt;
  }
  return record;
}

bool LogLines::next(LogRecord& out) {
  while (readLine()) {
    if (auto record = parseLogLine(line_)) {
      record->line = lines_;
      std::optional<LogRecord> whole = std::exchange(begun_, std::move(record));
      if (!whole) continue;
      out = *std::move(whole);
      return true;
    }
    if (begun_) {
      const size_t room = limits::kMaxRuleTextBytes - begun_->text.size();
      begun_->text += ("\n" + line_).substr(0, room);
      continue;
    }
    if (line_.empty()) continue;
    out = {};
    out.text = line_.substr(0, limits::kMaxRuleTextBytes);
    out.line = lines_;
    return true;
  }
  if (!begun_) return false;
  out = *std::exchange(begun_, std::nullopt);
  return true;
}

// Without its end, of whatever system; at most kMaxLineBytes of it.
bool LogLines::readLine() {
  line_.clear();
  std::array<char, 4096> part;
  bool any = false;
  for (;;) {
    in_.getline(part.data(), part.size());
    const auto count = static_cast<size_t>(in_.gcount());
    any = any || count > 0;
    // A full part without a line feed in it sets the fail bit, and so does an end at once.
    const bool cut = in_.fail() && !in_.eof() && count > 0;
    const size_t kept = in_.eof() || cut ? count : count - (count > 0 ? 1 : 0);
    line_.append(part.data(), std::min(kept, kMaxLineBytes - line_.size()));
    if (!cut) break;
    in_.clear();
  }
  if (!any) return false;
  ++lines_;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

}  // namespace muster::cli
