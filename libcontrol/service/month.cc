#include "libcontrol/service/month.h"

#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>

#include "libcontrol/base/text.h"

namespace muster::service {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kShownBytes = 32;
constexpr std::array kNames = {"January",   "February", "March",    "April",
                               "May",       "June",     "July",     "August",
                               "September", "October",  "November", "December"};

std::chrono::year_month_day dateOf(Day day) {
  return std::chrono::sys_days(std::chrono::days(day));
}

// "2026-10", nothing else.
bool readMonth(std::string_view text, Month& out) {
  if (text.size() != 7 || text[4] != '-') return false;
  int digits[6];
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 4) continue;
    if (!std::isdigit(static_cast<unsigned char>(text[i]))) return false;
    digits[n++] = text[i] - '0';
  }
  out.year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3];
  out.month = static_cast<unsigned>(digits[4] * 10 + digits[5]);
  return out.month >= 1 && out.month <= 12;
}

}  // namespace

Day dayOf(WallTime time) {
  const int64_t quotient = time.unix_ms / kDayMs;
  return time.unix_ms % kDayMs < 0 ? quotient - 1 : quotient;
}

WallTime beginOf(Day day) {
  return {day * kDayMs};
}

std::string dayText(Day day) {
  const auto date = dateOf(day);
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return out;
}

Month monthOf(WallTime time) {
  const auto date = dateOf(dayOf(time));
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month())};
}

Month next(Month month) {
  if (month.month == 12) return {month.year + 1, 1};
  return {month.year, month.month + 1};
}

Day firstDay(Month month) {
  const std::chrono::sys_days first =
      std::chrono::year(month.year) / std::chrono::month(month.month) / std::chrono::day(1);
  return first.time_since_epoch().count();
}

int daysIn(Month month) {
  return static_cast<int>(firstDay(next(month)) - firstDay(month));
}

WallTime beginOf(Month month) {
  return beginOf(firstDay(month));
}

std::string monthText(Month month) {
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u", month.year, month.month);
  return out;
}

std::string monthInWords(Month month) {
  return kNames.at(month.month - 1) + (" " + std::to_string(month.year));
}

Result<Month> parseMonth(std::string_view text, WallTime now) {
  const Month present = monthOf(now);
  Month month;
  if (!readMonth(text, month)) {
    return Status(Code::kInvalidArgument,
                  "'" + singleLine(text, kShownBytes) +
                      "' is no month; write year and month with a hyphen, such as " +
                      monthText(present),
                  "month");
  }
  if (month > present) {
    return Status(Code::kInvalidArgument,
                  monthText(month) + " has not begun yet; the latest month is " +
                      monthText(present) + " (UTC)",
                  "month");
  }
  return month;
}

}  // namespace muster::service
