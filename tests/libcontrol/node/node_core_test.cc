#include "libcontrol/node/node_core.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/libcontrol/node/commands.pb.h"
#include "tests/libcontrol/node/node_fixture.h"

namespace muster {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NodeCoreTest : public testing::NodeFixture {
 protected:
  // By chat, with the one-time code that it wants.
  std::string drain(const std::string& arguments) {
    preview_ = say(ann_, "drain " + arguments);
    return say(ann_, codeIn(preview_));
  }
  // The coordinator's account, as a contact of the node.
  void coordinatorAccount(xmpp::PresenceType type) {
    if (account_ == nullptr) {
      account_ =
          std::make_unique<testing::Party>(server_, "muster@people.test/muster-1", clock_, random_);
      settle();
    }
    account_->endpoint.send(xmpp::presenceOf({}, {}, type));
    settle();
  }

  std::string preview_;
  std::vector<std::string> sent_;  // presences: type and to
  std::unique_ptr<testing::Party> account_;
};

// --- drain -----------------------------------------------------------------------------------

TEST_F(NodeCoreTest, ADrainIsConfirmedThenDurableThenShown) {
  ASSERT_TRUE(make());
  clock_.setWall({1'767'276'180'500});
  EXPECT_THAT(drain("\"disk swap\""), HasSubstr("it stays a standby until 'undrain'"));
  EXPECT_THAT(preview_, HasSubstr("This node is marked as drained"));
  EXPECT_EQ(store_->state().drain.by, "ann@people.test");
  EXPECT_EQ(store_->state().drain.reason, "disk swap");
  EXPECT_THAT(ann_.seen().status,
              HasSubstr("Drained by ann since 2026-01-01T14:03:00Z: disk swap"));
  const v1::DrainMark& mark = coordinator_.seen().node->drain();
  EXPECT_TRUE(mark.drained());
  EXPECT_EQ(mark.by(), "ann@people.test");
  EXPECT_EQ(mark.changed_at_ms(), 1'767'276'180'500);
  EXPECT_THAT(say(ann_, "node-info"), HasSubstr("disk swap"));

  EXPECT_THAT(say(ann_, "undrain"), HasSubstr("may become active again"));
  EXPECT_THAT(ann_.seen().status, Not(HasSubstr("Drained")));
  EXPECT_FALSE(coordinator_.seen().node->drain().drained());
  EXPECT_THAT(say(ann_, "undrain"), HasSubstr("was not drained"));
}

TEST_F(NodeCoreTest, ADrainOutlivesTheProcess) {
  ASSERT_TRUE(make());
  drain("");
  stop();
  ASSERT_TRUE(make());
  EXPECT_TRUE(coordinator_.seen().node->drain().drained());
  EXPECT_THAT(ann_.seen().status, HasSubstr("Drained by ann"));
}

TEST_F(NodeCoreTest, AnObserverDoesNotDrain) {
  ASSERT_TRUE(make());
  EXPECT_THAT(say(olga_, "drain"), HasSubstr("operator"));
  EXPECT_FALSE(store_->state().drain.drained);
  ASSERT_EQ(trail().size(), 1u);
  EXPECT_EQ(trail()[0].code, "forbidden");
}

TEST_F(NodeCoreTest, AnActiveNodeLeavesTheMoveToTheCoordinator) {
  identity_.coordinator_account = testing::jidOf("muster@people.test");
  ASSERT_TRUE(make());
  coordinatorAccount(xmpp::PresenceType::kAvailable);
  makeActive(7);
  EXPECT_THAT(drain(""), HasSubstr("the coordinator moves the active role"));
  EXPECT_EQ(core_->role(), v1::NODE_ROLE_ACTIVE);
  EXPECT_EQ(demoted_, 0);
}

TEST_F(NodeCoreTest, OnlyWithALeaseItHurriesBackToTheServer) {
  ASSERT_TRUE(make());
  EXPECT_FALSE(own_link_->isUrgent());
  makeActive(7);
  EXPECT_TRUE(own_link_->isUrgent());
  core_->resign("the disk is slow");
  ASSERT_TRUE(eventually([&] { return !own_link_->isUrgent(); }));
}

TEST_F(NodeCoreTest, WithForceAnActiveNodeResigns) {
  ASSERT_TRUE(make());
  makeActive(7);
  EXPECT_THAT(drain("why force=yes"), HasSubstr("gives the active role up at once"));
  ASSERT_TRUE(eventually([&] { return !releases_.empty(); }));
  EXPECT_EQ(demoted_, 1);
  EXPECT_EQ(releases_[0].epoch(), 7u);
  EXPECT_TRUE(releases_[0].orderly());
  EXPECT_EQ(releases_[0].reason(), "drained by ann@people.test: why");
  EXPECT_EQ(core_->role(), v1::NODE_ROLE_STANDBY);
}

TEST_F(NodeCoreTest, WithoutACoordinatorAnActiveNodeResigns) {
  identity_.coordinator_account = testing::jidOf("muster@people.test");
  ASSERT_TRUE(make());
  coordinatorAccount(xmpp::PresenceType::kAvailable);
  makeActive(7);
  coordinatorAccount(xmpp::PresenceType::kUnavailable);
  EXPECT_THAT(drain(""), HasSubstr("nobody takes over until a coordinator is back"));
  ASSERT_TRUE(eventually([&] { return demoted_ == 1 && !releases_.empty(); }));
}

// --- what can't be written -------------------------------------------------------------------

// Its next save fails as it is told to.
class FailingStore : public store::NodeStateStore {
 public:
  explicit FailingStore(Code code) : code_(code) {}
  const store::NodeState& state() const override { return state_; }
  Status save(const store::NodeState&) override { return {code_, "cannot sync the folder"}; }

