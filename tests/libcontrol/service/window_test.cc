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

TEST(RequestWindow, CountsUpToTheWindowAndForgetsAfterIt) {
  RequestWindow window(Duration::seconds(60), kStart);
  window.add(at(0), 3, 1);
  EXPECT_EQ(window.counts(at(0)), (RequestWindow::Counts{3, 1}));
  EXPECT_EQ(window.counts(at(59'999)), (RequestWindow::Counts{3, 1}));
  EXPECT_EQ(window.counts(at(60'000)), (RequestWindow::Counts{0, 0}));
}

TEST(RequestWindow, ABucketsBorderNeitherLosesNorDoubles) {
  RequestWindow window(Duration::seconds(60), kStart);
  window.add(at(999), 1, 0);
  window.add(at(1000), 10, 0);
  window.add(at(1001), 100, 0);
  EXPECT_EQ(window.counts(at(1001)).good, 111u);
  EXPECT_EQ(window.counts(at(59'999)).good, 111u);
  // The first bucket goes as a whole when its begin is a window old; the second one stays.
  EXPECT_EQ(window.counts(at(60'000)).good, 110u);
  EXPECT_EQ(window.counts(at(60'999)).good, 110u);
  EXPECT_EQ(window.counts(at(61'000)).good, 0u);
}

TEST(RequestWindow, TimeThatRunsBackIsTheLastInstant) {
  RequestWindow window(Duration::seconds(60), kStart);
  window.add(at(30'000), 1, 0);
  window.add(at(10'000), 0, 1);
  EXPECT_EQ(window.counts(at(5'000)), (RequestWindow::Counts{1, 1}));
}

TEST(RequestWindow, SumsSaturate) {
  RequestWindow window(Duration::seconds(60), kStart);
  window.add(at(0), UINT64_MAX, 0);
  window.add(at(5000), 5, 7);
  EXPECT_EQ(window.counts(at(5000)), (RequestWindow::Counts{UINT64_MAX, 7}));
}

struct Counted {
  ElapsedTime time;
  uint64_t good;
  uint64_t bad;
};

// What is certainly young enough, bucket or not; and what is young enough at all.
RequestWindow::Counts bruteForce(const std::vector<Counted>& all, ElapsedTime now, Duration age) {
  RequestWindow::Counts sum;
  for (auto it = all.rbegin(); it != all.rend() && now - it->time < age; ++it) {
    sum.good += it->good;
    sum.bad += it->bad;
  }
  return sum;
}

TEST(RequestWindow, AgreesWithBruteForce) {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const Duration length = Duration::seconds(10 + static_cast<int64_t>(random.below(600)));
    RequestWindow window(length, kStart);
    std::vector<Counted> all;
    ElapsedTime now = kStart;
    const uint64_t step = static_cast<uint64_t>(length.ns) / 200;
    for (int i = 0; i < 10'000; ++i) {
      // Mostly small steps, now and then onto a bucket's border exactly, at times a long pause.
      now = now + Duration{static_cast<int64_t>(random.below(step))};
      if (random.below(10) == 0) {
        const int64_t into = (now - kStart).ns % window.bucketWidth().ns;
        now = now + Duration{window.bucketWidth().ns - into};
      }
      if (random.below(2000) == 0) now = now + length;
      all.push_back({now, random.below(5), random.below(3)});
      window.add(now, all.back().good, all.back().bad);
      if (i % 7 != 0) continue;
      const auto got = window.counts(now);
      const auto most = bruteForce(all, now, length);
      const auto least = bruteForce(all, now, length - window.bucketWidth());
      ASSERT_LE(got.good, most.good);
      ASSERT_LE(got.bad, most.bad);
      ASSERT_GE(got.good, least.good);
      ASSERT_GE(got.bad, least.bad);
      // Exactly the buckets that begin within the window.
      RequestWindow::Counts exact;
      for (auto it = all.rbegin(); it != all.rend(); ++it) {
        const int64_t into = (it->time - kStart).ns % window.bucketWidth().ns;
        if (now - it->time + Duration{into} >= length) break;
        exact.good += it->good;
        exact.bad += it->bad;
      }
      ASSERT_EQ(got, exact);
    }
  }
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

}  // namespace
}  // namespace muster::service
