#include "libcontrol/xmpp/backoff.h"

#include <gtest/gtest.h>

namespace muster::xmpp {
namespace {

TEST(Backoff, AServerThatRestartsIsTriedOftenAtFirst) {
  SeededRandom random(5);
  for (int run = 0; run < 100; ++run) {
    Backoff backoff(random);
    Duration all{};
    for (int i = 0; i < Backoff::kQuickTries; ++i) {
      const Duration wait = backoff.next(DownReason::kNetwork, {});
      EXPECT_GE(wait, Duration::millis(100));
      EXPECT_LE(wait, Duration::millis(300));
      all = all + wait;
    }
    EXPECT_GE(all, Duration::seconds(2));
    EXPECT_LE(backoff.next(DownReason::kNetwork, {}), Duration::millis(300));
    EXPECT_GE(backoff.next(DownReason::kNetwork, {}), Duration::millis(200)) << "now it doubles";
    EXPECT_GE(backoff.next(DownReason::kNetwork, {}), Duration::millis(400));
  }
}

TEST(Backoff, WhoIsNotUrgentLetsOthersGoFirst) {
  SeededRandom random(8);
  for (int run = 0; run < 100; ++run) {
    Backoff backoff(random);
    for (int i = 0; i < Backoff::kQuickTries; ++i) {
      const Duration wait = backoff.next(DownReason::kNetwork, {}, /*urgent=*/false);
      EXPECT_GE(wait, Duration::millis(1000));
      EXPECT_LE(wait, Duration::millis(3000));
    }
    EXPECT_LE(backoff.next(DownReason::kNetwork, {}), Duration::millis(300))
        << "and is as quick as any once it is";
  }
}

TEST(Backoff, HoweverAStableConnectionEnded) {
  SeededRandom random(7);
  Backoff backoff(random);
  backoff.next(DownReason::kStreamError, Backoff::kStable);
  for (int i = 1; i < Backoff::kQuickTries; ++i) {
    EXPECT_LE(backoff.next(DownReason::kNetwork, {}), Duration::millis(300));
  }
}

TEST(Backoff, WhatCostTheServerWorkIsNeverTriedOften) {
  SeededRandom random(6);
  Backoff backoff(random);
  backoff.next(DownReason::kTls, {});
  EXPECT_GE(backoff.next(DownReason::kNetwork, {}), Duration::millis(200));
  EXPECT_GE(backoff.next(DownReason::kNetwork, {}), Duration::millis(400));
}

TEST(Backoff, FirstRetryIsQuickAndTheWaitGrowsToItsBound) {
  SeededRandom random(1);
  for (int run = 0; run < 100; ++run) {
    Backoff backoff(random);
    Duration least = Backoff::kFirst / 2;
    for (int i = 0; i < 50; ++i) {
      const Duration wait = backoff.next(DownReason::kStreamError, {});
      EXPECT_GE(wait, least);
      EXPECT_LE(wait, std::min(least * 3, Backoff::kLongest));
      least = std::min(least * 2, Backoff::kLongest / 2);
    }
  }
}

TEST(Backoff, TheLongestWaitCanBeShorter) {
  SeededRandom random(9);
  Backoff backoff(random, Duration::seconds(2));
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(backoff.next(DownReason::kNetwork, Duration::seconds(1)), Duration::seconds(2));
    EXPECT_LE(backoff.next(DownReason::kStreamError, {}), Duration::seconds(2));
  }
  EXPECT_GE(backoff.next(DownReason::kConflict, {}), Duration::seconds(30))
      << "what another try will not mend";
}

TEST(Backoff, WaitsAreSpread) {
  SeededRandom random(2);
  Duration shortest = Duration::max();
  Duration longest{};
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = Backoff(random).next(DownReason::kNetwork, {});
    shortest = std::min(shortest, wait);
    longest = std::max(longest, wait);
  }
  EXPECT_LT(shortest, Duration::millis(110));
  EXPECT_GT(longest, Duration::millis(290));
}

TEST(Backoff, OnlyAStableConnectionStartsAnew) {
  SeededRandom random(3);
  Backoff backoff(random);
  for (int i = 0; i < 10; ++i) backoff.next(DownReason::kStreamError, Duration::seconds(1));
  EXPECT_GE(backoff.next(DownReason::kStreamError, Duration::seconds(1)), Duration::seconds(15));
  EXPECT_LE(backoff.next(DownReason::kStreamError, Backoff::kStable), Duration::millis(300));
}

TEST(Backoff, WhatAnotherTryWillNotMendWaitsLong) {
  SeededRandom random(4);
  for (const DownReason reason : {DownReason::kConflict, DownReason::kAuth}) {
    Backoff backoff(random);
    for (int i = 0; i < 100; ++i) {
      const Duration wait = backoff.next(reason, Duration::seconds(1000));
      EXPECT_GE(wait, Duration::seconds(30));
      EXPECT_LE(wait, Duration::seconds(60));
    }
  }
}

}  // namespace
}  // namespace muster::xmpp