 private:
  const Code code_;
  store::NodeState state_;
};

TEST_F(NodeCoreTest, AnEpochThatCannotBeWrittenIsNotAnswered) {
  store_ = std::make_unique<FailingStore>(Code::kResourceExhausted);
  ASSERT_TRUE(make());
  offer(7);
  settle();
  EXPECT_FALSE(killed_) << "nothing was written, so the node goes on";
  EXPECT_EQ(core_->roleInfo().highest_epoch(), 0u);
}

TEST_F(NodeCoreTest, AWriteOfUnknownOutcomeEndsTheProcess) {
  store_ = std::make_unique<FailingStore>(Code::kDataLoss);
  ASSERT_TRUE(make());
  offer(7);
  ASSERT_TRUE(eventually([this] { return killed_.load(); }));
}

// --- role, audit ------------------------------------------------------------------------------

TEST_F(NodeCoreTest, SaysItsRole) {
  ASSERT_TRUE(make());
  EXPECT_THAT(say(olga_, "role"), HasSubstr("This node is a standby of storage."));
  clock_.advance(Duration::seconds(4));
  makeActive(7);
  clock_.advance(Duration::seconds(2));
  const v1::RoleReply role = core_->roleInfo();
  EXPECT_EQ(role.role(), v1::NODE_ROLE_ACTIVE);
  EXPECT_EQ(role.epoch(), 7u);
  EXPECT_EQ(role.highest_epoch(), 7u);
  EXPECT_EQ(role.lease_ttl_ms(), kLeaseMs);
  // Less the guard of a tenth.
  EXPECT_EQ(role.lease_left_ms(), kLeaseMs - kLeaseMs / 10 - 2000);
  EXPECT_EQ(role.since(), "2026-01-01T00:00:04Z");
  EXPECT_EQ(role.coordinator(), "muster.test");
  EXPECT_EQ(coordinator_.seen().node->lease_ttl_ms(), kLeaseMs);
}

TEST_F(NodeCoreTest, KeepsATrailThatOperatorsCanRead) {
  ASSERT_TRUE(make());
  drain("\"disk swap\"");
  clock_.advance(Duration::seconds(4));
  say(ann_, "undrain");
  EXPECT_THAT(say(olga_, "audit"), HasSubstr("operator"));
  const std::string all = say(ann_, "audit");
  EXPECT_THAT(all, AllOf(HasSubstr("undrain"), HasSubstr("disk swap"), HasSubstr("begun"),
                         HasSubstr("forbidden"), HasSubstr("ann@people.test")));
  const std::string recent = say(ann_, "audit since=2s");
  EXPECT_THAT(recent, AllOf(HasSubstr("undrain"), Not(HasSubstr("disk swap"))));
  EXPECT_THAT(say(ann_, "audit bob@people.test"), HasSubstr("There are no lines that match"));
  EXPECT_THAT(say(ann_, "audit limit=2"), HasSubstr("before="));
}

TEST_F(NodeCoreTest, WhatCannotBeAuditedIsNotDone) {
  class Full : public store::AuditStore {
    Result<uint64_t> append(const store::AuditEntry&) override {
      return Status(Code::kResourceExhausted, "the disk is full");
    }
    Result<std::vector<store::AuditEntry>> query(const store::AuditQuery&) override { return full; }
    Result<size_t> count() override { return full; }
    const Status full{Code::kResourceExhausted, "the disk is full"};
  };
  class FullRecords : public store::CoordinatorStore {
   public:
    explicit FullRecords(std::unique_ptr<CoordinatorStore> rest) : rest_(std::move(rest)) {}
    store::GroupStore& groups() override { return rest_->groups(); }
    store::MemberStore& members() override { return rest_->members(); }
    store::GrantStore& grants() override { return rest_->grants(); }
    store::SubscriptionStore& subscriptions() override { return rest_->subscriptions(); }
    store::AuditStore& audit() override { return full_; }
    store::HistoryStore& history() override { return rest_->history(); }
    store::OverrideStore& overrides() override { return rest_->overrides(); }
    store::AlertStore& alerts() override { return rest_->alerts(); }
    store::HookStore& hooks() override { return rest_->hooks(); }

   private:
    std::unique_ptr<CoordinatorStore> rest_;
    Full full_;
  };
  records_ = std::make_unique<FullRecords>(std::move(records_));
  ASSERT_TRUE(make());
  EXPECT_THAT(drain(""), HasSubstr("nothing was done"));
  EXPECT_FALSE(store_->state().drain.drained);
  v1::Order order;
  order.set_by("bob@people.test");
  order.mutable_drain()->set_drained(true);
  order.mutable_drain()->set_by("bob@people.test");
  order.mutable_drain()->set_changed_at_ms(5);
  EXPECT_EQ(this->order(order).code(), "unavailable");
  EXPECT_FALSE(store_->state().drain.drained);
}

// --- the application --------------------------------------------------------------------------

TEST_F(NodeCoreTest, OfAnApplicationThatIsGoneNothingIsAwaited) {
  ASSERT_TRUE(make());
  makeActive(7);
  core_->applicationGone("ended by signal 9");
  ASSERT_TRUE(eventually([&] { return !releases_.empty(); }));
  EXPECT_EQ(demoted_, 0);
  EXPECT_THAT(releases_[0].reason(), HasSubstr("ended by signal 9"));
  EXPECT_FALSE(releases_[0].orderly());
  EXPECT_EQ(core_->role(), v1::NODE_ROLE_STANDBY);
  EXPECT_EQ(core_->lease(), nullptr);
}

TEST_F(NodeCoreTest, AnApplicationMayResign) {
  ASSERT_TRUE(make());
  core_->resign("nothing happens at a standby");
  makeActive(7);
  core_->resign("the disk is slow");
  ASSERT_TRUE(eventually([&] { return !releases_.empty(); }));
  EXPECT_EQ(demoted_, 1);
  EXPECT_EQ(releases_[0].reason(), "the disk is slow");
  makeActive(8);
  EXPECT_EQ(promoted_, 2);
}

// --- grants -----------------------------------------------------------------------------------

TEST_F(NodeCoreTest, WhoLosesTheRoleIsUnsubscribedAtOnce) {
  identity_.grants.clear();
  server_.onServerIq([this](const xmpp::Element& iq) -> std::optional<xmpp::Element> {
    if (iq.firstChild() == nullptr || !iq.firstChild()->is("query", xmpp::ns::kRoster)) return {};
    xmpp::Element result = xmpp::resultFor(iq, xmpp::From::kLeftOut);
    xmpp::Element& item = result.add("query", xmpp::ns::kRoster).add("item");
    item.setAttribute("jid", "ann@people.test");
    item.setAttribute("subscription", "from");
    return result;
  });
  const auto grant = [](v1::Grants& grants, const char* jid, v1::Role role) {
    grants.add_grants()->set_jid(jid);
    grants.mutable_grants(grants.grants_size() - 1)->set_role(role);
  };
  v1::Grants both;
  grant(both, "ann@people.test", v1::ROLE_OBSERVER);
  grant(both, "olga@people.test", v1::ROLE_OBSERVER);
  store::NodeState state;
  state.grants = both.SerializeAsString();
  ASSERT_TRUE(store_->save(state));
  server_.onRoute([this](const xmpp::Element& stanza) {
    if (stanza.name() == "presence") {
      sent_.push_back(stanza.attribute("type") + " " + stanza.attribute("to"));
    }
    return true;
  });
  ASSERT_TRUE(make());
  EXPECT_THAT(sent_, Not(::testing::Contains("unsubscribed ann@people.test")));
  v1::Grants one;
  grant(one, "olga@people.test", v1::ROLE_OBSERVER);
  EXPECT_TRUE(ask(coordinator_, xmpp::writeGrants(one)).isOk());
  settle();
  EXPECT_THAT(sent_, ::testing::Contains("unsubscribed ann@people.test"));
}

// --- the coordinator's absence ----------------------------------------------------------------

TEST_F(NodeCoreTest, ShowsSinceWhenThereIsNoCoordinator) {
  identity_.coordinator_account = testing::jidOf("muster@people.test");
  ASSERT_TRUE(make());
  // It may be there: its presence is on its way.
  EXPECT_THAT(ann_.seen().status, Not(HasSubstr("No coordinator")));
  clock_.advance(Duration::seconds(3));
  ASSERT_TRUE(eventually([&] {
    return ann_.seen().status.find("No coordinator since 2026-01-01T00:00:00Z") !=
           std::string::npos;
  }));
  coordinatorAccount(xmpp::PresenceType::kAvailable);
  EXPECT_THAT(ann_.seen().status, Not(HasSubstr("No coordinator")));
  clock_.advance(Duration::seconds(4));
  // Its death is told at once.
  coordinatorAccount(xmpp::PresenceType::kUnavailable);
  EXPECT_THAT(ann_.seen().status, HasSubstr("No coordinator since 2026-01-01T00:00:07Z"));
  EXPECT_EQ(core_->info().no_coordinator_since(), "2026-01-01T00:00:07Z");

  // A connection of our own that breaks meanwhile doesn't make it a younger absence.
  clock_.advance(Duration::seconds(4));
  server_.dropLink(node_);
  settle();
  clock_.advance(Duration::seconds(3));
  ASSERT_TRUE(eventually([&] {
    return ann_.seen().status.find("No coordinator since 2026-01-01T00:00:07Z") !=
           std::string::npos;
  }));
}

TEST_F(NodeCoreTest, AfterAReconnectTheCoordinatorCountsAsThereForAMoment) {
  identity_.coordinator_account = testing::jidOf("muster@people.test");
  ASSERT_TRUE(make());
  coordinatorAccount(xmpp::PresenceType::kAvailable);
  clock_.advance(Duration::seconds(4));
  // It is gone when this node is back.
  server_.dropLink(node_);
  account_.reset();
  settle();
  EXPECT_THAT(ann_.seen().status, Not(HasSubstr("No coordinator")));
  EXPECT_EQ(core_->info().no_coordinator_since(), "2026-01-01T00:00:04Z");
  clock_.advance(Duration::seconds(3));
  ASSERT_TRUE(eventually([&] {
    return ann_.seen().status.find("No coordinator since 2026-01-01T00:00:04Z") !=
           std::string::npos;
  }));
}

// --- commands of the application's own --------------------------------------------------------

class AppCommandsTest : public NodeCoreTest {
 protected:
  using Open = nodetest::OpenRequest;
  using Opened = nodetest::OpenReply;

