#include "libcontrol/service/day_book.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

constexpr WallTime kMidnight{1'793'491'200'000};  // 2026-11-01T00:00:00Z
const Day kFirst = dayOf(kMidnight);
const RecordKey kUser{"ledger", "", "user", Kind::kRequests};
const RecordKey kStorage{"ledger", "", "storage", Kind::kAvailability};

class DayBookTest : public testing::Test {
 protected:
  DayBookTest() { clock_.setWall(kMidnight); }

  void pass(int64_t seconds) { clock_.advance(Duration::seconds(seconds)); }
  void storage(std::optional<bool> down) {
    DayBook::Told told;
    told.down = down;
    book_.tell(kStorage, told, clock_.elapsed(), clock_.wall());
  }
  void user(uint64_t good, uint64_t bad, std::optional<bool> down = false, uint64_t in_window = 0) {
    DayBook::Told told{99, down, good, bad, in_window};
    book_.tell(kUser, told, clock_.elapsed(), clock_.wall());
  }
  // What has been put down by now.
  void take() {
    book_.book(clock_.elapsed(), clock_.wall());
    const DayBook::Changes changes = book_.take(1000);
    for (const auto& [key, amounts] : changes.days) {
      DayAmounts& day = days_[key];
      day.objective_percent = amounts.objective_percent;
      day.good += amounts.good;
      day.bad += amounts.bad;
      day.known = day.known + amounts.known;
      day.outages += amounts.outages;
    }
    for (const auto& [key, outage] : changes.outages) outages_[{key, outage.begin}] = outage;
  }
  DayAmounts day(const RecordKey& key, Day day) { return days_[{key, day}]; }

  ManualClock clock_;
  DayBook book_;
  std::map<std::pair<RecordKey, Day>, DayAmounts> days_;
  std::map<std::pair<RecordKey, WallTime>, RecordedOutage> outages_;
};

