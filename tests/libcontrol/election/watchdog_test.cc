// The plan for a watchdog, with a clock that is moved by hand.
#include "libcontrol/election/watchdog.h"

#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"

namespace muster::election {
namespace {

using Kind = WatchdogPlan::Action::Kind;

Duration ms(int64_t value) {
  return Duration::millis(value);
}

// A device that may count slow by as much as is allowed for.
class WatchdogPlanTest : public ::testing::Test {
 protected:
  // Does what is due; a feed takes this long, and the device counts from its end.
  Kind act(Duration takes = {}) {
    const auto action = plan_.next(now_);
    const ElapsedTime before = now_;
    now_ = now_ + takes;
    if (action.kind == Kind::kFeed) {
      plan_.fed(action.timeout_s, before, now_);
      timeout_s_ = action.timeout_s;
      fires_ = now_ + Duration::seconds(action.timeout_s) +
               Duration::seconds(action.timeout_s) / limits::kWatchdogDriftShare;
      ++feeds_;
    } else if (action.kind == Kind::kDisarm) {
      plan_.disarmed();
    }
    return action.kind;
  }
  // Goes on, each waking late by `late`, until `until` or until there is nothing to wake up for.
  void run(ElapsedTime until, Duration late = {}) {
    while (const auto wake = plan_.nextWake(now_)) {
      if (*wake + late >= until) break;
      now_ = std::max(now_, *wake + late);
      ASSERT_LT(now_, fires_) << "the machine was reset at " << (fires_ - start_).toMillis();
      ASSERT_EQ(act(), Kind::kFeed);
      ASSERT_LE(fires_, end_);
    }
    now_ = until;
  }
  void lease(uint64_t epoch, Duration ttl, Duration old = ms(5)) {
    start_ = now_;
    end_ = now_ + ttl - old;
    plan_.extended(epoch, end_, now_);
  }

  WatchdogPlan plan_;
  ElapsedTime now_{Duration::seconds(500).ns};
  ElapsedTime start_{};
  ElapsedTime end_{};
  ElapsedTime fires_{};
  int timeout_s_ = 0;
  int feeds_ = 0;
};

TEST(WatchdogTimeouts, LeaveTimeForTheGrantOnItsWay) {
  EXPECT_EQ(watchdogTimeouts(Duration::seconds(5)), (std::vector{4, 2, 1}));
  EXPECT_EQ(watchdogTimeouts(Duration::seconds(2)), (std::vector{1}));
  EXPECT_EQ(watchdogTimeouts(ms(1100)), std::vector<int>());
  EXPECT_EQ(watchdogTimeouts(limits::kMaxLeaseTtl).front(), 270);
}

TEST(WatchdogTimeouts, TheShortestLeaseForADeviceIsOneThatDoes) {
  for (int timeout = 1; timeout <= 270; ++timeout) {
    const Duration lease = shortestGuardedLease(timeout);
    EXPECT_GE(watchdogTimeouts(lease).front(), timeout);
    EXPECT_LT(watchdogTimeouts(lease - Duration::seconds(1)).empty()
                  ? 0
                  : watchdogTimeouts(lease - Duration::seconds(1)).front(),
              timeout);
  }
}

TEST_F(WatchdogPlanTest, WithoutALeaseThereIsNothingToDo) {
  plan_.setTimeouts({4, 2});
  EXPECT_EQ(act(), Kind::kNone);
  EXPECT_FALSE(plan_.nextWake(now_));
}

TEST_F(WatchdogPlanTest, ALeaseThatIsNotExtendedHasTheMachineUpToItsEnd) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_LE(fires_, end_);
  run(end_);
  EXPECT_LE(fires_, end_);
  EXPECT_GE(fires_, end_ - limits::kWatchdogSlack);
  EXPECT_FALSE(plan_.nextWake(end_ - Duration::seconds(2)));
}

TEST_F(WatchdogPlanTest, AFeedThatIsMissedIsMadeUpForWithAShorterTimeout) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  now_ = *plan_.nextWake(now_) + ms(300);
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_EQ(timeout_s_, 2);
  run(end_);
  EXPECT_GE(fires_, end_ - limits::kWatchdogSlack);
}

TEST_F(WatchdogPlanTest, AShortTimeoutCarriesALongLease) {
  plan_.setTimeouts({3, 1});
  lease(7, Duration::seconds(60));
  act();
  run(end_);
  EXPECT_GE(fires_, end_ - limits::kWatchdogSlack);
  EXPECT_LE(fires_, end_);
}

TEST_F(WatchdogPlanTest, NothingIsFedThatWouldOutlastTheLease) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  now_ = end_ - ms(1999);
  EXPECT_EQ(act(), Kind::kNone);
  EXPECT_FALSE(plan_.nextWake(now_));
  now_ = end_ + Duration::seconds(60);  // as after a suspend
  EXPECT_EQ(act(), Kind::kNone);
  EXPECT_FALSE(plan_.nextWake(now_));
}