  Commands door(std::function<Result<Opened>(const Open&, Call&)> handler) {
    Commands out("muster.nodetest.DoorCommands");
    out.on<Open, Opened>("Open", std::move(handler));
    out.names("doors", [] { return std::vector<std::string>{"front", "back"}; });
    return out;
  }
  static Result<Opened> opened(const Open& request, Call& call) {
    Opened reply;
    reply.set_door(request.door());
    call.note(call.caller() + " (" + call.role() + ") has opened the " + request.door() +
              " door by " + call.face() + ".");
    return reply;
  }
};

TEST_F(AppCommandsTest, AreCommandsAsAnyOther) {
  commands_ = {door(opened)};
  ASSERT_TRUE(make());
  EXPECT_THAT(say(ann_, "open-door front"),
              HasSubstr("ann@people.test (operator) has opened the front door by chat."));
  EXPECT_THAT(say(ann_, "open-door frnt"), HasSubstr("did you mean 'front'?"));
  EXPECT_THAT(say(olga_, "open-door front"), HasSubstr("operator"));
  EXPECT_THAT(say(ann_, "help"), HasSubstr("open-door"));
  EXPECT_THAT(say(olga_, "help"), Not(HasSubstr("open-door")));
  ASSERT_EQ(trail().size(), 3u);  // begun, ok; forbidden
  EXPECT_EQ(trail()[1].verb, "open-door");
  EXPECT_EQ(trail()[1].arguments, "front");
}

TEST_F(AppCommandsTest, ErrorsAndExceptionsAreAnswers) {
  commands_ = {door([](const Open& request, Call&) -> Result<Opened> {
    if (request.door() == "back") throw std::runtime_error("the hinges are off");
    return Status(Code::kConflict, "the front door is open already", "door");
  })};
  ASSERT_TRUE(make());
  EXPECT_THAT(say(ann_, "open-door front"), HasSubstr("is open already"));
  EXPECT_THAT(say(ann_, "open-door back"), HasSubstr("the hinges are off"));
}

TEST_F(AppCommandsTest, AHandlerThatBlocksHoldsUpNothingElse) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  commands_ = {door([gone](const Open& request, Call& call) {
    gone.wait();
    return opened(request, call);
  })};
  ASSERT_TRUE(make());
  sendLine(ann_, "open-door front");
  settle();
  EXPECT_THAT(say(olga_, "role"), HasSubstr("standby"));
  makeActive(3);
  EXPECT_TRUE(ann_.messages.empty());
  go.set_value();
  EXPECT_TRUE(eventually([&] { return !ann_.messages.empty(); }));
}

TEST_F(AppCommandsTest, AVerbThatIsTakenIsRefusedByName) {
  Commands clashing("muster.nodetest.Clashing");
  clashing.on<Open, Opened>("Spoil", opened);
  commands_ = {clashing};
  const Status refused = make();
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.text(), AllOf(HasSubstr("muster.nodetest.Clashing.Spoil"),
                                    HasSubstr("the verb \"drain\" is taken")));
}

TEST_F(AppCommandsTest, MistakesOfTheApplicationAreTold) {
  commands_ = {Commands("muster.nodetest.NoSuch")};
  EXPECT_THAT(make().text(), HasSubstr("there is no service 'muster.nodetest.NoSuch'"));
  commands_ = {Commands("muster.nodetest.DoorCommands")};
  EXPECT_THAT(make().text(), HasSubstr("'open-door' has none"));
  commands_ = {door(opened)};
  commands_[0].on<Open, Opened>("Shut", opened);
  EXPECT_THAT(make().text(), HasSubstr("has no rpc 'Shut'"));
}

}  // namespace
}  // namespace muster
