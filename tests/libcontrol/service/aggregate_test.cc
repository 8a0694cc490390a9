#include "libcontrol/service/aggregate.h"

#include <gtest/gtest.h>

namespace muster::service {
namespace {

ServiceSnapshot requests(const std::string& name, uint64_t good, uint64_t bad,
                         double objective = 99.0) {
  ServiceSnapshot s;
  s.name = name;
  s.kind = Kind::kRequests;
  s.good = good;
  s.bad = bad;
  s.objective_percent = objective;
  s.level = judge(s);
  return s;
}

ServiceSnapshot storage(int64_t outage_ms) {
  ServiceSnapshot s;
  s.name = "storage";
  s.kind = Kind::kAvailability;
  s.objective_percent = 99.0;
  s.observed = Duration::seconds(600);
  s.outage = Duration::millis(outage_ms);
  s.outages = outage_ms > 0 ? 1 : 0;
  s.level = judge(s);
  return s;
}

TEST(Group, SumsRequestsOverThePresentNodes) {
  const GroupLevel group =
      levelOfGroup("ledger", {{"node1", true, true, {requests("user", 600, 1)}},
                              {"node2", true, false, {requests("user", 398, 1)}},
                              {"node3", false, false, {requests("user", 0, 1000)}}});
  ASSERT_EQ(group.services.size(), 1u);
  EXPECT_EQ(group.services[0].good, 998u);
  EXPECT_EQ(group.services[0].bad, 2u);
  EXPECT_EQ(group.services[0].level.text,
            "User service level: 99.8% (2 dropped in the last 10 mins.)");
  EXPECT_EQ(group.level.text, "Ledger group service level: 99.8% (within advertised SLA range)");
  EXPECT_TRUE(group.has_active);
}

TEST(Group, AvailabilityIsTheActiveNodes) {
  const GroupLevel group = levelOfGroup(
      "ledger", {{"node1", true, false, {storage(300'000)}}, {"node2", true, true, {storage(0)}}});
  ASSERT_EQ(group.services.size(), 1u);
  EXPECT_EQ(group.services[0].level.text,
            "Storage service level: 100% (no outage in the last 10 mins.)");
  EXPECT_EQ(group.level.state, LevelState::kOk);
}

TEST(Group, WithoutAnActiveNodeAvailabilityHasNoData) {
  const std::vector<std::vector<NodeView>> cases = {
      {{"node1", true, false, {storage(0)}}},
      {{"node1", false, true, {storage(0)}}},
      {{"node1", false, true, {storage(0)}}, {"node2", true, false, {storage(0)}}},
  };
  for (const auto& nodes : cases) {
    const GroupLevel group = levelOfGroup("ledger", nodes);
    ASSERT_EQ(group.services.size(), 1u);
    EXPECT_FALSE(group.has_active);
    EXPECT_EQ(group.services[0].level.text, "Storage service level: NO DATA (no active node)");
    EXPECT_EQ(group.services[0].level.percent, std::nullopt);
    EXPECT_EQ(group.level.state, LevelState::kNoData);
    EXPECT_EQ(group.level.text, "Ledger group service level: NO DATA (no active node)");
  }
}

TEST(Group, RequestsAloneDoNotHideThatNobodyIsActive) {
  const GroupLevel group =
      levelOfGroup("ledger", {{"node1", true, false, {requests("user", 100, 0)}}});
  EXPECT_EQ(group.services[0].level.percent, 100);
  EXPECT_EQ(group.level.state, LevelState::kNoData);
  EXPECT_EQ(group.level.percent, std::nullopt);
  EXPECT_EQ(group.level.text, "Ledger group service level: NO DATA (no active node)");
}

TEST(Group, NamesTheWorstService) {
  const GroupLevel group =
      levelOfGroup("ledger", {{"node1", true, true, {storage(0), requests("user", 90, 10, 99.9)}}});
  EXPECT_EQ(group.level.state, LevelState::kBreached);
  EXPECT_EQ(group.services[0].name, "user");
  EXPECT_EQ(group.level.text,
            "Ledger group service level: 90% (user below its objective of 99.9%)");
}

TEST(Group, TheStrictestObjectiveAndTheLongestWindowHold) {
  ServiceSnapshot longer = requests("user", 1, 0, 90);
  longer.window = Duration::seconds(3600);
  const GroupLevel group = levelOfGroup(
      "ledger",
      {{"node1", true, true, {requests("user", 1, 0, 99.9)}}, {"node2", true, false, {longer}}});
  EXPECT_EQ(group.services[0].objective_percent, 99.9);
  EXPECT_EQ(group.services[0].window, Duration::seconds(3600));
}

TEST(Group, EmptyHasNoData) {
  EXPECT_EQ(levelOfGroup("ledger", {}).level.text,
            "Ledger group service level: NO DATA (no active node)");
  EXPECT_EQ(levelOfGroup("ledger", {{"node1", true, true, {}}}).level.text,
            "Ledger group service level: NO DATA (no service)");
}

GroupLevel groupWith(const std::string& name, std::vector<ServiceSnapshot> services) {
  return levelOfGroup(name, {{"node1", true, true, std::move(services)}});
}

TEST(Overall, WithinRange) {
  const Level level = overallLevel(
      {groupWith("ledger", {requests("user", 9999, 1)}), groupWith("storage", {storage(0)})});
  EXPECT_EQ(level.text, "Overall service level: 99.99% (within advertised SLA range)");
  EXPECT_EQ(level.state, LevelState::kOk);
}

TEST(Overall, NamesTheWorstGroupAndService) {
  const GroupLevel burning = groupWith("ledger", {requests("user", 993, 7)});
  const GroupLevel breached = groupWith("front", {requests("web", 98, 2), storage(0)});
  const GroupLevel silent = groupWith("mute", {requests("user", 0, 0)});
  const GroupLevel well = groupWith("well", {storage(0)});
  EXPECT_EQ(overallLevel({well, silent, burning, breached}).text,
            "Overall service level: 98% (front: web below its objective of 99%)");
  EXPECT_EQ(overallLevel({well, silent, burning}).text,
            "Overall service level: 99.3% (ledger: user spending its error budget too fast)");
  EXPECT_EQ(overallLevel({well, silent}).text,
            "Overall service level: NO DATA (mute: no data for user)");
  EXPECT_EQ(overallLevel({well, levelOfGroup("gone", {})}).text,
            "Overall service level: NO DATA (gone: no active node)");
  EXPECT_EQ(overallLevel({}).text, "Overall service level: NO DATA (no group)");
  EXPECT_EQ(overallLevel({}).percent, std::nullopt);
}

TEST(Overall, DoesNotSayAGroupsNameTwice) {
  EXPECT_EQ(overallLevel({groupWith("storage", {storage(60'000)})}).text,
            "Overall service level: 90% (storage below its objective of 99%)");
}

}  // namespace
}  // namespace muster::service
