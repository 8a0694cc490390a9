// What was kept of an objective in a month, from the record of its days. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/day_book.h"
#include "libcontrol/service/month.h"

namespace muster::service {

using DayRecord = std::pair<Day, DayAmounts>;

enum class Outcome {
  kKept = 1,    // the level is at the objective or above it
  kMissed = 2,  // it is not, and the month is over or its error budget spent
  kNoData = 3,
  kBelow = 4,  // it is not yet, but the rest of the month can still make up for it
};

struct MonthFigures {
  std::optional<double> objective_percent;  // that of the last day; nullopt: nothing is recorded
  std::optional<double> percent;            // 100 only if nothing bad happened at all
  Outcome outcome = Outcome::kNoData;
  // 1 is all that the objective allows in what is known of the month and, while it goes on, the
  // rest of it: of what nobody watched nothing is known, not even that it was good.
  std::optional<double> budget_spent;
  uint64_t good = 0;
  uint64_t bad = 0;
  Duration known{};
  Duration unknown{};  // of the month up to its end, or `now`
  uint32_t outages = 0;
};

// How long the month has lasted by then: all of it once it is over.
Duration lengthUntil(Month month, WallTime now);

// `days` of that month, in order.
MonthFigures foldMonth(Month month, WallTime now, const std::vector<DayRecord>& days);

// nullopt if nothing was counted that day.
std::optional<double> percentOf(const DayAmounts& amounts);

// What of an outage lies within the month.
Duration within(Month month, const RecordedOutage& outage);
// The share of the month's error budget that this part spent; nullopt if nothing is known.
std::optional<double> budgetSpentBy(const RecordedOutage& outage, Kind kind, Month month,
                                    WallTime now, const MonthFigures& figures);

// A block a day, up to `now`: "·" for one without data.
std::string dayBlocks(Month month, WallTime now, const std::vector<DayRecord>& days);

// A line a service, between a head with the days of the month and a legend. Empty without any.
struct ChartLine {
  std::string label;
  std::string blocks;
};
std::vector<std::string> monthChart(Month month, const std::vector<ChartLine>& lines);

}  // namespace muster::service
