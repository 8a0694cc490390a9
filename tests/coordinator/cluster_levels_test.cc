// What the cluster makes of the levels that its nodes tell: the groups' contacts, budgets that
// outlive nodes and coordinators, and moves off a holder under the floor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/convert/levels.h"
#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

v1::ServiceState requests(uint64_t good, uint64_t bad) {
  v1::ServiceState state;
  state.set_name("user");
  state.set_kind(v1::SERVICE_KIND_REQUESTS);
  state.set_objective_percent(99);
  state.set_window_ms(600'000);
  state.set_good(good);
  state.set_bad(bad);
  state.set_good_total(good);
  state.set_bad_total(bad);
  return state;
}

v1::ServiceState storage(bool down) {
  v1::ServiceState state;
  state.set_name("storage");
  state.set_kind(v1::SERVICE_KIND_AVAILABILITY);
  state.set_objective_percent(99);
  state.set_window_ms(600'000);
  state.set_observed_ms(600'000);
  state.set_down(down);
  return state;
}

class ClusterLevelsTest : public ClusterStage {
 protected:
  ClusterLevelsTest() {
    person_.onReceived([this](const xmpp::Element& stanza) {
      if (!stanza.is("presence", xmpp::kNsClient)) return;
      const xmpp::Element* status = stanza.child("status", xmpp::kNsClient);
      if (status != nullptr) shown_[stanza.attribute("from")] = status->text();
    });
    person_.start();
    server_.deliver();
    person_.send(xmpp::makePresence({}));
    server_.deliver();
  }

  const service::ServiceSnapshot& service(const std::string& name) {
    level_ = coordinator_->cluster.groupLevels().at(0);
    for (const service::ServiceSnapshot& each : level_.services) {
      if (each.name == name) return each;
    }
    ADD_FAILURE() << "no service " << name;
    return level_.services.at(0);
  }

  // Both nodes go on living, second by second.
  void live(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      pass(Duration::seconds(1));
      FakeNode& holder = coordinator_->status().active() == "node2" ? two_ : one_;
      holder.renew(holder.epoch);
      settle();
      coordinator_->cluster.tick();
      settle();
    }
  }

  void useFloor() {
    election_.choose.level_floor = 90;
    election_.floor_time = Duration::seconds(30);
    election_.min_between_moves = Duration::seconds(1);
    startCoordinator();
    server_.deliver();
  }

  xmpp::MemoryLink person_{server_, jid("ann@example.org/phone")};
  std::map<std::string, std::string> shown_;
  service::GroupLevel level_;
};

TEST_F(ClusterLevelsTest, SumsFollowNodesThatComeChangeAndGo) {
  one_.services = {requests(100, 0)};
  two_.services = {requests(80, 20)};
  nodesAppear();
  EXPECT_EQ(service("user").good, 180u);
  EXPECT_EQ(service("user").bad, 20u);
  EXPECT_EQ(level_.level.text, "G group service level: 90% (user below its objective of 99%)");
  two_.services = {requests(100, 0)};
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(service("user").good, 200u);
  two_.stop();
  settle();
  EXPECT_EQ(service("user").good, 100u);
  ASSERT_TRUE(coordinator_->cluster.removeMember(jid("node1@example.org")).isOk());
  settle();
  EXPECT_EQ(service("user").level.state, service::LevelState::kNoData);
}

TEST_F(ClusterLevelsTest, AServiceHasAContactOfItsOwn) {
  one_.services = {requests(100, 0), storage(false)};
  nodesAppear();
  coordinator_->cluster.tick();
  person_.send(
      xmpp::presenceOf({}, jid("user.g@muster.example.org"), xmpp::PresenceType::kSubscribe));
  settle();
  EXPECT_EQ(shown_["user.g@muster.example.org"],
            "User service level: 100% (none dropped in the last 10 mins.)");
  one_.services = {requests(50, 50), storage(false)};
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  coordinator_->cluster.tick();
  settle();
  EXPECT_EQ(shown_["user.g@muster.example.org"],
            "User service level: 50% (50 dropped in the last 10 mins.)");
  // The subscriber is still one after a restart, before any node is there.
  coordinator_->cluster.saveLevels();
  startCoordinator();
  settle();
  EXPECT_EQ(coordinator_->contacts.subscribersOf(jid("user.g@muster.example.org")).size(), 1u);
  EXPECT_EQ(shown_["user.g@muster.example.org"],
            "User service level: NO DATA (no node tells of it)");
}

TEST_F(ClusterLevelsTest, ABudgetOutlivesTheNodeAndTheCoordinator) {
  one_.services = {storage(false)};
  two_.services = {storage(false)};
  nodesAppear();
  live(100);
  one_.services = {storage(true)};
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  live(50);
  one_.services = {storage(false)};
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  live(50);
  // 50 s of the 7 h 12 min. that a month has at 99 %.
  EXPECT_NEAR(*service("storage").budget_left, 1 - 50.0 / 25'920, 1e-4);
  coordinator_->cluster.saveLevels();
  startCoordinator();
  settle();
  nodesAppear();
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  live(10);
  EXPECT_NEAR(*service("storage").budget_left, 1 - 50.0 / 25'920, 1e-4);
  const std::vector<service::Outage> outages = coordinator_->cluster.outages("g", "storage");
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_NEAR(outages[0].length.toSeconds(), 50, 1);
}

TEST_F(ClusterLevelsTest, AHolderUnderTheFloorLosesTheRoleToABetterNode) {
  useFloor();
  // The standby serves no requests, so it has no data for them.
  one_.services = {requests(100, 0), storage(false)};
  two_.services = {requests(0, 0), storage(false)};
  nodesAppear();
  live(10);
  ASSERT_EQ(coordinator_->status().active(), "node1");
  one_.services = {requests(50, 50), storage(false)};
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  live(25);
  EXPECT_EQ(coordinator_->status().active(), "node1") << "not yet for long enough";
  EXPECT_THAT(coordinator_->status().note(), testing::HasSubstr("under the floor of 90%"));
  live(10);
  EXPECT_EQ(coordinator_->status().active(), "node2");
  v1::HistoryRequest request;
  request.set_limit(10);
  const auto history = coordinator_->chronicle.query(request, clock_.wall());
  const bool told = std::any_of(history->events().begin(), history->events().end(),
                                [](const v1::HistoryEvent& event) {
                                  return event.cause().find("under the floor") != std::string::npos;
                                });
  EXPECT_TRUE(told) << "what happened does not say why";
}

TEST_F(ClusterLevelsTest, WithoutABetterNodeTheRoleStays) {
  useFloor();
  one_.services = {requests(100, 0)};
  two_.services = {requests(100, 0)};
  nodesAppear();
  one_.services = {requests(50, 50)};
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  two_.services = {requests(60, 40)};
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  live(60);
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(ClusterLevelsTest, ADipThatIsOverInTimeMovesNothing) {
  useFloor();
  one_.services = {requests(100, 0)};
  two_.services = {storage(false)};
  nodesAppear();
  for (int i = 0; i < 4; ++i) {
    one_.services = {requests(50, 50)};
    one_.showPresence(v1::NODE_ROLE_ACTIVE);
    live(20);
    one_.services = {requests(100, 0)};
    one_.showPresence(v1::NODE_ROLE_ACTIVE);
    live(2);
  }
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

}  // namespace
}  // namespace muster::coordinator
