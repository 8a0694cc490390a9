// The coordinator's cluster and its groups against nodes played by the test, at a server in memory.
#include "coordinator/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/xmpp/memory_link.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::coordinator {
namespace {

using testing::HasSubstr;

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

// A node that takes every offer and drains at once.
class FakeNode {
 public:
  FakeNode(xmpp::MemoryServer& server, Clock& clock, Random& random, const std::string& name)
      : instance_(Id128::make(random)),
        link_(server, jid(name + "@example.org").withResource(nodeResource(instance_))),
        endpoint_(link_, clock, random),
        name_(name) {
    endpoint_.handleIq(xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
                       [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
                         onLease(xmpp::readLease(*iq.firstChild()).value(), reply);
                       });
    endpoint_.handleIq(xmpp::Endpoint::IqType::kSet, "grants", xmpp::ns::kGrants,
                       [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
                         grants = xmpp::readGrants(*iq.firstChild()).value();
                         reply.result();
                       });
  }

  void start() { link_.start(); }
  void stop() { link_.stop(); }
  Jid bare() const { return link_.jid().bare(); }

  void showPresence(v1::NodeRole role) {
    v1::NodeStatus status;
    status.set_instance(instance_.toBytes());
    status.set_name(name_);
    status.set_group("g");
    status.set_role(role);
    status.set_epoch(epoch);
    status.set_held_epoch(role == v1::NODE_ROLE_ACTIVE ? epoch : 0);
    endpoint_.send(xmpp::nodePresence(xmpp::Show::kNone, "", status));
  }

  // Sends a renewal as if it held `of_epoch`; the answer is in `answer`.
  void renew(uint64_t of_epoch) {
    v1::LeaseMessage message;
    message.mutable_renew()->set_group("g");
    message.mutable_renew()->set_epoch(of_epoch);
    message.mutable_renew()->set_instance(instance_.toBytes());
    message.mutable_renew()->set_request_nonce(++nonce_);
    send(message);
  }

  uint64_t epoch = 0;
  bool takes_offers = true;
  v1::Grants grants;
  v1::LeaseMessage answer;

 private:
  void onLease(const v1::LeaseMessage& message, const xmpp::IqReply& reply) {
    v1::LeaseMessage out;
    if (message.has_offer() && takes_offers) {
      out.mutable_accepted();
      reply.result(xmpp::writeLease(out));
      v1::LeaseMessage acquire;
      acquire.mutable_acquire()->set_group("g");
      acquire.mutable_acquire()->set_epoch(message.offer().epoch());
      acquire.mutable_acquire()->set_offer_nonce(message.offer().offer_nonce());
      acquire.mutable_acquire()->set_instance(instance_.toBytes());
      acquire.mutable_acquire()->set_request_nonce(++nonce_);
      epoch = message.offer().epoch();
      return send(acquire);
    }
    if (message.has_offer()) {
      out.mutable_denied()->set_reason("not now");
    } else {
      out.mutable_drained()->set_epoch(message.drain().epoch());
      out.mutable_drained()->set_instance(instance_.toBytes());
      out.mutable_drained()->set_demand_nonce(message.drain().demand_nonce());
      showPresence(v1::NODE_ROLE_STANDBY);
    }
    reply.result(xmpp::writeLease(out));
  }

  void send(const v1::LeaseMessage& message) {
    xmpp::Element iq = xmpp::makeIq("set", jid("muster.example.org"));
    iq.add(xmpp::writeLease(message));
    endpoint_.request(std::move(iq), Duration::seconds(5), [this](const xmpp::IqOutcome& outcome) {
      answer.Clear();
      if (outcome.payload() == nullptr) return;
      answer = xmpp::readLease(*outcome.payload()).value();
      if (answer.has_granted() && answer.granted().epoch() == epoch) {
        showPresence(v1::NODE_ROLE_ACTIVE);
      }
    });
  }

  const InstanceId instance_;
  xmpp::MemoryLink link_;
  xmpp::Endpoint endpoint_;
  const std::string name_;
  uint64_t nonce_ = 0;
};

class ClusterTest : public testing::Test {
 protected:
  ClusterTest()
      : store_(store::CoordinatorStore::openMemory()),
        link_(server_, jid("muster.example.org")),
        component_(link_, clock_, random_),
        authority_(store_->grants()),
        contacts_(component_, store_->subscriptions(), authority_, clock_),
        one_(server_, clock_, random_, "node1"),
        two_(server_, clock_, random_, "node2"),
        eve_(server_, clock_, random_, "eve") {
    store::GroupRow row;
    row.name = "g";
    EXPECT_TRUE(store_->groups().save(row).isOk());
    for (const char* name : {"node1", "node2"}) {
      EXPECT_TRUE(store_->members()
                      .add({std::string(name) + "@example.org", name, "g", {}, "test"})
                      .isOk());
      server_.subscribe(jid(std::string(name) + "@example.org"), jid("muster.example.org"));
    }
    EXPECT_TRUE(store_->grants().set({"ann@example.org", v1::ROLE_OPERATOR, {}, "test"}).isOk());
    EXPECT_TRUE(authority_.load().isOk());
    election::GroupConfig config;
    config.settle = Duration{};
    cluster_ = std::make_unique<Cluster>(Cluster::Parts{
        component_, *store_, authority_, contacts_, clock_, random_, jid("muster.example.org"),
        config, [](const service::PresenceText&) {}, [](const Status& s) { FAIL() << s.text(); }});
    EXPECT_TRUE(cluster_->load().isOk());
    link_.start();
    for (FakeNode* node : {&one_, &two_, &eve_}) node->start();
    server_.deliver();
  }

