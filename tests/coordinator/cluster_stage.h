// The coordinator's cluster with all its rooms, against nodes played by the test, at a server in
// memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QCoreApplication>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"
#include "coordinator/cluster_view.h"
#include "coordinator/drain_marks.h"
#include "coordinator/membership.h"
#include "coordinator/move_schedule.h"
#include "coordinator/moves.h"
#include "coordinator/pauses.h"
#include "libcontrol/xmpp/memory_link.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::coordinator {

inline Jid jid(const std::string& text) {
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
    endpoint_.handleIq(xmpp::Endpoint::IqType::kSet, "order", xmpp::ns::kOrder,
                       [this](const xmpp::Element& iq, const xmpp::IqReply& reply) {
                         onOrder(xmpp::readOrder(*iq.firstChild()).value(), reply);
                       });
  }

  void start() { link_.start(); }
  void stop() { link_.stop(); }
  Jid bare() const { return link_.jid().bare(); }

  void showPresence(v1::NodeRole role) {
    v1::NodeStatus status;
    status.set_instance(instance_.toBytes());
    status.set_name(name_);
    status.set_group(group);
    status.mutable_drain()->CopyFrom(drain);
    role_ = role;
    status.set_role(role);
    status.set_epoch(epoch);
    status.set_held_epoch(role == v1::NODE_ROLE_ACTIVE ? epoch : 0);
    for (const v1::ServiceState& service : services) *status.add_services() = service;
    endpoint_.send(xmpp::nodePresence(xmpp::Show::kNone, "", status));
  }

  // Sends a renewal as if it held `of_epoch`; the answer is in `answer`.
  void renew(uint64_t of_epoch) {
    v1::LeaseMessage message;
    message.mutable_renew()->set_group(group);
    message.mutable_renew()->set_epoch(of_epoch);
    message.mutable_renew()->set_instance(instance_.toBytes());
    message.mutable_renew()->set_request_nonce(++nonce_);
    send(message);
  }

  uint64_t epoch = 0;
  bool takes_offers = true;
  std::string group = "g";
  v1::DrainMark drain;  // its own
  std::vector<v1::ServiceState> services;
  std::vector<v1::Order> orders;
  v1::Grants grants;
  v1::LeaseMessage answer;

 private:
  void onLease(const v1::LeaseMessage& message, const xmpp::IqReply& reply) {
    v1::LeaseMessage out;
    if (message.has_offer() && takes_offers) {
      out.mutable_accepted();
      reply.result(xmpp::writeLease(out));
      v1::LeaseMessage acquire;
      acquire.mutable_acquire()->set_group(group);
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

  // Takes a mark over if it is later than its own, and shows it.
  void onOrder(const v1::Order& order, const xmpp::IqReply& reply) {
    orders.push_back(order);
    v1::OrderReply out;
    out.set_code("ok");
    reply.result(xmpp::writeOrderReply(out));
    if (order.drain().changed_at_ms() <= drain.changed_at_ms()) return;
    drain = order.drain();
    showPresence(role_);
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
  v1::NodeRole role_ = v1::NODE_ROLE_STANDBY;
};

// What lives in one process of the coordinator.
class Coordinator {
 public:
  struct Ended {
    MovePurpose purpose;
    std::string group;
    Status status;
    std::string sentence;
  };

  Coordinator(xmpp::MemoryServer& server, store::CoordinatorStore& store, Clock& clock,
              Random& random, const election::GroupConfig& config,
              store::ServiceHistoryStore* level_history)
      : link_(server, jid("muster.example.org")),
        component(link_, clock, random),
        authority(store.grants()),
        contacts(component, store.subscriptions(), authority, clock),
        cluster({component, component, store, authority, contacts, clock, random,
                 jid("muster.example.org"), jid("muster.example.org"), config,
                 [](const service::PresenceText&) {},
                 [this](const Status& s) { store_failures.push_back(s.text()); }, level_history}),
        orders(component),
        chronicle(
            cluster, store.history(), contacts, authority, clock,
            [this](const Jid& from, const Jid& to, const std::string& text) {
              said.push_back(from.toString() + " to " + to.toString() + ": " + text);
            },
            [this](const std::string&) { return incidents; }),
        view(cluster, [this](const std::string& group) { return chronicle.alarmOf(group); }),
        marks(cluster, orders, clock),
        moves({cluster, marks, random,
               [this](const MovePurpose& purpose, const std::string& group, const Status& status,
                      const std::string& sentence) {
                 ended.push_back({purpose, group, status, sentence});
               }}),
        pauses(cluster, store.groups(), chronicle, clock),
        schedule({cluster, store.groups(), chronicle, moves, authority, clock,
                  [this](const commands::Origin&, const std::string& text) {
                    scheduled_said.push_back(text);
                  }}),
        membership({cluster,
                    store.grants(),
                    authority,
                    contacts,
                    clock,
                    {jid("muster@example.org")},
                    [this] { ++roles_changed; },
                    [](const Status& s) { FAIL() << s.text(); }}) {
    EXPECT_TRUE(authority.load().isOk());
    EXPECT_TRUE(cluster.load().isOk());
    EXPECT_TRUE(pauses.load().isOk());
    EXPECT_TRUE(schedule.load().isOk());
    EXPECT_TRUE(contacts.load().isOk());
  }

  void start() { link_.start(); }
  void stop() { link_.stop(); }

  v1::GroupStatus status(const std::string& group = "g") { return view.status(group).groups(0); }
  v1::NodeState node(const std::string& name) {
    const v1::NodesReply nodes = view.nodes(std::nullopt);
    for (const v1::NodeState& node : nodes.nodes()) {
      if (node.name() == name) return node;
    }
    ADD_FAILURE() << "no node " << name;
    return {};
  }

 private:
  xmpp::MemoryLink link_;

 public:
  xmpp::Endpoint component;
  std::vector<std::string> store_failures;  // there should be none
  StoreAuthority authority;
  Contacts contacts;
  Cluster cluster;
  Orders orders;
  std::vector<std::string> said;
  std::string incidents;  // the open ones of every group
  Chronicle chronicle;
  ClusterView view;
  DrainMarks marks;
  std::vector<Ended> ended;
  Moves moves;
  Pauses pauses;
  std::vector<std::string> scheduled_said;
  MoveSchedule schedule;
  int roles_changed = 0;
  Membership membership;
};

// A group "g" with node1 and node2, an operator and an admin.
class ClusterStage : public testing::Test {
 protected:
  ClusterStage()
      : store_(store::CoordinatorStore::openMemory()),
        one_(server_, clock_, random_, "node1"),
        two_(server_, clock_, random_, "node2"),
        eve_(server_, clock_, random_, "eve") {
    election_.settle = Duration{};
    store::GroupRow row;
    row.name = "g";
    EXPECT_TRUE(store_->groups().save(row).isOk());
    for (const char* name : {"node1", "node2"}) {
      EXPECT_TRUE(store_->members()
                      .add({std::string(name) + "@example.org", name, "g", {}, "test"})
                      .isOk());
    }
    for (const char* name : {"node1", "node2", "eve"}) {
      server_.subscribe(jid(std::string(name) + "@example.org"), jid("muster.example.org"));
    }
    EXPECT_TRUE(store_->grants().set({"ann@example.org", v1::ROLE_OPERATOR, {}, "test"}).isOk());
    EXPECT_TRUE(store_->grants().set({"root@example.org", v1::ROLE_ADMIN, {}, "test"}).isOk());
    startCoordinator();
    for (FakeNode* node : {&one_, &two_, &eve_}) node->start();
    server_.deliver();
  }

  void TearDown() override {
    if (coordinator_ == nullptr) return;
    EXPECT_THAT(coordinator_->store_failures, testing::IsEmpty());
  }

  // Also anew, from what the store has.
  void startCoordinator() {
    coordinator_.reset();
    coordinator_ = std::make_unique<Coordinator>(server_, *store_, clock_, random_, election_,
                                                 level_history_.get());
    coordinator_->start();
  }

  void nodesAppear() {
    one_.showPresence(v1::NODE_ROLE_STANDBY);
    settle();
    two_.showPresence(v1::NODE_ROLE_STANDBY);
    settle();
  }

  // Until nothing happens any more but by time.
  void settle() {
    do {
      QCoreApplication::processEvents();
    } while (server_.deliver() > 0);
  }
  // Time passes, and whatever was due happens.
  void pass(Duration time) {
    clock_.advance(time);
    for (const std::string& group : coordinator_->cluster.groupNames()) {
      coordinator_->cluster.find(group)->step(election::group::Tick{});
    }
    settle();
  }

  commands::Origin origin(const std::string& key = "k") {
    return {"ann@example.org", "g@muster.example.org", "c0ffee", key};
  }

  ManualClock clock_;
  SeededRandom random_{1};
  election::GroupConfig election_;  // what the next coordinator has
  std::unique_ptr<store::CoordinatorStore> store_;
  std::unique_ptr<store::ServiceHistoryStore> level_history_ = store::openMemoryServiceHistory();
  xmpp::MemoryServer server_;
  FakeNode one_;
  FakeNode two_;
  FakeNode eve_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace muster::coordinator
