#include "libcontrol/service/recorder.h"

#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

constexpr WallTime kWall{1'767'225'600'000};

ElapsedTime at(int64_t ms) {
  return {Duration::millis(1'000'000 + ms).ns};
}

WallTime wallAt(int64_t ms) {
  return {kWall.unix_ms + ms};
}

TEST(Recorder, DownTimeIsInEveryWindowAndInTheBudget) {
  Recorder storage("storage", Kind::kAvailability, {}, at(0));
  storage.settle(at(3'600'000));
  storage.outageBegin(at(3'600'000));
  storage.outageEnd(at(3'610'000));
  storage.settle(at(3'660'000));
  const ServiceSnapshot s = storage.snapshot(at(3'660'000), wallAt(3'660'000));
  EXPECT_EQ(s.level.text, "Storage service level: 98.3% (1 outage, 10 s, in the last 10 mins.)");
  for (const WindowTotal& total : s.windows) {
    EXPECT_EQ(total.bad, 10'000u) << total.window.toSeconds();
    EXPECT_LE(total.observed, total.window);
  }
  // Of 43 min. 12 s.
  EXPECT_NEAR(*s.budget_left, 1 - 10.0 / 2592, 1e-6);
  const std::vector<Outage> outages = storage.outages(at(3'660'000), wallAt(3'660'000));
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0], (Outage{wallAt(3'600'000), Duration::seconds(10), 10'000, false}));
}

TEST(Recorder, AnOutageThatGoesOnIsInTheList) {
  Recorder storage("storage", Kind::kAvailability, {}, at(0));
  storage.outageBegin(at(1000));
  storage.settle(at(2000));
  const std::vector<Outage> outages = storage.outages(at(5000), wallAt(5000));
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0], (Outage{wallAt(1000), Duration::seconds(4), 4000, true}));
}

TEST(Recorder, ABreachOfRequestsIsAnOutageWithWhatItLost) {
  Recorder user("user", Kind::kRequests, {}, at(0));
  for (int64_t s = 1; s <= 60; ++s) {
    user.count(at(s * 1000), 1000, s > 20 && s <= 30 ? 100 : 0);
    user.settle(at(s * 1000));
  }
  // Not yet over: it is in the window still.
  EXPECT_TRUE(user.outages(at(60'000), wallAt(60'000)).at(0).ongoing);
  for (int64_t s = 61; s <= 700; ++s) {
    user.count(at(s * 1000), 1000, 0);
    user.settle(at(s * 1000));
  }
  const std::vector<Outage> outages = user.outages(at(700'000), wallAt(700'000));
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].begin, wallAt(21'000));
  EXPECT_EQ(outages[0].bad, 1000u);
  EXPECT_FALSE(outages[0].ongoing);
  const ServiceSnapshot s = user.snapshot(at(700'000), wallAt(700'000));
  EXPECT_EQ(s.level.state, LevelState::kOk);
  EXPECT_GT(s.flaps, 0u);
}

TEST(Recorder, TooFewEventsAreNoData) {
  ServiceOptions options;
  options.min_events = 10;
  Recorder user("user", Kind::kRequests, options, at(0));
  user.count(at(1000), 6, 3);
  user.settle(at(1000));
  const ServiceSnapshot few = user.snapshot(at(1000));
  EXPECT_EQ(few.level.state, LevelState::kNoData);
  EXPECT_EQ(few.level.percent, std::nullopt);
  EXPECT_EQ(few.level.text,
            "User service level: NO DATA (3 dropped in the last 10 mins.; too few to tell: 9 of "
            "10)");
  user.count(at(2000), 1, 0);
  user.settle(at(2000));
  EXPECT_EQ(user.snapshot(at(2000)).level.state, LevelState::kBreached);
}