TEST_F(WatchdogPlanTest, AFeedThatWasHeldUpIsTakenBack) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  EXPECT_EQ(act(ms(1500)), Kind::kFeed);
  EXPECT_GT(fires_, end_);
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_EQ(timeout_s_, 2);
  EXPECT_LE(fires_, end_);
  // The last feed as well.
  plan_ = WatchdogPlan();
  plan_.setTimeouts({4, 2});
  lease(8, Duration::seconds(5));
  act();
  now_ = *plan_.nextWake(now_);
  EXPECT_EQ(act(ms(200)), Kind::kFeed);
  EXPECT_GT(fires_, end_);
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_LE(fires_, end_);
}

TEST_F(WatchdogPlanTest, EachRenewalFeedsAtOnce) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  for (int i = 0; i < 20; ++i) {
    run(now_ + Duration::seconds(5) / 3);
    lease(7, Duration::seconds(5));
    const int before = feeds_;
    EXPECT_EQ(act(), Kind::kFeed);
    EXPECT_EQ(feeds_, before + 1);
    EXPECT_GT(fires_, now_ + Duration::seconds(4) - ms(1));
  }
}

TEST_F(WatchdogPlanTest, AnOlderAnswerDoesNotShortenIt) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  plan_.extended(7, end_ - Duration::seconds(2), now_);
  EXPECT_EQ(act(), Kind::kNone);
}

TEST_F(WatchdogPlanTest, IsDisarmedOnceTheApplicationHasStopped) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  plan_.stopped(6);
  EXPECT_EQ(act(), Kind::kNone);
  plan_.stopped(7);
  EXPECT_EQ(plan_.held(), 0u);
  EXPECT_EQ(act(), Kind::kDisarm);
  EXPECT_FALSE(plan_.isArmed());
  now_ = now_ + ms(20);
  lease(7, Duration::seconds(5));  // a renewal that was under way
  EXPECT_EQ(act(), Kind::kNone);
  lease(8, Duration::seconds(5));
  EXPECT_EQ(act(), Kind::kFeed);
}

TEST_F(WatchdogPlanTest, TheEndOfTheLeaseDisarmsNothing) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  now_ = end_ + ms(1);
  EXPECT_EQ(act(), Kind::kNone);
  EXPECT_TRUE(plan_.isArmed());
}

TEST_F(WatchdogPlanTest, AFailedFeedIsTriedAgain) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  plan_.failed(now_, false);
  ASSERT_TRUE(plan_.nextWake(now_));
  now_ = *plan_.nextWake(now_);
  EXPECT_EQ(act(), Kind::kFeed);
}

TEST_F(WatchdogPlanTest, WhatWasOpenedIsDisarmedEvenIfItCouldNotBeFed) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  plan_.failed(now_, true);
  plan_.stopped();
  EXPECT_EQ(act(), Kind::kDisarm);
}

TEST_F(WatchdogPlanTest, WhatCannotBeDisarmedIsFedForEver) {
  plan_.setTimeouts({4, 2});
  lease(7, Duration::seconds(5));
  act();
  plan_.stopped(7);
  plan_.cannotDisarm(60, now_);
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_EQ(timeout_s_, 60);
  end_ = ElapsedTime::max();
  const int before = feeds_;
  run(now_ + Duration::seconds(3600), ms(500));
  EXPECT_GE(feeds_ - before, 110);
  // A lease still has its bound.
  lease(8, Duration::seconds(5));
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_LE(fires_, end_);
  plan_.stopped(8);
  EXPECT_EQ(act(), Kind::kFeed);
  EXPECT_EQ(timeout_s_, 60);
}

// Whatever is late and however often the lease is extended: the device never outlasts the lease,
// and it never resets a machine whose thread is no later than the slack.
TEST_F(WatchdogPlanTest, HoldsInManyHistories) {
  SeededRandom random(3);
  const auto below = [&random](int64_t bound) {
    return static_cast<int64_t>(random.next() % bound);
  };
  for (int history = 0; history < 2000; ++history) {
    SCOPED_TRACE(history);
    const Duration ttl = ms(1200 + below(history % 2 == 0 ? 10'000 : 298'000));
    plan_ = WatchdogPlan();
    plan_.setTimeouts(watchdogTimeouts(ttl));
    fires_ = ElapsedTime::max();
    for (int renewal = 0; renewal < 8; ++renewal) {
      lease(1, ttl, ms(below(80)));
      ASSERT_EQ(act(), Kind::kFeed);
      ASSERT_LE(fires_, end_);
      run(now_ + ms(80 + below(ttl.toMillis() * 2 / 3)), ms(below(45)));
      if (HasFatalFailure()) return;
    }
    run(end_, ms(below(45)));
    if (HasFatalFailure()) return;
    ASSERT_GE(fires_, end_ - limits::kWatchdogSlack);
  }
}

}  // namespace
}  // namespace muster::election
