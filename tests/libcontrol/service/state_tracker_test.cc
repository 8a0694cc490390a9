#include "libcontrol/service/state_tracker.h"

#include <gtest/gtest.h>

namespace muster::service {
namespace {

constexpr LevelState kOk = LevelState::kOk;
constexpr LevelState kNoData = LevelState::kNoData;
constexpr LevelState kBurning = LevelState::kBurning;
constexpr LevelState kBreached = LevelState::kBreached;

ElapsedTime at(int64_t s) {
  return {Duration::seconds(1000 + s).ns};
}

TEST(StateTracker, WithoutTimesFollowsAtOnce) {
  StateTracker tracker({}, {});
  EXPECT_EQ(tracker.state(), kNoData);
  EXPECT_EQ(tracker.step(kOk, at(0)), kOk);
  EXPECT_EQ(tracker.step(kBreached, at(1)), kBreached);
  EXPECT_EQ(tracker.since(), at(1));
  EXPECT_EQ(tracker.step(kBreached, at(5)), kBreached);
  EXPECT_EQ(tracker.since(), at(1));
  EXPECT_EQ(tracker.step(kBurning, at(6)), kBurning);
  EXPECT_EQ(tracker.step(kNoData, at(7)), kNoData);
  EXPECT_EQ(tracker.since(), at(7));
}

TEST(StateTracker, AStateMustHoldForItsTime) {
  StateTracker tracker(Duration::seconds(10), Duration::seconds(20));
  tracker.step(kOk, at(0));
  EXPECT_EQ(tracker.step(kBurning, at(1)), kOk);
  EXPECT_EQ(tracker.step(kOk, at(9)), kOk);
  EXPECT_EQ(tracker.step(kBurning, at(10)), kOk);
  EXPECT_EQ(tracker.step(kBurning, at(19)), kOk);
  EXPECT_EQ(tracker.step(kBurning, at(20)), kBurning);
  EXPECT_EQ(tracker.step(kOk, at(30)), kBurning);
  EXPECT_EQ(tracker.step(kOk, at(49)), kBurning);
  EXPECT_EQ(tracker.step(kOk, at(50)), kOk);
}

TEST(StateTracker, OfStatesThatTakeTurnsTheLeastBadHasHeld) {
  StateTracker tracker(Duration::seconds(10), {});
  tracker.step(kOk, at(0));
  tracker.step(kBreached, at(1));
  tracker.step(kBurning, at(5));
  EXPECT_EQ(tracker.step(kBreached, at(11)), kBurning);
  EXPECT_EQ(tracker.step(kBreached, at(20)), kBurning);
  EXPECT_EQ(tracker.step(kBreached, at(21)), kBreached);
}

TEST(StateTracker, NoDataIsToldAtOnceAndHidesNothingForLong) {
  StateTracker tracker(Duration::seconds(10), Duration::seconds(20));
  tracker.begin(kBreached, at(0));
  EXPECT_EQ(tracker.step(kNoData, at(1)), kNoData);
  EXPECT_EQ(tracker.step(kOk, at(2)), kBreached);
  EXPECT_EQ(tracker.step(kNoData, at(3)), kNoData);
  // Twenty seconds without anything bad.
  EXPECT_EQ(tracker.step(kOk, at(21)), kOk);
}

TEST(StateTracker, FlapsAreCountedAndDamped) {
  StateTracker tracker({}, {});
  tracker.step(kOk, at(0));
  int64_t s = 0;
  for (size_t i = 0; i < limits::kFlapChanges / 2; ++i) {
    EXPECT_EQ(tracker.step(kBreached, at(s += 10)), kBreached);
    EXPECT_EQ(tracker.step(kOk, at(s += 10)), kOk);
  }
  EXPECT_EQ(tracker.flaps(at(s)), limits::kFlapChanges);
  EXPECT_TRUE(tracker.isDamped(at(s)));
  // Worse is still told at once, better only when it has held.
  EXPECT_EQ(tracker.step(kBreached, at(s += 10)), kBreached);
  const int64_t better = s += 10;
  EXPECT_EQ(tracker.step(kOk, at(better)), kBreached);
  EXPECT_EQ(tracker.step(kOk, at(better + 299)), kBreached);
  EXPECT_EQ(tracker.step(kOk, at(better + 300)), kOk);
  EXPECT_EQ(tracker.flaps(at(better + 300)), limits::kFlapChanges + 2);
  EXPECT_FALSE(tracker.isDamped(at(better + 3901)));
}

TEST(StateTracker, GoesOnAfterARestart) {
  StateTracker tracker({}, {});
  tracker.restore(kBreached, at(-500), 7, at(0));
  EXPECT_EQ(tracker.since(), at(-500));
  EXPECT_TRUE(tracker.isDamped(at(0)));
  EXPECT_EQ(tracker.step(kBreached, at(1)), kBreached);
  EXPECT_EQ(tracker.since(), at(-500));
  EXPECT_EQ(tracker.step(kOk, at(2)), kBreached);
}

TEST(Hysteresis, WhatIsBadStaysSoUntilItIsClearlyBetter) {
  ServiceSnapshot s;
  s.kind = Kind::kRequests;
  s.objective_percent = 99;
  const auto state = [&](uint64_t bad, LevelState before) {
    s.good = 10'000 - bad;
    s.bad = bad;
    return judgeState(s, before);
  };
  EXPECT_EQ(state(100, kOk), kBurning);
  EXPECT_EQ(state(101, kOk), kBreached);
  EXPECT_EQ(state(100, kBreached), kBreached);
  EXPECT_EQ(state(91, kBreached), kBreached);
  EXPECT_EQ(state(90, kBreached), kBurning);
  EXPECT_EQ(state(50, kOk), kOk);
  EXPECT_EQ(state(51, kOk), kBurning);
  EXPECT_EQ(state(41, kBurning), kBurning);
  EXPECT_EQ(state(40, kBurning), kOk);
  EXPECT_EQ(state(0, kBreached), kOk);
}

}  // namespace
}  // namespace muster::service