TEST(Recorder, WhatWasPausedIsNeitherUpNorDown) {
  Recorder queue("queue", Kind::kGauge, {}, at(0));
  queue.pause(at(0));
  queue.settle(at(60'000));
  EXPECT_EQ(queue.snapshot(at(60'000)).level.text,
            "Queue service level: NO DATA (nothing measured in the last 10 mins.)");
  queue.resume(at(60'000));
  queue.outageBegin(at(90'000));
  queue.settle(at(100'000));
  EXPECT_EQ(queue.snapshot(at(100'000)).level.text,
            "Queue service level: 75% (out of bounds for 10 s)");
  queue.pause(at(100'000));
  queue.settle(at(200'000));
  EXPECT_EQ(queue.snapshot(at(200'000)).level.state, LevelState::kNoData);
  // Still out when somebody looks again.
  queue.resume(at(200'000));
  queue.settle(at(210'000));
  EXPECT_EQ(queue.snapshot(at(210'000)).level.text,
            "Queue service level: 60% (out of bounds for 10 s; out of bounds 2 times, 20 s, in the "
            "last 10 mins.)");
  queue.outageEnd(at(210'000));
  queue.settle(at(260'000));
  const ServiceSnapshot s = queue.snapshot(at(260'000));
  EXPECT_EQ(s.level.text,
            "Queue service level: 80% (out of bounds 2 times, 20 s, in the last 10 mins.)");
  EXPECT_EQ(s.windows.back().good, 80'000u);
  EXPECT_EQ(s.windows.back().bad, 20'000u);
}

TEST(Recorder, GoesOnInTheNextProcess) {
  Recorder user("user", Kind::kRequests, {}, at(0));
  Recorder storage("storage", Kind::kAvailability, {}, at(0));
  for (int64_t s = 1; s <= 1000; ++s) {
    user.count(at(s * 1000), 100, s > 900 ? 10 : 0);
    user.settle(at(s * 1000));
    if (s == 950) storage.outageBegin(at(s * 1000));
    storage.settle(at(s * 1000));
  }
  ASSERT_EQ(user.snapshot(at(1'000'000)).level.state, LevelState::kBreached);
  // By another clock, 20 s later.
  const auto later = [](int64_t ms) { return ElapsedTime{Duration::millis(500 + ms).ns}; };
  const Duration gap = Duration::seconds(20);
  Recorder next("user", Kind::kRequests, {}, later(0));
  ASSERT_TRUE(next.restore(user.encode(at(1'000'000)), later(0), gap).isOk());
  next.settle(later(0));
  const ServiceSnapshot s = next.snapshot(later(0), wallAt(1'020'000));
  EXPECT_EQ(s.level.state, LevelState::kBreached);
  EXPECT_EQ(s.state_since, user.snapshot(at(1'000'000), wallAt(1'000'000)).state_since);
  EXPECT_EQ(s.bad, 1000u);
  EXPECT_EQ(s.windows.back().good, 100'000u);
  EXPECT_EQ(next.outages(later(0), wallAt(1'020'000)).size(), 2u);

  Recorder again("storage", Kind::kAvailability, {}, later(0));
  ASSERT_TRUE(again.restore(storage.encode(at(1'000'000)), later(0), gap).isOk());
  again.settle(later(80'000));
  const ServiceSnapshot t = again.snapshot(later(80'000));
  EXPECT_EQ(t.outage, Duration::seconds(50));
  EXPECT_EQ(t.observed, Duration::seconds(580));
  EXPECT_EQ(t.ongoing_outage, std::nullopt);
  EXPECT_EQ(t.windows.back().bad, 50'000u);
  EXPECT_EQ(t.windows.back().good, 1'030'000u);

  // Neither another kind nor damaged bytes change anything.
  Recorder other("user", Kind::kAvailability, {}, later(0));
  const std::string bytes = user.encode(at(1'000'000));
  EXPECT_EQ(other.restore(bytes, later(0), gap).code(), Code::kDataLoss);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    EXPECT_FALSE(next.restore(bytes.substr(0, cut), later(0), gap).isOk());
  }
  EXPECT_EQ(next.snapshot(later(0)).bad, 1000u);
}

TEST(Recorder, AMonthFitsIntoItsBound) {
  Recorder user("user", Kind::kRequests, {}, at(0));
  SeededRandom random(5);
  for (int64_t s = 0; s < 32 * 86'400; s += 600) {
    user.count(at(s * 1000), random.below(1'000'000), random.below(3) == 0 ? 2000 : 0);
    user.settle(at(s * 1000));
  }
  EXPECT_LE(user.bytes(), limits::kMaxServiceStateBytes);
  EXPECT_LE(user.encode(at(32LL * 86'400'000)).size(), limits::kMaxHistoryRecordBytes);
  EXPECT_LE(user.outages(at(32LL * 86'400'000), kWall).size(), limits::kMaxRecentOutages + 1);
}

}  // namespace
}  // namespace muster::service