  void nodesAppear() {
    one_.showPresence(v1::NODE_ROLE_STANDBY);
    server_.deliver();
    two_.showPresence(v1::NODE_ROLE_STANDBY);
    server_.deliver();
  }

  v1::GroupStatus status() { return cluster_->status(std::nullopt).groups(0); }

  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<store::CoordinatorStore> store_;
  xmpp::MemoryServer server_;
  xmpp::MemoryLink link_;
  xmpp::Endpoint component_;
  StoreAuthority authority_;
  Contacts contacts_;
  FakeNode one_;
  FakeNode two_;
  FakeNode eve_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterTest, TheFirstNodeThatIsThereBecomesActive) {
  nodesAppear();
  EXPECT_EQ(status().active(), "node1");
  EXPECT_EQ(status().phase(), v1::PHASE_ACTIVE);
  EXPECT_EQ(status().epoch(), 1u);
  EXPECT_EQ(status().present(), 2u);
  EXPECT_EQ(store_->groups().loadAll()->at(0).phase, store::GroupPhase::kActive);
  EXPECT_EQ(cluster_->nodes(std::nullopt).nodes(0).role(), v1::NODE_ROLE_ACTIVE);
}

TEST_F(ClusterTest, GrantsArePushedToEachNodeThatAppears) {
  nodesAppear();
  ASSERT_EQ(two_.grants.grants_size(), 1);
  EXPECT_EQ(two_.grants.grants(0).jid(), "ann@example.org");
  EXPECT_EQ(two_.grants.version(), store_->grants().version().value());
}

TEST_F(ClusterTest, AMoveIsTold) {
  nodesAppear();
  commands::Move move;
  move.group = "g";
  move.to = "node2";
  move.key = "k";
  std::optional<Status> finished;
  commands::MoveState state;
  cluster_->move(
      move, [](const commands::MoveState&) {},
      [&](const Status& s, const commands::MoveState& m) {
        finished = s;
        state = m;
      });
  server_.deliver();
  ASSERT_TRUE(finished.has_value());
  EXPECT_TRUE(finished->isOk()) << finished->text();
  EXPECT_EQ(state.from, "node1");
  EXPECT_EQ(state.to, "node2");
  EXPECT_EQ(state.epoch, 2u);
  EXPECT_EQ(status().active(), "node2");
}

TEST_F(ClusterTest, AMoveElsewhereIsRefusedByName) {
  nodesAppear();
  commands::Move move;
  move.group = "g";
  move.to = "node3";
  move.key = "k";
  std::optional<Status> finished;
  cluster_->move(
      move, [](const commands::MoveState&) {},
      [&](const Status& s, const commands::MoveState&) { finished = s; });
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->code(), Code::kNotFound);
  EXPECT_THAT(finished->text(), HasSubstr("'node3' is not a node of group g"));
}

TEST_F(ClusterTest, AKeyIsOfOneRequest) {
  nodesAppear();
  commands::Move move;
  move.group = "g";
  move.to = "node2";
  move.key = "k";
  move.by = "ann@example.org";
  std::vector<Status> first, second;
  cluster_->move(
      move, [](const commands::MoveState&) {},
      [&](const Status& s, const commands::MoveState&) { first.push_back(s); });
  move.to = "node1";
  cluster_->move(
      move, [](const commands::MoveState&) {},
      [&](const Status& s, const commands::MoveState&) { second.push_back(s); });
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].code(), Code::kConflict);
  EXPECT_TRUE(first.empty()) << "another request ended this one";
  server_.deliver();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(first[0].isOk()) << first[0].text();
  EXPECT_EQ(status().active(), "node2");
}

TEST_F(ClusterTest, OnlyTheHolderMayRenew) {
  nodesAppear();
  one_.renew(1);
  server_.deliver();
  EXPECT_TRUE(one_.answer.has_granted());
  two_.renew(1);
  server_.deliver();
  EXPECT_TRUE(two_.answer.has_denied());
}

TEST_F(ClusterTest, WhoIsNoMemberIsNotEvenDenied) {
  nodesAppear();
  eve_.renew(1);
  server_.deliver();
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
  server_.deliver();
  EXPECT_EQ(status().active(), "");
  EXPECT_EQ(status().phase(), v1::PHASE_ACTIVE);
}

TEST_F(ClusterTest, AHolderThatIsGoneKeepsItsLease) {
  nodesAppear();
  one_.stop();
  server_.deliver();
  EXPECT_EQ(status().active(), "node1") << "presence ended a lease";
  EXPECT_FALSE(cluster_->nodes(std::nullopt).nodes(0).present());
  EXPECT_EQ(status().present(), 1u);
}

TEST_F(ClusterTest, ThePlanSaysWhatWouldHappen) {
  nodesAppear();
  EXPECT_EQ(cluster_->plan("g", "node2"),
            "node1 is drained and node2 becomes the active node of g.");
  EXPECT_EQ(cluster_->plan("g", std::nullopt),
            "node1 is drained and node2 becomes the active node of g.");
  EXPECT_EQ(cluster_->plan("g", "node1"), "node1 is active already; nothing would be moved.");
}

}  // namespace
}  // namespace muster::coordinator
