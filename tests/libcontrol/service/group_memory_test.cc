#include "libcontrol/service/group_memory.h"

#include <gtest/gtest.h>

#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

constexpr WallTime kWall{1'767'225'600'000};

ElapsedTime at(int64_t s) {
  return {Duration::seconds(1000 + s).ns};
}

WallTime wallAt(int64_t s) {
  return {kWall.unix_ms + s * 1000};
}

GroupLevel group(bool has_active, std::vector<ServiceSnapshot> services) {
  GroupLevel out;
  out.name = "ledger";
  out.has_active = has_active;
  out.services = std::move(services);
  return out;
}

ServiceSnapshot storage(bool down) {
  ServiceSnapshot s;
  s.name = "storage";
  s.kind = Kind::kAvailability;
  s.down = down;
  s.level.percent = down ? 99 : 100;
  return s;
}

ServiceSnapshot user(uint64_t good, uint64_t bad, LevelState state = LevelState::kOk) {
  ServiceSnapshot s;
  s.name = "user";
  s.kind = Kind::kRequests;
  s.good_total = good;
  s.bad_total = bad;
  s.level = {100, state, ""};
  return s;
}

TEST(GroupMemory, TimeWithoutAnActiveNodeIsAnOutage) {
  GroupMemory memory;
  // Whether anybody is active isn't known yet.
  memory.feed(group(false, {storage(false)}), at(0));
  memory.feed(group(true, {storage(false)}), at(100));
  memory.feed(group(true, {storage(true)}), at(1000));
  memory.feed(group(true, {storage(false)}), at(1010));
  memory.feed(group(false, {storage(false)}), at(1500));
  memory.feed(group(true, {storage(false)}), at(1525));
  memory.feed(group(true, {storage(false)}), at(2000));
  GroupLevel level = group(true, {storage(false)});
  memory.fill(level, at(2000));
  ASSERT_EQ(level.services[0].windows.size(), 1u);
  EXPECT_EQ(level.services[0].windows[0].bad, 35'000u);
  EXPECT_EQ(level.services[0].windows[0].good, 1'865'000u);
  EXPECT_NEAR(*level.services[0].budget_left, 1 - 35.0 / 2592, 1e-6);
  const std::vector<Outage> outages = memory.outages("storage", at(2000), wallAt(2000));
  ASSERT_EQ(outages.size(), 2u);
  EXPECT_EQ(outages[0], (Outage{wallAt(1000), Duration::seconds(10), 10'000, false}));
  EXPECT_EQ(outages[1], (Outage{wallAt(1500), Duration::seconds(25), 25'000, false}));
}

TEST(GroupMemory, WhileNobodyWatchesNothingIsKnown) {
  GroupMemory memory;
  memory.feed(group(true, {storage(false)}), at(0));
  memory.pause(at(10));
  // The server is back, its nodes not all yet.
  memory.feed(group(false, {storage(false)}), at(500));
  memory.feed(group(true, {storage(false)}), at(510));
  GroupLevel level = group(true, {storage(false)});
  memory.feed(level, at(520));
  memory.fill(level, at(520));
  EXPECT_EQ(level.services[0].windows[0].good, 20'000u);
  EXPECT_EQ(level.services[0].windows[0].bad, 0u);
  EXPECT_TRUE(memory.outages("storage", at(520), wallAt(520)).empty());
}

TEST(GroupMemory, CountsWhatNodesToldSince) {
  GroupMemory memory;
  memory.feed(group(true, {user(5000, 50)}), at(0));
  memory.feed(group(true, {user(6000, 60, LevelState::kBreached)}), at(10));
  memory.feed(group(true, {user(7000, 65)}), at(20));
  // A node has begun anew: not a negative number.
  memory.feed(group(true, {user(10, 0)}), at(30));
  memory.feed(group(true, {user(20, 1)}), at(40));
  GroupLevel level = group(true, {user(20, 1)});
  memory.fill(level, at(40));
  EXPECT_EQ(level.services[0].windows[0].good, 2010u);
  EXPECT_EQ(level.services[0].windows[0].bad, 16u);
  ASSERT_EQ(memory.outages("user", at(40), wallAt(40)).size(), 1u);
  EXPECT_EQ(memory.outages("user", at(40), wallAt(40))[0].bad, 15u - 10u);
}

TEST(GroupMemory, OfTwoHistoriesTheLongerOneTellsTheBudget) {
  GroupMemory memory;
  memory.feed(group(true, {storage(false)}), at(0));
  memory.feed(group(true, {storage(false)}), at(3600));
  GroupLevel level = group(true, {storage(false)});
  const Duration month = level.services[0].period;
  level.services[0].windows = {{month, 7'200'000, 0, Duration::seconds(7200)}};
  level.services[0].budget_left = 1;
  memory.fill(level, at(3600));
  EXPECT_EQ(level.services[0].windows[0].good, 7'200'000u);
  level.services[0].windows = {{month, 60'000, 0, Duration::seconds(60)}};
  memory.fill(level, at(3600));
  EXPECT_EQ(level.services[0].windows[0].good, 3'600'000u);
}

TEST(GroupMemory, GoesOnInTheNextProcess) {
  GroupMemory memory;
  memory.feed(group(true, {storage(false), user(0, 0)}), at(0));
  memory.feed(group(false, {storage(false), user(100, 7)}), at(100));
  const auto kept = memory.encode(at(130));
  ASSERT_EQ(kept.size(), 2u);

  GroupMemory next;
  const ElapsedTime now{Duration::seconds(5).ns};
  for (const auto& [name, bytes] : kept) {
    ASSERT_TRUE(next.restore(name, bytes, now, Duration::seconds(60)).isOk());
    EXPECT_FALSE(next.restore(name, bytes.substr(0, bytes.size() / 2), now, {}).isOk());
  }
  GroupLevel level = group(true, {storage(false), user(100, 7)});
  next.feed(level, now);
  next.feed(level, now + Duration::seconds(10));
  next.fill(level, now + Duration::seconds(10));
  EXPECT_EQ(level.services[0].windows[0].bad, 30'000u);
  EXPECT_EQ(level.services[0].windows[0].good, 110'000u);
  EXPECT_EQ(level.services[1].windows[0].bad, 7u);
  EXPECT_EQ(next.outages("storage", now, wallAt(190)).at(0),
            (Outage{wallAt(100), Duration::seconds(30), 30'000, false}));
}

}  // namespace
}  // namespace muster::service
