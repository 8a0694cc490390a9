// A group's level kept up change by change is the one that all its nodes amount to.
#include <gtest/gtest.h>

#include <algorithm>

#include "libcontrol/base/random.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

NodeServices shared(std::vector<ServiceSnapshot> services) {
  return std::make_shared<const std::vector<ServiceSnapshot>>(std::move(services));
}

ServiceSnapshot randomService(Random& random, const std::string& name, Kind kind) {
  ServiceSnapshot s;
  s.name = name;
  s.kind = kind;
  s.objective_percent = random.below(5) == 0 ? 99.5 : 99.0;
  s.window = Duration::seconds(random.below(5) == 0 ? 3600 : 600);
  s.min_events = random.below(4) == 0 ? 50 : 1;
  s.good = random.below(3) == 0 ? 0 : random.below(10'000);
  s.bad = random.below(2) == 0 ? 0 : random.below(100);
  // Now and then what a broken node might tell.
  if (random.below(20) == 0) s.good = uint64_t{1} << 53;
  s.observed = Duration::seconds(600);
  s.outage = Duration::seconds(static_cast<int64_t>(random.below(10)));
  s.outages = s.outage.ns > 0 ? 1 : 0;
  for (const Duration length : windowLengths(burnRulesOf(s), s.period)) {
    if (random.below(30) == 0) continue;
    s.windows.push_back({length, random.below(100'000), random.below(500),
                         Duration::millis(static_cast<int64_t>(
                             random.below(static_cast<uint64_t>(length.toMillis()) + 1)))});
  }
  judgeAll(s);
  return s;
}

std::vector<ServiceSnapshot> randomServices(Random& random) {
  std::vector<ServiceSnapshot> out;
  if (random.below(5) != 0) out.push_back(randomService(random, "user", Kind::kRequests));
  if (random.below(3) != 0) out.push_back(randomService(random, "batch", Kind::kRequests));
  if (random.below(3) != 0) out.push_back(randomService(random, "storage", Kind::kAvailability));
  if (random.below(3) == 0) out.push_back(randomService(random, "queue", Kind::kGauge));
  return out;
}

void expectSame(const GroupLevel& a, const GroupLevel& b) {
  ASSERT_EQ(a.level.text, b.level.text);
  ASSERT_EQ(a.level.state, b.level.state);
  ASSERT_EQ(a.level.percent, b.level.percent);
  ASSERT_EQ(a.has_active, b.has_active);
  ASSERT_EQ(a.services.size(), b.services.size());
  for (size_t i = 0; i < a.services.size(); ++i) {
    const ServiceSnapshot& x = a.services[i];
    const ServiceSnapshot& y = b.services[i];
    ASSERT_EQ(x.name, y.name);
    ASSERT_EQ(x.good, y.good);
    ASSERT_EQ(x.bad, y.bad);
    ASSERT_EQ(x.windows, y.windows);
    ASSERT_EQ(judgeBurns(x), judgeBurns(y));
    ASSERT_EQ(x.budget_left, y.budget_left);
    ASSERT_EQ(x.objective_percent, y.objective_percent);
    ASSERT_EQ(x.window, y.window);
    ASSERT_EQ(x.min_events, y.min_events);
    ASSERT_EQ(x.level.text, y.level.text);
  }
}

bool isGone(const ServiceSnapshot& service, const std::vector<NodeView>& nodes) {
  return std::none_of(nodes.begin(), nodes.end(), [&](const NodeView& node) {
    return std::any_of(node.services.begin(), node.services.end(), [&](const auto& each) {
      return each.name == service.name && each.kind == service.kind;
    });
  });
}

// Added up without the aggregate's help.
void expectSums(const GroupLevel& group, const std::vector<NodeView>& nodes) {
  for (const ServiceSnapshot& sum : group.services) {
    if (sum.kind != Kind::kRequests) continue;
    uint64_t good = 0;
    uint64_t bad = 0;
    std::map<Duration, std::pair<uint64_t, uint64_t>> windows;
    for (const NodeView& node : nodes) {
      for (const ServiceSnapshot& s : node.services) {
        if (!node.present || s.name != sum.name) continue;
        good += s.good;
        bad += s.bad;
        for (const WindowTotal& total : s.windows) {
          windows[total.window].first += total.good;
          windows[total.window].second += total.bad;
        }
      }
    }
    ASSERT_EQ(sum.good, good);
    ASSERT_EQ(sum.bad, bad);
    ASSERT_EQ(sum.windows.size(), windows.size());
    for (const WindowTotal& total : sum.windows) {
      ASSERT_EQ(std::pair(total.good, total.bad), windows[total.window]);
      ASSERT_LE(total.observed, total.window);
    }
  }
}

TEST(GroupAggregate, IsWhatAllNodesAmountToAfterEveryChange) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    GroupAggregate group("ledger");
    std::vector<NodeView> nodes;
    for (int i = 0; i < 8; ++i) nodes.push_back({"node" + std::to_string(i), false, false, {}});
    for (int i = 0; i < 4000; ++i) {
      NodeView& node = nodes[random.below(nodes.size())];
      switch (random.below(4)) {
        case 0:  // goes
          node.present = false;
          node.services.clear();
          group.removeNode(node.name);
          break;
        case 1: {  // the role moves
          for (NodeView& each : nodes) each.active = false;
          const bool to_nobody = random.below(4) == 0;
          node.active = !to_nobody;
          group.setActive(to_nobody ? std::nullopt : std::optional(node.name));
          break;
        }
        default:  // comes, tells something new, or has restarted with other services
          node.present = true;
          node.services = randomServices(random);
          group.setNode(node.name, shared(node.services));
      }
      GroupLevel level = group.judged();
      // Whom it remembers depends on what was before.
      std::erase_if(level.services,
                    [&](const ServiceSnapshot& each) { return isGone(each, nodes); });
      expectSame(level, levelOfGroup("ledger", nodes));
      if (HasFatalFailure()) return;
      expectSums(level, nodes);
      if (HasFatalFailure()) return;
    }
  }
}