TEST_F(DayBookTest, TimeIsPutDownAsItWas) {
  storage(false);
  pass(100);
  storage(true);
  pass(30);
  storage(false);
  pass(70);
  take();
  EXPECT_EQ(day(kStorage, kFirst), (DayAmounts{99.9, 170'000, 30'000, Duration::seconds(200), 1}));
  ASSERT_EQ(outages_.size(), 1u);
  const RecordedOutage expected{
      {kMidnight.unix_ms + 100'000}, {kMidnight.unix_ms + 130'000}, OutageEnd::kOver, 30'000};
  EXPECT_EQ(outages_.begin()->second, expected);
}

TEST_F(DayBookTest, ADayEndsAtMidnight) {
  clock_.setWall({kMidnight.unix_ms - 10'000});
  storage(true);
  pass(40);
  take();
  EXPECT_EQ(day(kStorage, kFirst - 1).bad, 10'000u);
  EXPECT_EQ(day(kStorage, kFirst).bad, 30'000u);
  EXPECT_EQ(day(kStorage, kFirst).known, Duration::seconds(30));
  EXPECT_EQ(day(kStorage, kFirst - 1).outages, 1u);
  EXPECT_EQ(day(kStorage, kFirst).outages, 0u);
  EXPECT_EQ(outages_.begin()->second.state, OutageEnd::kOngoing);
}

TEST_F(DayBookTest, ManyDaysWithoutAWordAreEachTheirOwn) {
  storage(false);
  pass(86'400 * 2 + 100);
  take();
  EXPECT_EQ(day(kStorage, kFirst).good, 86'400'000u);
  EXPECT_EQ(day(kStorage, kFirst + 1).good, 86'400'000u);
  EXPECT_EQ(day(kStorage, kFirst + 2).good, 100'000u);
}

TEST_F(DayBookTest, RequestsAreWhatWasToldBeyondTheLastTime) {
  user(1000, 10);  // before anybody looked
  pass(60);
  user(1500, 12);
  pass(60);
  user(1600, 12);
  take();
  EXPECT_EQ(day(kUser, kFirst), (DayAmounts{99, 600, 2, Duration::seconds(120), 0}));
}

TEST_F(DayBookTest, RequestsOfTwoDaysAreShared) {
  clock_.setWall({kMidnight.unix_ms - 30'000});
  user(0, 0);
  pass(60);
  user(101, 10);
  take();
  EXPECT_EQ(day(kUser, kFirst - 1).good, 50u);
  EXPECT_EQ(day(kUser, kFirst).good, 51u) << "none gets lost";
  EXPECT_EQ(day(kUser, kFirst - 1).bad + day(kUser, kFirst).bad, 10u);
}

TEST_F(DayBookTest, TotalsThatFallBeginAnew) {
  user(1000, 10);
  pass(10);
  user(5, 0);
  pass(10);
  user(25, 1);
  take();
  EXPECT_EQ(day(kUser, kFirst).good, 20u);
  EXPECT_EQ(day(kUser, kFirst).bad, 1u);
}

TEST_F(DayBookTest, WhatNobodyWatchesIsNotKnown) {
  storage(false);
  user(10, 0);
  pass(100);
  book_.loseAll(clock_.elapsed(), clock_.wall());
  pass(1000);
  storage(false);
  user(500, 300);
  pass(50);
  take();
  EXPECT_EQ(day(kStorage, kFirst).known, Duration::seconds(150));
  EXPECT_EQ(day(kStorage, kFirst).good, 150'000u);
  EXPECT_EQ(day(kUser, kFirst).good, 0u);
  EXPECT_EQ(day(kUser, kFirst).bad, 0u) << "nobody knows when they were dropped";
}

TEST_F(DayBookTest, WhatIsToldToBeUnknownIsNotKnown) {
  storage(std::nullopt);
  pass(100);
  storage(false);
  pass(10);
  take();
  EXPECT_EQ(day(kStorage, kFirst).known, Duration::seconds(10));
}

TEST_F(DayBookTest, AnOutageThatNobodySeesEndSaysSo) {
  storage(true);
  pass(20);
  book_.loseNode("ledger", "", clock_.elapsed(), clock_.wall());
  pass(100);
  take();
  ASSERT_EQ(outages_.size(), 1u);
  EXPECT_EQ(outages_.begin()->second.state, OutageEnd::kUnseen);
  EXPECT_EQ(outages_.begin()->second.bad, 20'000u);
}

TEST_F(DayBookTest, AnOutageOfRequestsHasWhatMadeItOne) {
  user(1000, 0);
  pass(60);
  user(1000, 50, true, 50);
  pass(60);
  user(1000, 70, true, 70);
  pass(60);
  user(2000, 71, false);
  take();
  ASSERT_EQ(outages_.size(), 1u);
  const RecordedOutage outage = outages_.begin()->second;
  EXPECT_EQ(outage.bad, 71u);
  EXPECT_EQ(outage.end.unix_ms - outage.begin.unix_ms, 120'000);
  EXPECT_EQ(outage.state, OutageEnd::kOver);
}

TEST_F(DayBookTest, ANodeThatGoesTakesOnlyItsOwn) {
  const RecordKey of_node{"ledger", "node1", "storage", Kind::kAvailability};
  DayBook::Told told;
  told.down = false;
  book_.tell(of_node, told, clock_.elapsed(), clock_.wall());
  storage(false);
  pass(10);
  book_.loseNode("ledger", "node1", clock_.elapsed(), clock_.wall());
  pass(10);
  take();
  EXPECT_EQ(day(of_node, kFirst).good, 10'000u);
  EXPECT_EQ(day(kStorage, kFirst).good, 20'000u);
}

TEST_F(DayBookTest, WhatCouldNotBeWrittenIsTakenAgain) {
  storage(true);
  pass(10);
  EXPECT_TRUE(book_.hasNews());
  book_.book(clock_.elapsed(), clock_.wall());
  const DayBook::Changes first = book_.take(1);
  EXPECT_EQ(first.outages.size() + first.days.size(), 1u);
  EXPECT_FALSE(book_.hasNews());
  const DayBook::Changes second = book_.take(1);
  EXPECT_TRUE(book_.isEmpty());
  pass(10);
  book_.book(clock_.elapsed(), clock_.wall());
  book_.putBack(first);
  book_.putBack(second);
  take();
  EXPECT_EQ(day(kStorage, kFirst).bad, 20'000u);
  EXPECT_EQ(outages_.begin()->second.bad, 20'000u) << "the newer one counts";
}

TEST_F(DayBookTest, AFlappingServiceCostsNoMoreThanItsBound) {
  for (uint32_t i = 0; i < limits::kMaxMonthOutages + 50; ++i) {
    storage(true);
    pass(1);
    storage(false);
    pass(1);
  }
  take();
  EXPECT_EQ(outages_.size(), limits::kMaxMonthOutages);
  EXPECT_EQ(day(kStorage, kFirst).outages, limits::kMaxMonthOutages + 50) << "counted all the same";
}

TEST_F(DayBookTest, AClockThatIsSetBackMakesNothingNegative) {
  storage(true);
  pass(100);
  clock_.setWall({kMidnight.unix_ms - 1'000'000});
  pass(10);
  storage(false);
  take();
  EXPECT_EQ(day(kStorage, kFirst).bad + day(kStorage, kFirst - 1).bad, 110'000u);
  EXPECT_GE(outages_.begin()->second.end, outages_.begin()->second.begin);
}

}  // namespace
}  // namespace muster::service
