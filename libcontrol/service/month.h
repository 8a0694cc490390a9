// Months and days of the calendar, all of them in UTC. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::service {

// Days since 1970-01-01, in UTC.
using Day = int64_t;

Day dayOf(WallTime time);
WallTime beginOf(Day day);
std::string dayText(Day day);  // "2026-10-01"

struct Month {
  int year = 1970;
  unsigned month = 1;  // 1 to 12

  auto operator<=>(const Month&) const = default;
};

Month monthOf(WallTime time);
Month next(Month month);
Day firstDay(Month month);
int daysIn(Month month);
WallTime beginOf(Month month);
std::string monthText(Month month);     // "2026-10"
std::string monthInWords(Month month);  // "October 2026"

// What monthText() writes, of a month up to that of `now`. kInvalidArgument, with the field
// "month", says what would have been right.
Result<Month> parseMonth(std::string_view text, WallTime now);

}  // namespace muster::service
