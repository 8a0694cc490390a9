#include "libcontrol/service/month_report.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"
#include "libcontrol/service/level_chart.h"

namespace muster::service {
namespace {

constexpr Duration kWholeDay = Duration::seconds(86400);
constexpr size_t kMaxLabel = 32;

std::optional<double> shareOfGood(uint64_t good, uint64_t bad) {
  const double all = static_cast<double>(good) + static_cast<double>(bad);
  if (all <= 0) return std::nullopt;
  if (bad == 0) return 100;
  // However little of it was bad: 100 would say that nothing was.
  return std::min(100 * (static_cast<double>(good) / all), std::nextafter(100.0, 0.0));
}

// What the error budget is measured by.
WindowTotal budgetTotal(Month month, WallTime now, const MonthFigures& figures) {
  // At least something was watched if something was counted.
  const Duration known = std::max(figures.known, Duration::millis(1));
  const int64_t left_ms = beginOf(next(month)).unix_ms - now.unix_ms;
  const Duration left = Duration::millis(std::max<int64_t>(0, left_ms));
  return {known + left, figures.good, figures.bad, known};
}

Outcome outcomeOf(const MonthFigures& figures, bool over) {
  if (!figures.percent) return Outcome::kNoData;
  if (*figures.percent >= *figures.objective_percent) return Outcome::kKept;
  return over || *figures.budget_spent >= 1 ? Outcome::kMissed : Outcome::kBelow;
}

std::string labelled(const std::string& label, size_t width, const std::string& text) {
  std::string out = singleLine(label, kMaxLabel);
  out.append(width - std::min(width, displayWidth(out)) + 2, ' ');
  return out + text;
}

}  // namespace

Duration lengthUntil(Month month, WallTime now) {
  const WallTime end = std::min(beginOf(next(month)), now);
  return Duration::millis(std::max<int64_t>(0, end.unix_ms - beginOf(month).unix_ms));
}

MonthFigures foldMonth(Month month, WallTime now, const std::vector<DayRecord>& days) {
  MonthFigures out;
  for (const auto& [day, amounts] : days) {
    out.objective_percent = amounts.objective_percent;
    out.good += amounts.good;
    out.bad += amounts.bad;
    // A wall clock that was set back has days twice.
    out.known = out.known + std::min(amounts.known, kWholeDay);
    out.outages += amounts.outages;
  }
  const Duration length = lengthUntil(month, now);
  out.known = std::min(out.known, length);
  out.unknown = length - out.known;
  out.percent = shareOfGood(out.good, out.bad);
  if (out.percent) {
    out.budget_spent = burnRate(budgetTotal(month, now, out), *out.objective_percent);
  }
  out.outcome = outcomeOf(out, now >= beginOf(next(month)));
  return out;
}

std::optional<double> percentOf(const DayAmounts& amounts) {
  return shareOfGood(amounts.good, amounts.bad);
}

Duration within(Month month, const RecordedOutage& outage) {
  const WallTime begin = std::max(outage.begin, beginOf(month));
  const WallTime end = std::min(outage.end, beginOf(next(month)));
  return Duration::millis(std::max<int64_t>(0, end.unix_ms - begin.unix_ms));
}

std::optional<double> budgetSpentBy(const RecordedOutage& outage, Kind kind, Month month,
                                    WallTime now, const MonthFigures& figures) {
  if (!figures.percent) return std::nullopt;
  const Duration inside = within(month, outage);
  auto bad = static_cast<uint64_t>(inside.toMillis());
  if (kind == Kind::kRequests) {
    const int64_t length_ms = outage.end.unix_ms - outage.begin.unix_ms;
    const double share =
        length_ms > 0 ? static_cast<double>(inside.toMillis()) / static_cast<double>(length_ms) : 1;
    bad = static_cast<uint64_t>(static_cast<double>(outage.bad) * share);
  }
  return budgetSpentBy(std::min(bad, figures.bad), budgetTotal(month, now, figures),
                       *figures.objective_percent);
}

std::string dayBlocks(Month month, WallTime now, const std::vector<DayRecord>& days) {
  std::string out;
  auto next_record = days.begin();
  const Day last = std::min(dayOf(now), firstDay(next(month)) - 1);
  for (Day day = firstDay(month); day <= last; ++day) {
    while (next_record != days.end() && next_record->first < day) ++next_record;
    std::optional<double> percent;
    if (next_record != days.end() && next_record->first == day) {
      percent = percentOf(next_record->second);
    }
    out += percent ? levelBlock(*percent, next_record->second.objective_percent) : kNoDataBlock;
  }
  return out;
}

std::vector<std::string> monthChart(Month month, const std::vector<ChartLine>& lines) {
  if (lines.empty()) return {};
  size_t width = 0;
  for (const ChartLine& line : lines) {
    width = std::max(width, displayWidth(singleLine(line.label, kMaxLabel)));
  }
  std::string scale;
  for (const int day : {1, 5, 10, 15, 20, 25, daysIn(month)}) {
    scale.resize(static_cast<size_t>(day - 1), ' ');
    scale += std::to_string(day);
  }
  std::vector<std::string> out = {labelled("", width, scale)};
  for (const ChartLine& line : lines) out.push_back(labelled(line.label, width, line.blocks));
  out.push_back(blockLegend());
  return out;
}

}  // namespace muster::service
