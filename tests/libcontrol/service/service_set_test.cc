#include "libcontrol/service/service_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr ElapsedTime kStart{Duration::seconds(1000).ns};

ElapsedTime at(int64_t ms) {
  return kStart + Duration::millis(ms);
}

TEST(ServiceSet, RequestsGoFromTheCounterIntoTheLevel) {
  ServiceSet set;
  Requests& user = **set.addRequests("user", {}, kStart);
  EXPECT_EQ(set.snapshot(at(0)).level.state, LevelState::kNoData);
  user.good(4995);
  user.bad(5);
  set.sample(at(1000), {});
  set.sample(at(2000), {});  // nothing new: nothing twice
  const NodeSnapshot node = set.snapshot(at(2000));
  ASSERT_EQ(node.services.size(), 1u);
  EXPECT_EQ(node.services[0].good, 4995u);
  EXPECT_EQ(node.services[0].bad, 5u);
  EXPECT_EQ(node.level.text, "User service level: 99.9% (5 dropped in the last 10 mins.)");
  EXPECT_EQ(set.snapshot(at(601'001)).level.state, LevelState::kNoData);
}

// Events are stamped by the real clock; one that comes after `steady_now` counts as of `now`.
void sampleExactly(ServiceSet& set, ElapsedTime now, SteadyClock::time_point before_events) {
  set.sample(now, before_events);
}

TEST(ServiceSet, OutagesGoFromTheObjectIntoTheLevel) {
  ServiceSet set;
  Availability& storage = **set.addAvailability("storage", {}, kStart);
  EXPECT_EQ(set.snapshot(at(0)).level.state, LevelState::kNoData);
  const auto before = SteadyClock::now();
  EXPECT_EQ(set.snapshot(at(100'000)).level.text,
            "Storage service level: 100% (no outage in the last 10 mins.)");
  storage.outageBegin();
  sampleExactly(set, at(400'000), before);
  EXPECT_EQ(set.snapshot(at(412'000)).services[0].ongoing_outage, Duration::seconds(12));
  storage.outageEnd();
  sampleExactly(set, at(410'000), before);
  const NodeSnapshot node = set.snapshot(at(700'000));
  EXPECT_EQ(node.level.text, "Storage service level: 98.3% (1 outage, 10 s, in the last 10 mins.)");
  EXPECT_EQ(node.services[0].outage, Duration::seconds(10));
  EXPECT_EQ(node.services[0].observed, Duration::seconds(600));
}

TEST(ServiceSet, AnOutageIsBookedAtItsOwnTime) {
  ServiceSet set;
  Availability& storage = **set.addAvailability("storage", {}, kStart);
  storage.outageBegin();
  storage.outageEnd();
  // Sampled thirty seconds late, by both clocks.
  set.sample(at(100'000), SteadyClock::now() + std::chrono::seconds(30));
  EXPECT_EQ(set.snapshot(at(600'000 + 69'000)).services[0].outages, 1u);
  EXPECT_EQ(set.snapshot(at(600'000 + 71'000)).services[0].outages, 0u);
}

TEST(ServiceSet, AGaugeIsGoodWhileWithinItsBounds) {
  ServiceSet set;
  Gauge& queue = **set.addGauge("queue", {.max = 100}, {}, kStart);
  const auto before = SteadyClock::now();
  sampleExactly(set, at(50'000), before);
  EXPECT_EQ(set.snapshot(at(50'000)).level.state, LevelState::kNoData);
  queue.set(100);
  sampleExactly(set, at(100'000), before);
  queue.set(100.5);
  sampleExactly(set, at(180'000), before);
  EXPECT_EQ(set.snapshot(at(190'000)).services[0].ongoing_outage, Duration::seconds(10));
  queue.set(std::nan(""));
  sampleExactly(set, at(200'000), before);
  queue.set(7);
  sampleExactly(set, at(200'000), before);
  const NodeSnapshot node = set.snapshot(at(300'000));
  EXPECT_EQ(node.level.text,
            "Queue service level: 90% (out of bounds once, 20 s, in the last 10 mins.)");
  EXPECT_EQ(queue.value(), 7);
}

TEST(ServiceSet, AValueThatIsTooOldIsNoData) {
  ServiceSet set;
  Gauge& queue =
      **set.addGauge("queue", {.max = 100, .stale_after = std::chrono::seconds(30)}, {}, kStart);
  const auto before = SteadyClock::now();
  queue.set(1);
  sampleExactly(set, at(1000), before);
  sampleExactly(set, at(30'999), before);
  EXPECT_EQ(set.snapshot(at(30'999)).level.state, LevelState::kOk);
  sampleExactly(set, at(31'000), before);
  EXPECT_EQ(set.snapshot(at(31'000)).level.state, LevelState::kNoData);
  queue.set(1);
  sampleExactly(set, at(40'000), before);
  EXPECT_EQ(set.snapshot(at(41'000)).level.state, LevelState::kOk);
}

TEST(ServiceSet, RemembersAcrossRestarts) {
  const WallTime wall{1'767'225'600'000};
  ServiceSet set;
  (**set.addRequests("user", {}, kStart)).good(1000);
  ASSERT_TRUE(set.addAvailability("storage", {}, kStart).isOk());
  set.sample(at(1000), {});
  std::vector<KeptService> kept = set.keep(at(1000), wall);
  ASSERT_EQ(kept.size(), 2u);
  kept.push_back({"queue", wall, "rubbish"});

  ServiceSet next;
  const WallTime soon{wall.unix_ms + 5000};
  next.expect(kept, at(0), soon);
  Requests& user = **next.addRequests("user", {}, at(0));
  // Of another kind than before: nothing of it can be kept.
  ASSERT_TRUE(next.addRequests("storage", {}, at(0)).isOk());
  ASSERT_TRUE(next.addGauge("queue", {.max = 1}, {}, at(0)).isOk());
  EXPECT_EQ(next.takeProblems().size(), 2u);
  EXPECT_TRUE(next.takeProblems().empty());
  user.good(24);
  next.sample(at(1000), {});
  const NodeSnapshot node = next.snapshot(at(1000), soon);
  const auto found = std::find_if(node.services.begin(), node.services.end(),
                                  [](const auto& s) { return s.name == "user"; });
  EXPECT_EQ(found->good, 1024u);
  EXPECT_EQ(found->windows.back().good, 1024u);
}

TEST(ServiceSet, TheSameNameIsTheSameService) {
  ServiceSet set;
  Requests* user = *set.addRequests("user", {}, kStart);
  EXPECT_EQ(*set.addRequests("user", {.objective_percent = 50}, kStart), user);
  const Status status = set.addAvailability("user", {}, kStart).status();
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(status.field(), "name");
  EXPECT_EQ(set.names(), (std::vector<std::string>{"user"}));
}

TEST(ServiceSet, RefusesWhatItCannotKeepAndNamesTheField) {
  const auto field = [](std::string_view name, const ServiceOptions& options) {
    const Status status = checkService(name, options);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << name;
    return status.field();
  };
  for (const std::string& bad : {std::string(), std::string(65, 'a'), std::string("a b"),
                                 std::string("\xc3\xa4"), std::string("a/b"), std::string("a\n")}) {
    EXPECT_EQ(field(bad, {}), "name");
  }
  for (const double bad : {0.0, 100.0, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(field("user", {.objective_percent = bad}), "objective_percent");
  }
  using std::chrono::seconds;
  for (const seconds bad :
       {seconds(9), seconds(86'401), seconds(-600), seconds::max(), seconds::min()}) {
    EXPECT_EQ(field("user", {.window = bad}), "window");
  }
  for (const std::string& bad : {std::string(), std::string(33, 'a'), std::string("a\nb")}) {
    EXPECT_EQ(field("user", {.bad_noun = bad}), "bad_noun");
  }
  for (const seconds bad : {seconds(3599), seconds(31 * 86'400 + 1), seconds::max()}) {
    EXPECT_EQ(field("user", {.period = bad}), "period");
  }
  EXPECT_EQ(field("user", {.min_events = 0}), "min_events");
  EXPECT_EQ(field("user", {.worse_for = seconds(-1)}), "worse_for");
  EXPECT_EQ(field("user", {.better_for = seconds(3601)}), "better_for");
  EXPECT_EQ(field("user", {.burn_rates = {{seconds::max(), seconds(60), 2}}}), "burn_rules");
  const auto boundsField = [](const GaugeBounds& bounds) {
    return checkGauge("queue", bounds).field();
  };
  EXPECT_EQ(boundsField({}), "bounds");
  EXPECT_EQ(boundsField({.min = 2, .max = 1}), "bounds");
  EXPECT_EQ(boundsField({.max = std::nan("")}), "bounds");
  EXPECT_EQ(boundsField({.max = 1, .stale_after = seconds(-1)}), "stale_after");
  EXPECT_EQ(boundsField({.max = 1}), "");
  EXPECT_TRUE(checkService(std::string(64, 'a'), {}).isOk());
  EXPECT_TRUE(checkService("A.b_c-9", {.window = seconds(10)}).isOk());
  EXPECT_TRUE(checkService("user", {.window = seconds(86'400)}).isOk());
}

TEST(ServiceSet, IsBounded) {
  ServiceSet set;
  for (size_t i = 0; i < limits::kMaxServices; ++i) {
    ASSERT_TRUE(set.addRequests("s" + std::to_string(i), {}, kStart).isOk());
  }
  EXPECT_EQ(set.addRequests("one-more", {}, kStart).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(set.addRequests("s0", {}, kStart).isOk());
}

TEST(ServiceSet, LosesNothingThatOtherThreadsCount) {
  ServiceSet set;
  Requests& user = **set.addRequests("user", {}, kStart);
  constexpr uint64_t kEach = 20'000;
  std::atomic<int> running = 3;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < kEach; ++i) i % 10 == 0 ? user.bad() : user.good();
      --running;
    });
  }
  int64_t ms = 0;
  while (running > 0) set.sample(at(ms = (ms + 1) % 500'000), {});
  for (std::thread& thread : threads) thread.join();
  set.sample(at(500'000), {});
  const NodeSnapshot node = set.snapshot(at(500'000));
  EXPECT_EQ(node.services[0].good, 3 * kEach * 9 / 10);
  EXPECT_EQ(node.services[0].bad, 3 * kEach / 10);
}

TEST(Availability, BeginsAndEndsAreIdempotentAndInTurn) {
  Availability storage;
  storage.outageEnd();
  EXPECT_FALSE(storage.inOutage());
  storage.outageBegin();
  storage.outageBegin();
  EXPECT_TRUE(storage.inOutage());
  storage.outageEnd();
  storage.outageEnd();
  const auto events = storage.take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_TRUE(events[0].begin);
  EXPECT_FALSE(events[1].begin);
  EXPECT_LE(events[0].at, events[1].at);
  EXPECT_TRUE(storage.take().empty());
}

TEST(Gauge, OfManyThreadsTheValueThatStandsCounts) {
  Gauge gauge({.max = 10});
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) gauge.set((i + t) % 7 == 0 ? 11 : 5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  gauge.set(11);
  const Gauge::Taken taken = gauge.take();
  EXPECT_TRUE(taken.fresh);
  ASSERT_FALSE(taken.events.empty());
  EXPECT_TRUE(taken.events.back().begin);
  for (size_t i = 0; i < taken.events.size(); ++i) EXPECT_EQ(taken.events[i].begin, i % 2 == 0);
  EXPECT_LE(taken.events.size(), limits::kMaxOutageEvents);
  EXPECT_FALSE(gauge.take().fresh);
}

// Availability reads the real clock; this is too short for a sleep. Says how long it really took.
SteadyClock::duration spinFor(SteadyClock::duration length) {
  const auto begin = SteadyClock::now();
  auto now = begin;
  while (now < begin + length) now = SteadyClock::now();
  return now - begin;
}

TEST(Availability, StaysBoundedAndInTurnWhenNobodyTakes) {
  Availability storage;
  SteadyClock::duration down_at_least{};
  for (int i = 0; i < 300; ++i) {
    storage.outageBegin();
    down_at_least += spinFor(std::chrono::microseconds(20));
    storage.outageEnd();
    // Longer up than down: what is left out must be a time of being up nevertheless.
    spinFor(std::chrono::microseconds(100));
  }
  storage.outageBegin();
  const auto events = storage.take();
  SteadyClock::duration down{};
  for (size_t i = 1; i < events.size(); i += 2) down += events[i].at - events[i - 1].at;
  EXPECT_GE(down, down_at_least);
  EXPECT_LE(events.size(), limits::kMaxOutageEvents);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].begin, i % 2 == 0);
    if (i > 0) {
      EXPECT_LE(events[i - 1].at, events[i].at);
    }
  }
  EXPECT_TRUE(events.back().begin);
  EXPECT_TRUE(storage.inOutage());
}

}  // namespace
}  // namespace muster::service
