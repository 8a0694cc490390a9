// The coordinator's cluster and its groups against nodes played by the test, at a server in memory.
#include "coordinator/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

class ClusterTest : public ClusterStage {
 protected:
  // What answerProbes() looks at is gone before the last stanzas are.
  void TearDown() override { server_.onRoute({}); }
  v1::GroupStatus status() { return coordinator_->status(); }
  // The server answers a probe of node1 as Prosody does, unless lose_ says that it gets lost.
  void answerProbes() {
    server_.onRoute([this](const xmpp::Element& stanza) {
      const std::string& type = stanza.attribute("type");
      if (!stanza.is("presence", xmpp::kNsClient)) return true;
      if (stanza.attribute("to") == "node1@example.org" && type == "probe") {
        ++probes_;
        if (!lose_) one_.showPresence(v1::NODE_ROLE_STANDBY);
        return false;
      }
      const bool of_node1 = stanza.attribute("from").starts_with("node1@example.org/");
      return !(lose_ && of_node1 && type.empty());
    });
  }
  void ticks(int count) {
    for (int i = 0; i < count; ++i) {
      coordinator_->cluster.tick();
      settle();
    }
  }
  bool lose_ = true;
  int probes_ = 0;
};

TEST_F(ClusterTest, TheFirstNodeThatIsThereBecomesActive) {
  nodesAppear();
  EXPECT_EQ(status().active(), "node1");
  EXPECT_EQ(status().phase(), v1::PHASE_ACTIVE);
  EXPECT_EQ(status().epoch(), 1u);
  EXPECT_EQ(status().present(), 2u);
  EXPECT_EQ(store_->groups().loadAll()->at(0).phase, store::GroupPhase::kActive);
  EXPECT_EQ(coordinator_->view.nodes(std::nullopt).nodes(0).role(), v1::NODE_ROLE_ACTIVE);
}

TEST_F(ClusterTest, GrantsArePushedToEachNodeThatAppears) {
  nodesAppear();
  ASSERT_EQ(two_.grants.grants_size(), 2);
  EXPECT_EQ(two_.grants.grants(0).jid(), "ann@example.org");
  EXPECT_EQ(two_.grants.version(), store_->grants().version().value());
}

TEST_F(ClusterTest, OnlyTheHolderMayRenew) {
  nodesAppear();
  one_.renew(1);
  settle();
  EXPECT_TRUE(one_.answer.has_granted());
  two_.renew(1);
  settle();
  EXPECT_TRUE(two_.answer.has_denied());
}

TEST_F(ClusterTest, WhoIsNoMemberIsNotEvenDenied) {
  nodesAppear();
  eve_.renew(1);
  settle();
  EXPECT_EQ(eve_.answer.kind_case(), v1::LeaseMessage::KIND_NOT_SET);
}

TEST_F(ClusterTest, ANodeThatDeclinesIsPassedOver) {
  one_.takes_offers = false;
  nodesAppear();
  EXPECT_EQ(status().active(), "node2");
}

TEST_F(ClusterTest, AHolderThatSaysItIsNotActiveIsNotShownAsActive) {
  nodesAppear();
  one_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(status().active(), "");
  EXPECT_EQ(status().phase(), v1::PHASE_ACTIVE);
}

TEST_F(ClusterTest, AHolderThatIsGoneKeepsItsLease) {
  nodesAppear();
  one_.stop();
  settle();
  EXPECT_EQ(status().active(), "node1") << "presence ended a lease";
  EXPECT_FALSE(coordinator_->view.nodes(std::nullopt).nodes(0).present());
  EXPECT_EQ(status().present(), 1u);
}

// The node came back before the component: its presence bounced, and so did whatever else there
// was.
TEST_F(ClusterTest, WhosePresenceWasLostAtALoginIsAskedAgain) {
  nodesAppear();
  answerProbes();
  server_.restart();
  settle();
  one_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  ASSERT_FALSE(coordinator_->node("node1").present());
  EXPECT_EQ(probes_, 1) << "at the login";
  lose_ = false;
  ticks(30);
  EXPECT_TRUE(coordinator_->node("node1").present());
  EXPECT_EQ(probes_, 2);
  ticks(60);
  EXPECT_EQ(probes_, 2) << "it is there";
}

TEST_F(ClusterTest, WhoStaysAwayIsAskedOnceInThirtyTicks) {
  answerProbes();
  const int at_first = probes_;
  ticks(15);
  EXPECT_EQ(probes_, at_first + 5) << "more often at first";
  const int before = probes_;
  ticks(90);
  EXPECT_EQ(probes_, before + 3);
  coordinator_->stop();
  ticks(90);
  EXPECT_EQ(probes_, before + 3) << "nobody to send it to";
}

TEST_F(ClusterTest, ManyWhoAreAwayAreNotAskedAtOnce) {
  for (int i = 0; i < 100; ++i) {
    store::MemberRow row;
    row.name = "away" + std::to_string(i);
    row.jid = row.name + "@example.org";
    row.group = "g";
    ASSERT_TRUE(coordinator_->cluster.putMember(row, true).isOk());
  }
  settle();
  ticks(15);  // In which it is more.
  int probes = 0;
  server_.onRoute([&probes](const xmpp::Element& stanza) {
    if (stanza.attribute("type") == "probe") ++probes;
    return true;
  });
  int most = 0;
  int all = 0;
  for (int i = 0; i < 30; ++i) {
    probes = 0;
    ticks(1);
    most = std::max(most, probes);
    all += probes;
  }
  EXPECT_EQ(all, 102);
  EXPECT_LT(most, 15);
}

}  // namespace
}  // namespace muster::coordinator
