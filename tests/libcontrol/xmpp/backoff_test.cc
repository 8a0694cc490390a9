#include "libcontrol/xmpp/backoff.h"

#include <gtest/gtest.h>

namespace muster::xmpp {
namespace {

TEST(Backoff, FirstRetryIsQuickAndTheWaitGrowsToItsBound) {
  SeededRandom random(1);
  for (int run = 0; run < 100; ++run) {
    Backoff backoff(random);
    Duration least = Backoff::kFirst / 2;
    for (int i = 0; i < 50; ++i) {
      const Duration wait = backoff.next(DownReason::kNetwork, {});
      EXPECT_GE(wait, least);
      EXPECT_LE(wait, std::min(least * 3, Backoff::kLongest));
      least = std::min(least * 2, Backoff::kLongest / 2);
    }
  }
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
  for (int i = 0; i < 10; ++i) backoff.next(DownReason::kNetwork, Duration::seconds(1));
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
