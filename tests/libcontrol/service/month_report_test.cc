#include "libcontrol/service/month_report.h"

#include <gmock/gmock.h>

#include "libcontrol/base/text.h"

namespace muster::service {
namespace {

using testing::ElementsAre;

constexpr Month kOctober{2026, 10};
const Day kFirst = firstDay(kOctober);
const WallTime kLater = beginOf(Month{2026, 12});

DayRecord day(int number, uint64_t good, uint64_t bad, int64_t known_s = 86'400,
              double objective = 99) {
  return {kFirst + number - 1,
          DayAmounts{objective, good, bad, Duration::seconds(known_s), bad > 0 ? 1u : 0u}};
}

std::vector<DayRecord> wholeMonth(uint64_t good, uint64_t bad) {
  std::vector<DayRecord> days;
  for (int i = 1; i <= daysIn(kOctober); ++i) days.push_back(day(i, good, bad));
  return days;
}

TEST(MonthReportTest, AMonthWithoutARecordHasNoData) {
  const MonthFigures figures = foldMonth(kOctober, kLater, {});
  EXPECT_EQ(figures.percent, std::nullopt);
  EXPECT_EQ(figures.budget_spent, std::nullopt);
  EXPECT_EQ(figures.objective_percent, std::nullopt);
  EXPECT_EQ(figures.outcome, Outcome::kNoData);
  EXPECT_EQ(figures.unknown, Duration::seconds(31 * 86'400));
}

TEST(MonthReportTest, ADayInWhichNothingWasCountedHasNoDataEither) {
  const MonthFigures figures = foldMonth(kOctober, kLater, {day(3, 0, 0)});
  EXPECT_EQ(figures.percent, std::nullopt);
  EXPECT_EQ(figures.outcome, Outcome::kNoData);
  EXPECT_EQ(figures.known, Duration::seconds(86'400));
}

TEST(MonthReportTest, AWholeMonthIsKeptOrMissedByItsObjective) {
  MonthFigures figures = foldMonth(kOctober, kLater, wholeMonth(995, 5));
  EXPECT_DOUBLE_EQ(*figures.percent, 99.5);
  EXPECT_NEAR(*figures.budget_spent, 0.5, 1e-9);
  EXPECT_EQ(figures.outcome, Outcome::kKept);
  EXPECT_EQ(figures.unknown, Duration{});
  EXPECT_EQ(figures.outages, 31u);

  figures = foldMonth(kOctober, kLater, wholeMonth(980, 20));
  EXPECT_NEAR(*figures.budget_spent, 2, 1e-9);
  EXPECT_EQ(figures.outcome, Outcome::kMissed);
}

TEST(MonthReportTest, TheLastObjectiveIsTheOneThatCounts) {
  const MonthFigures figures =
      foldMonth(kOctober, kLater, {day(1, 999, 1, 86'400, 99.99), day(2, 1000, 0, 86'400, 99.9)});
  EXPECT_EQ(figures.objective_percent, 99.9);
  EXPECT_EQ(figures.outcome, Outcome::kKept);
}

TEST(MonthReportTest, NothingIsAHundredPercentThatWasNotWhollyGood) {
  const MonthFigures figures = foldMonth(kOctober, kLater, {day(1, uint64_t{1} << 60, 1)});
  EXPECT_LT(*figures.percent, 100);
  EXPECT_NE(formatPercent(*figures.percent), "100");
  EXPECT_EQ(*foldMonth(kOctober, kLater, {day(1, 7, 0)}).percent, 100);
}

// What nobody watched is not taken for good.
TEST(MonthReportTest, UnknownTimeHasNoBudget) {
  const MonthFigures figures = foldMonth(kOctober, kLater, {day(1, 980, 20)});
  EXPECT_EQ(figures.outcome, Outcome::kMissed);
  EXPECT_NEAR(*figures.budget_spent, 2, 1e-9);
  EXPECT_EQ(figures.unknown, Duration::seconds(30 * 86'400));
}

TEST(MonthReportTest, WhileTheMonthGoesOnItsRestCanMakeUpForIt) {
  const WallTime now = beginOf(kFirst + 1);
  MonthFigures figures = foldMonth(kOctober, now, {day(1, 980, 20)});
  EXPECT_EQ(figures.outcome, Outcome::kBelow);
  EXPECT_NEAR(*figures.budget_spent, 2.0 / 31, 1e-9);
  EXPECT_EQ(figures.unknown, Duration{});
  figures = foldMonth(kOctober, now, {day(1, 500, 500)});
  EXPECT_EQ(figures.outcome, Outcome::kMissed) << "50 days' budget is spent";
}

TEST(MonthReportTest, ADayHasNoMoreThanItsHours) {
  const MonthFigures figures = foldMonth(kOctober, kLater, {day(1, 10, 0, 100'000)});
  EXPECT_EQ(figures.known, Duration::seconds(86'400));
}

RecordedOutage outage(WallTime begin, int64_t seconds, uint64_t bad) {
  return {begin, {begin.unix_ms + seconds * 1000}, OutageEnd::kOver, bad};
}

TEST(MonthReportTest, OnlyWhatOfAnOutageLiesWithinTheMonthCounts) {
  const WallTime end = beginOf(Month{2026, 11});
  const RecordedOutage across = outage({end.unix_ms - 60'000}, 240, 240'000);
  EXPECT_EQ(within(kOctober, across), Duration::seconds(60));
  EXPECT_EQ(within(Month{2026, 11}, across), Duration::seconds(180));
  EXPECT_EQ(within(Month{2026, 9}, across), Duration{});

  const int64_t month_ms = 31LL * 86'400'000;
  const MonthFigures timed = foldMonth(
      kOctober, kLater, {day(31, static_cast<uint64_t>(month_ms) - 60'000, 60'000, 31 * 86'400)});
  const double allowed_ms = 0.01 * static_cast<double>(month_ms);
  EXPECT_NEAR(*budgetSpentBy(across, Kind::kAvailability, kOctober, kLater, timed),
              60'000 / allowed_ms, 1e-6);

  const MonthFigures requests = foldMonth(kOctober, kLater, {day(31, 900, 100)});
  // A quarter of its 200 lies within October.
  EXPECT_NEAR(*budgetSpentBy(outage({end.unix_ms - 60'000}, 240, 200), Kind::kRequests, kOctober,
                             kLater, requests),
              50.0 / 1000 / 0.01, 1e-9);
  EXPECT_EQ(
      budgetSpentBy(across, Kind::kAvailability, kOctober, kLater, foldMonth(kOctober, kLater, {})),
      std::nullopt);
}

TEST(MonthReportTest, TheChartHasABlockADay) {
  const std::string blocks =
      dayBlocks(kOctober, kLater, {day(1, 10, 0), day(2, 0, 0), day(3, 980, 20), day(5, 1, 99)});
  EXPECT_EQ(blocks.substr(0, blocks.find("··")), "█·▄·▁");
  EXPECT_EQ(displayWidth(blocks), 31u);
  EXPECT_EQ(dayBlocks(kOctober, beginOf(kFirst + 2), {day(1, 10, 0)}), "█··") << "up to today";
  EXPECT_EQ(displayWidth(dayBlocks({2028, 2}, kLater, {})), 0u) << "not begun yet";
}

TEST(MonthReportTest, TheChartHasAHeadAndALegend) {
  EXPECT_TRUE(monthChart(kOctober, {}).empty());
  EXPECT_THAT(
      monthChart(kOctober, {{"user.ledger", "█▅"}, {"a\tb", "·"}}),
      ElementsAre("             1   5    10   15   20   25    31",  //
                  "user.ledger  █▅",                                //
                  "a b          ·",
                  "█ nothing bad, ▅ and above within the objective, ▁ more than ten times what it "
                  "allows, · no data"));
  const auto february = monthChart({2026, 2}, {{"u", "█"}});
  EXPECT_EQ(february[0], "   1   5    10   15   20   25 28");
}

}  // namespace
}  // namespace muster::service
