#include "commands/when.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

constexpr int64_t kDayMs = 86'400'000;

std::optional<int64_t> timeOfDay(int hours, int minutes, int seconds) {
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) {
    return std::nullopt;
  }
  return ((hours * 60 + minutes) * 60 + seconds) * int64_t{1000};
}

// Whether all of `text` was read by the scan that ended at `end`.
bool isWhole(const std::string& text, int end) {
  return end > 0 && static_cast<size_t>(end) == text.size();
}

// "02:30" today, in UTC.
std::optional<WallTime> today(const std::string& text, WallTime now) {
  int hours = -1;
  int minutes = -1;
  int end = 0;
  if (std::sscanf(text.c_str(), "%2d:%2d%n", &hours, &minutes, &end) != 2 || !isWhole(text, end)) {
    return std::nullopt;
  }
  const auto in_day = timeOfDay(hours, minutes, 0);
  if (!in_day) return std::nullopt;
  return WallTime{now.unix_ms - now.unix_ms % kDayMs + *in_day};
}

std::optional<WallTime> next(const std::string& text, WallTime now) {
  auto when = today(text, now);
  if (when && when->unix_ms <= now.unix_ms) when->unix_ms += kDayMs;
  return when;
}

std::optional<WallTime> last(const std::string& text, WallTime now) {
  auto when = today(text, now);
  if (when && when->unix_ms > now.unix_ms) when->unix_ms -= kDayMs;
  return when;
}

std::optional<WallTime> instant(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  char between = 0;
  int hours = -1;
  int minutes = -1;
  int seconds = 0;
  int end = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2u-%2u%c%2d:%2d%n:%2d%n", &year, &month, &day,
                               &between, &hours, &minutes, &end, &seconds, &end);
  if (read < 6 || (between != 'T' && between != ' ')) return std::nullopt;
  std::string rest = text.substr(static_cast<size_t>(end));
  int milliseconds = 0;
  if (int digits = 0; std::sscanf(rest.c_str(), ".%3d%n", &milliseconds, &digits) == 1) {
    if (digits != 4 || milliseconds < 0) return std::nullopt;
    rest.erase(0, 4);
  }
  if (!rest.empty() && rest != "Z") return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  const auto in_day = timeOfDay(hours, minutes, seconds);
  if (!date.ok() || !in_day) return std::nullopt;
  return WallTime{std::chrono::sys_days(date).time_since_epoch().count() * kDayMs + *in_day +
                  milliseconds};
}

}  // namespace

Result<WallTime> parseWhen(const std::string& text, WallTime now, Duration furthest,
                           const std::string& field) {
  auto when = next(text, now);
  if (!when) when = instant(text);
  if (!when) {
    return Status(Code::kInvalidArgument,
                  "'" + singleLine(text, 64) +
                      "' is no time; say one in UTC, such as 02:30 or 2026-11-24T02:30:00Z",
                  field);
  }
  const int64_t ahead = when->unix_ms - now.unix_ms;
  if (ahead <= 0) {
    return Status(Code::kInvalidArgument, toRfc3339(*when) + " is over; it is " + toRfc3339(now),
                  field);
  }
  if (ahead > furthest.toMillis()) {
    return Status(Code::kInvalidArgument,
                  toRfc3339(*when) + " is more than " + formatDuration(furthest) + " ahead", field);
  }
  return *when;
}

Result<WallTime> parsePast(const std::string& text, WallTime now, const std::string& field) {
  std::optional<WallTime> when;
  if (const auto ago = parseDuration(text)) {
    when = WallTime{now.unix_ms - ago->toMillis()};
  } else {
    when = last(text, now);
  }
  if (!when) when = instant(text);
  if (!when) {
    return Status(Code::kInvalidArgument,
                  "'" + singleLine(text, 64) +
                      "' is no time; say how long ago, such as 90s, 10m or 2h, or a time in UTC, "
                      "such as 02:30 or 2026-11-24T02:30:00Z",
                  field);
  }
  if (when->unix_ms > now.unix_ms) {
    return Status(Code::kInvalidArgument,
                  toRfc3339(*when) + " is yet to come; it is " + toRfc3339(now), field);
  }
  return WallTime{std::max<int64_t>(0, when->unix_ms)};
}

}  // namespace muster::commands
