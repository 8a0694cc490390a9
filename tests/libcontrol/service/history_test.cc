#include "libcontrol/service/history.h"

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

WindowTotal total(const History& history, int64_t window_s, int64_t now_ms) {
  return history.total(Duration::seconds(window_s), at(now_ms));
}

TEST(History, CountsUpToTheWindowAndForgetsAfterIt) {
  History history(kStart);
  history.add(at(0), 3, 1);
  EXPECT_EQ(total(history, 60, 59'999),
            (WindowTotal{Duration::seconds(60), 3, 1, Duration::millis(59'999)}));
  EXPECT_EQ(total(history, 60, 60'000),
            (WindowTotal{Duration::seconds(60), 0, 0, Duration::seconds(60)}));
}

TEST(History, ABucketsBorderNeitherLosesNorDoubles) {
  History history(kStart);
  history.add(at(999), 1, 0);
  history.add(at(1000), 10, 0);
  history.add(at(1001), 100, 0);
  EXPECT_EQ(total(history, 60, 59'999).good, 111u);
  // The first bucket goes as a whole when its begin is a window old; the second one stays.
  EXPECT_EQ(total(history, 60, 60'000).good, 110u);
  EXPECT_EQ(total(history, 60, 60'999).good, 110u);
  EXPECT_EQ(total(history, 60, 61'000).good, 0u);
}

TEST(History, TimeThatRunsBackIsTheLastInstant) {
  History history(kStart);
  history.add(at(30'000), 1, 0);
  history.add(at(10'000), 0, 1);
  EXPECT_EQ(total(history, 60, 5'000).good, 1u);
  EXPECT_EQ(total(history, 60, 5'000).bad, 1u);
}

TEST(History, WhatCameEvenlyIsSpreadOverAllBuckets) {
  History history(kStart);
  history.spread(at(600'000), 600'000, 0);
  EXPECT_EQ(total(history, 60, 600'000).good, 59'000u);
  EXPECT_EQ(total(history, 300, 600'000).good, 299'000u);
  EXPECT_EQ(total(history, 3600, 600'000).good, 600'000u);
}

TEST(History, GranularityIsAtMostASixtiethOfAWindow) {
  for (int64_t s = 1; s <= limits::kMaxPeriod.toMillis() / 1000; s += 1 + s / 50) {
    const Duration window = Duration::seconds(s);
    const Duration width = History::granularity(window);
    if (s < 60) {
      EXPECT_EQ(width, Duration::seconds(1)) << s;
    } else {
      EXPECT_LE(width.ns * 60, window.ns) << s;
    }
  }
  EXPECT_EQ(History::granularity(Duration::seconds(659)), Duration::seconds(1));
  EXPECT_EQ(History::granularity(limits::kMaxPeriod), Duration::seconds(3600));
}

// Every event with its time and the totals before it, oldest first; all are kept.
class Reference {
 public:
  void add(int64_t ms, uint64_t good, uint64_t bad) {
    times_.push_back(ms);
    good_.push_back(good_.back() + good);
    bad_.push_back(bad_.back() + bad);
  }
  // What happened at `from` or later.
  std::pair<uint64_t, uint64_t> since(int64_t from) const {
    const auto first = std::lower_bound(times_.begin(), times_.end(), from) - times_.begin();
    const auto i = static_cast<size_t>(first);
    return {good_.back() - good_[i], bad_.back() - bad_[i]};
  }

 private:
  std::vector<int64_t> times_;
  std::vector<uint64_t> good_ = {0};
  std::vector<uint64_t> bad_ = {0};
};

int64_t floorTo(int64_t value, int64_t width) {
  return (value - (value % width + width) % width);
}

void expectSame(const History& history, const Reference& reference, Random& random, int64_t now) {
  static constexpr int64_t kSeconds[] = {
      1,    5,    10,     60,     300,    600,    659,     660,     1800,      3600,     7200,
      7310, 7311, 21'600, 86'400, 87'720, 87'721, 259'200, 269'100, 2'592'000, 2'678'400};
  int64_t window_s = kSeconds[random.below(std::size(kSeconds))];
  if (random.below(4) == 0) window_s = 1 + static_cast<int64_t>(random.below(2'678'400));
  const int64_t width = History::granularity(Duration::seconds(window_s)).toMillis();
  // The buckets that begin within the window.
  const int64_t from = floorTo(now - window_s * 1000, width) + width;
  const auto [good, bad] = reference.since(from);
  const WindowTotal got = total(history, window_s, now);
  ASSERT_EQ(got.good, good) << "window " << window_s << " s at " << now;
  ASSERT_EQ(got.bad, bad) << "window " << window_s << " s at " << now;
  ASSERT_EQ(got.observed.toMillis(), std::min(now, window_s * 1000));
}

// Steps of every length, from bursts within a millisecond to weeks of silence.
int64_t step(Random& random) {
  static constexpr uint64_t kUpTo[] = {1, 1, 300, 300, 1000, 20'000};
  const uint64_t kind = random.below(1000);
  if (kind == 0) return static_cast<int64_t>(random.below(3'600'000));
  if (kind == 1 && random.below(50) == 0) return static_cast<int64_t>(random.below(1'300'000'000));
  return static_cast<int64_t>(random.below(kUpTo[kind % std::size(kUpTo)] + 1));
}

TEST(History, AgreesWithBruteForceOverMillionsOfEvents) {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    History history(kStart);
    Reference reference;
    int64_t now = 0;
    for (int i = 0; i < 500'000; ++i) {
      now += step(random);
      // Now and then onto a bucket's border exactly.
      if (random.below(20) == 0) now = floorTo(now + 9'999, 10'000);
      const uint64_t good = random.below(5);
      const uint64_t bad = random.below(3);
      history.add(at(now), good, bad);
      reference.add(now, good, bad);
      if (i % 11 == 0) expectSame(history, reference, random, now + step(random));
      if (HasFatalFailure()) return;
    }
    EXPECT_LE(history.bytes(), History::kMaxBytes);
  }
}

// Time that is up or down, millisecond by millisecond as far as the windows can see.
TEST(History, SpreadTimeAgreesWithBruteForce) {
  for (const uint64_t seed : {11, 12, 13}) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    History history(kStart);
    std::vector<std::pair<int64_t, bool>> turns = {{0, false}};  // from when on down or up
    int64_t now = 0;
    bool down = false;
    for (int i = 0; i < 20'000; ++i) {
      const int64_t length = step(random);
      now += length;
      const auto amount = static_cast<uint64_t>(length);
      history.spread(at(now), down ? 0 : amount, down ? amount : 0);
      down = random.below(2) == 0;
      turns.emplace_back(now, down);
      if (i % 37 != 0) continue;
      const int64_t window_s = 1 + static_cast<int64_t>(random.below(2'678'400));
      const int64_t width = History::granularity(Duration::seconds(window_s)).toMillis();
      const int64_t from = std::max<int64_t>(0, floorTo(now - window_s * 1000, width) + width);
      uint64_t up_ms = 0;
      uint64_t down_ms = 0;
      for (size_t k = 0; k + 1 < turns.size(); ++k) {
        const int64_t part = turns[k + 1].first - std::max(turns[k].first, from);
        if (part > 0) (turns[k].second ? down_ms : up_ms) += static_cast<uint64_t>(part);
      }
      const WindowTotal got = total(history, window_s, now);
      ASSERT_EQ(got.good, up_ms) << window_s;
      ASSERT_EQ(got.bad, down_ms) << window_s;
    }
  }
}

TEST(History, IsTheSameInTheNextProcess) {
  for (const int64_t age_s : {0, 5, 70, 4000, 100'000, 1'000'000, 6'000'000}) {
    SCOPED_TRACE(age_s);
    SeededRandom random(static_cast<uint64_t>(age_s));
    History history(kStart);
    for (int64_t s = 0; s < age_s; s += 1 + static_cast<int64_t>(random.below(100))) {
      history.add(at(s * 1000), random.below(1000), random.below(5));
    }
    const int64_t now = age_s * 1000 + 321;
    history.add(at(now), 1, 1);
    const std::string bytes = history.encode();
    EXPECT_LE(bytes.size(), limits::kMaxHistoryRecordBytes);
    constexpr ElapsedTime kNow{Duration::seconds(3).ns};
    const Duration gap = Duration::seconds(30);
    const auto next = History::decode(bytes, kNow, gap);
    ASSERT_TRUE(next.isOk());
    const ElapsedTime then = kStart + Duration::millis(now) + gap;
    for (const int64_t window_s : {900, 3600, 7200, 21'600, 86'400, 259'200, 2'592'000}) {
      const Duration window = Duration::seconds(window_s);
      EXPECT_EQ(next->total(window, kNow), history.total(window, then)) << window_s;
      EXPECT_EQ(next->total(window, kNow + window / 2), history.total(window, then + window / 2));
    }
    // Seconds are filled in by tens.
    const WindowTotal exact = history.total(Duration::seconds(300), then);
    const WindowTotal close = next->total(Duration::seconds(300), kNow);
    const uint64_t tens = history.total(Duration::seconds(290), then).bad;
    EXPECT_LE(close.bad, history.total(Duration::seconds(310), then).bad);
    EXPECT_GE(close.bad, tens);
    EXPECT_EQ(close.observed, exact.observed);
    EXPECT_LE(next->bytes(), History::kMaxBytes);
  }
}

TEST(History, BytesThatAreNoneAreRefused) {
  History history(kStart);
  for (int64_t s = 0; s < 10'000; ++s) history.add(at(s * 1000), 3, 1);
  const std::string bytes = history.encode();
  for (size_t cut = 0; cut < bytes.size(); cut += 3) {
    EXPECT_FALSE(History::decode(bytes.substr(0, cut), kStart, {}).isOk()) << cut;
  }
  EXPECT_FALSE(History::decode(bytes + "x", kStart, {}).isOk());
  SeededRandom random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string hostile = bytes;
    for (int k = 0; k < 3; ++k) {
      hostile[random.below(k == 0 ? 12 : hostile.size())] = static_cast<char>(random.below(256));
    }
    // Whatever it is, it must not break anything.
    const auto read = History::decode(hostile, kStart, Duration::max());
    if (read) {
      read->total(Duration::seconds(60), kStart);
      EXPECT_LE(read->bytes(), History::kMaxBytes);
    }
  }
}

}  // namespace
}  // namespace muster::service