ServiceSnapshot user(uint64_t good, uint64_t bad) {
  ServiceSnapshot s;
  s.name = "user";
  s.kind = Kind::kRequests;
  s.objective_percent = 99;
  s.good = good;
  s.bad = bad;
  for (const Duration length : windowLengths(burnRulesOf(s), s.period)) {
    s.windows.push_back({length, good, bad, length});
  }
  judgeAll(s);
  return s;
}

TEST(GroupAggregate, BurnRatesAndBudgetAreThoseOfTheSum) {
  GroupAggregate group("ledger");
  group.setNode("node1", shared({user(1000, 0)}));
  group.setNode("node2", shared({user(800, 200)}));
  group.setActive("node1");
  const GroupLevel level = group.judged();
  ASSERT_EQ(level.services.size(), 1u);
  const ServiceSnapshot& sum = level.services[0];
  EXPECT_NEAR(judgeBurns(sum)[0].long_rate, 10, 1e-6);
  EXPECT_FALSE(judgeBurns(sum)[0].firing);
  EXPECT_TRUE(judgeBurns(sum)[1].firing);
  EXPECT_NEAR(*sum.budget_left, -9, 1e-6);
  // One of them has watched half of the time only: it stands for less.
  ServiceSnapshot young = user(800, 200);
  for (WindowTotal& total : young.windows) total.observed = total.window / 2;
  group.setNode("node2", shared({young}));
  EXPECT_NEAR(judgeBurns(group.judged().services[0])[0].long_rate, 200.0 / 3000 / 0.01, 1e-6);
}

