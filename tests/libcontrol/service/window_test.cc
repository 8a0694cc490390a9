#include "libcontrol/service/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"

namespace muster::service {
namespace {

constexpr ElapsedTime kStart{Duration::seconds(1000).ns};

ElapsedTime at(int64_t ms) {
  return kStart + Duration::millis(ms);
}

TEST(AvailabilityWindow, KnowsExactTimes) {
  AvailabilityWindow window(Duration::seconds(600), kStart);
  window.begin(at(10'000));
  window.end(at(20'000));
  const auto totals = window.totals(at(100'000));
  EXPECT_EQ(totals.observed, Duration::seconds(100));
  EXPECT_EQ(totals.outage, Duration::seconds(10));
  EXPECT_EQ(totals.outages, 1u);
  EXPECT_FALSE(totals.ongoing);
}

TEST(AvailabilityWindow, TheEdgeCutsAnOutageAndThenForgetsIt) {
  AvailabilityWindow window(Duration::seconds(60), kStart);
  window.begin(at(10'000));
  window.end(at(20'000));
  EXPECT_EQ(window.totals(at(70'000)).outage, Duration::seconds(10));
  EXPECT_EQ(window.totals(at(75'000)).outage, Duration::seconds(5));
  EXPECT_EQ(window.totals(at(79'999)).outages, 1u);
  EXPECT_EQ(window.totals(at(80'000)).outages, 0u);
  EXPECT_EQ(window.totals(at(80'000)).outage, Duration{});
  EXPECT_EQ(window.totals(at(80'000)).observed, Duration::seconds(60));
}

TEST(AvailabilityWindow, AnOutageThatGoesOnCountsUpToNow) {
  AvailabilityWindow window(Duration::seconds(60), kStart);
  window.begin(at(10'000));
  window.begin(at(15'000));
  EXPECT_EQ(window.totals(at(22'000)).outage, Duration::seconds(12));
  EXPECT_EQ(window.totals(at(22'000)).ongoing, Duration::seconds(12));
  const auto late = window.totals(at(200'000));
  EXPECT_EQ(late.outage, Duration::seconds(60));
  EXPECT_EQ(late.ongoing, Duration::seconds(190));
  EXPECT_EQ(late.outages, 1u);
}

TEST(AvailabilityWindow, AnEndOutsideOfAnOutageIsNone) {
  AvailabilityWindow window(Duration::seconds(60), kStart);
  window.end(at(10'000));
  EXPECT_EQ(window.totals(at(20'000)).outages, 0u);
}

TEST(AvailabilityWindow, StaysBoundedAndKeepsNumberAndDownTime) {
  AvailabilityWindow window(Duration::seconds(3600), kStart);
  const auto count = static_cast<uint32_t>(limits::kMaxOutageIntervals) * 3;
  for (uint32_t i = 0; i < count; ++i) {
    window.begin(at(i * 1000));
    window.end(at(i * 1000 + 100 + i % 7));
    ASSERT_LE(window.intervals(), limits::kMaxOutageIntervals);
  }
  int64_t down_ms = 0;
  for (uint32_t i = 0; i < count; ++i) down_ms += 100 + i % 7;
  const auto totals = window.totals(at(count * 1000));
  EXPECT_EQ(totals.outages, count);
  EXPECT_EQ(totals.outage, Duration::millis(down_ms));
}

struct Outage {
  ElapsedTime begin;
  ElapsedTime end;
};

TEST(AvailabilityWindow, AgreesWithBruteForce) {
  for (const uint64_t seed : {11, 12, 13, 14}) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const Duration length = Duration::seconds(10 + static_cast<int64_t>(random.below(600)));
    AvailabilityWindow window(length, kStart);
    std::vector<Outage> all;
    ElapsedTime now = kStart;
    bool down = false;
    // Some twenty changes a window: few enough that none are merged.
    const uint64_t step = static_cast<uint64_t>(length.ns) / 10;
    for (int i = 0; i < 10'000; ++i) {
      now = now + Duration{static_cast<int64_t>(random.below(step))};
      if (random.below(2) == 0) {
        if (!down) all.push_back({now, ElapsedTime::max()});
        down = true;
        window.begin(now);
      } else {
        if (down) all.back().end = now;
        down = false;
        window.end(now);
      }
      const ElapsedTime edge = now - length;
      Duration outage;
      uint32_t outages = 0;
      for (auto it = all.rbegin(); it != all.rend() && it->end > edge; ++it) {
        ++outages;
        outage = outage + (std::min(it->end, now) - std::max(it->begin, edge));
      }
      const auto totals = window.totals(now);
      ASSERT_EQ(totals.outages, outages);
      ASSERT_EQ(totals.outage, outage);
      ASSERT_EQ(totals.observed, std::min(length, now - kStart));
      ASSERT_EQ(totals.ongoing.has_value(), down);
    }
  }
}

TEST(AvailabilityWindow, MergedOnesNeverHideDownTime) {
  SeededRandom random(21);
  const Duration length = Duration::seconds(60);
  AvailabilityWindow window(length, kStart);
  std::vector<Outage> all;
  ElapsedTime now = kStart;
  for (int i = 0; i < 5'000; ++i) {
    now = now + Duration::millis(1 + static_cast<int64_t>(random.below(80)));
    window.begin(now);
    const ElapsedTime begin = now;
    now = now + Duration::millis(1 + static_cast<int64_t>(random.below(80)));
    window.end(now);
    all.push_back({begin, now});
    ASSERT_LE(window.intervals(), limits::kMaxOutageIntervals);
    const ElapsedTime edge = now - length;
    Duration outage;
    for (auto it = all.rbegin(); it != all.rend() && it->end > edge; ++it) {
      outage = outage + (it->end - std::max(it->begin, edge));
    }
    const auto totals = window.totals(now);
    ASSERT_GE(totals.outage, outage);
    ASSERT_LE(totals.outage, totals.observed);
  }
}

TEST(AvailabilityWindow, WhatNobodyWatchedIsNeitherUpNorDown) {
  AvailabilityWindow window(Duration::seconds(600), kStart);
  window.begin(at(100'000));
  window.pause(at(110'000));
  EXPECT_TRUE(window.totals(at(150'000)).paused);
  window.resume(at(160'000));
  const auto totals = window.totals(at(200'000));
  EXPECT_EQ(totals.observed, Duration::seconds(150));
  EXPECT_EQ(totals.outage, Duration::seconds(10));
  EXPECT_EQ(totals.outages, 1u);
  EXPECT_FALSE(totals.paused);
  EXPECT_EQ(window.totals(at(900'000)).observed, Duration::seconds(600));
}

TEST(AvailabilityWindow, IsTheSameInTheNextProcessButForTheGap) {
  AvailabilityWindow window(Duration::seconds(600), kStart);
  window.begin(at(100'000));
  window.end(at(110'000));
  window.begin(at(290'000));
  ByteWriter out;
  window.write(out, at(300'000));
  const std::string bytes = out.take();
  // By another clock, 60 s later.
  constexpr ElapsedTime kNow{Duration::seconds(7).ns};
  AvailabilityWindow next(Duration::seconds(600), kNow);
  ByteReader in(bytes);
  ASSERT_TRUE(next.read(in, kNow, Duration::seconds(60)));
  EXPECT_TRUE(in.isAtEnd());
  const auto totals = next.totals(kNow + Duration::seconds(40));
  EXPECT_EQ(totals.observed, Duration::seconds(340));
  EXPECT_EQ(totals.outage, Duration::seconds(20));
  EXPECT_EQ(totals.outages, 2u);
  EXPECT_EQ(totals.ongoing, std::nullopt);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader torn(std::string_view(bytes).substr(0, cut));
    AvailabilityWindow other(Duration::seconds(600), kNow);
    EXPECT_FALSE(other.read(torn, kNow, {}));
  }
}

}  // namespace
}  // namespace muster::service