TEST(GroupAggregate, KeepsStatesFromChangingWithEveryBreath) {
  const auto at = [](int64_t s) { return ElapsedTime{Duration::seconds(s).ns}; };
  const WallTime wall{1'767'225'600'000};
  GroupAggregate group("ledger");
  group.setActive("node1");
  ServiceSnapshot bad = user(90, 10);
  bad.windows.clear();
  ServiceSnapshot fine = user(100, 0);
  fine.windows.clear();
  for (ServiceSnapshot* each : {&bad, &fine}) {
    each->worse_for = Duration::seconds(10);
    judgeAll(*each);
  }
  // What is bad when one begins to look is told at once, later only once it has held.
  group.setNode("node1", shared({bad}));
  EXPECT_EQ(group.step(at(0), wall).level.state, LevelState::kBreached);
  group.setNode("node1", shared({fine}));
  const GroupLevel well = group.step(at(1), WallTime{wall.unix_ms + 1000});
  EXPECT_EQ(well.level.state, LevelState::kOk);
  EXPECT_EQ(well.state_since, WallTime{wall.unix_ms + 1000});
  group.setNode("node1", shared({bad}));
  EXPECT_EQ(group.step(at(2), wall).level.state, LevelState::kOk);
  EXPECT_EQ(group.step(at(12), wall).level.state, LevelState::kBreached);
}

TEST(GroupAggregate, WhatEverybodyHadHasNoDataUntilSomebodyIsActive) {
  GroupAggregate group("ledger");
  group.setNode("node1", shared({user(100, 0)}));
  group.setActive("node1");
  group.removeNode("node1");
  GroupLevel level = group.judged();
  ASSERT_EQ(level.services.size(), 1u);
  EXPECT_EQ(level.services[0].level.text, "User service level: NO DATA (no active node)");
  ServiceSnapshot other = user(100, 0);
  other.name = "other";
  group.setNode("node1", shared({other}));
  level = group.judged();
  ASSERT_EQ(level.services.size(), 1u);
  EXPECT_EQ(level.services[0].name, "other");
}

TEST(GroupAggregate, WhatNodesCountAddsUpOverTheirAbsence) {
  GroupAggregate group("ledger");
  const auto tell = [&](const std::string& node, uint64_t good, uint64_t bad) {
    ServiceSnapshot s = user(1, 0);
    s.good_total = good;
    s.bad_total = bad;
    group.setNode(node, shared({s}));
  };
  tell("node1", 1000, 10);  // what it counted before anybody looked is not the group's
  tell("node2", 5, 0);
  EXPECT_EQ(group.judged().services[0].good_total, 0u);
  tell("node1", 1100, 12);
  tell("node2", 10, 0);
  group.removeNode("node1");
  tell("node1", 1200, 12);
  EXPECT_EQ(group.judged().services[0].good_total, 205u);
  EXPECT_EQ(group.judged().services[0].bad_total, 2u);
  tell("node1", 3, 0);  // without its past
  tell("node1", 4, 1);
  EXPECT_EQ(group.judged().services[0].good_total, 206u);
  EXPECT_EQ(group.judged().services[0].bad_total, 3u);
  group.forgetNode("node1");
  tell("node1", 9000, 0);
  EXPECT_EQ(group.judged().services[0].good_total, 206u);
}

TEST(Overall, AGroupCountsByItsWeight) {
  const auto groupAt = [](const std::string& name, uint64_t bad, double weight) {
    GroupLevel group = levelOfGroup(name, {{"node1", true, true, {user(1000 - bad, bad)}}});
    group.weight = weight;
    return group;
  };
  EXPECT_EQ(overallLevel({groupAt("a", 100, 0.5), groupAt("b", 20, 1)}).text,
            "Overall service level: 95% (a: user below its objective of 99%)");
  EXPECT_EQ(overallLevel({groupAt("a", 100, 0.1), groupAt("b", 20, 1)}).text,
            "Overall service level: 98% (b: user below its objective of 99%)");
  EXPECT_EQ(overallLevel({groupAt("a", 100, 0), groupAt("b", 0, 1)}).state, LevelState::kOk);
  EXPECT_EQ(overallLevel({groupAt("a", 100, 0)}).state, LevelState::kNoData);
}

}  // namespace
}  // namespace muster::service
