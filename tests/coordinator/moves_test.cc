// Failover and drain, from the request to what the person is told.
#include "coordinator/moves.h"

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class MovesTest : public ClusterStage {
 protected:
  // Answers so far, of all requests.
  struct Answer {
    Status status;
    commands::MoveState state;
  };

  commands::Move toNode(const std::string& node, const std::string& key = "k") {
    commands::Move move;
    move.group = "g";
    if (!node.empty()) move.to = node;
    move.origin = origin(key);
    return move;
  }
  void move(const commands::Move& move, bool wait) {
    coordinator_->moves.move(move, wait, [this](const Status& s, const commands::MoveState& m) {
      answers_.push_back({s, m});
    });
  }
  void drain(const std::string& node, bool wait, bool force = false,
             const std::string& call = "c0ffee") {
    commands::Origin from = origin("drain " + node);
    from.call = call;
    coordinator_->moves.drain({node, "disk swap", force, from}, wait,
                              [this](const Status& s, const v1::DrainReply& r, const std::string&) {
                                drained_.emplace_back(s, r);
                              });
  }

  std::vector<Answer> answers_;
  std::vector<std::pair<Status, v1::DrainReply>> drained_;
};

TEST_F(MovesTest, WhoWaitsIsAnsweredAtTheEnd) {
  nodesAppear();
  move(toNode("node2"), true);
  settle();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_TRUE(answers_[0].status.isOk()) << answers_[0].status.text();
  EXPECT_TRUE(answers_[0].state.done);
  EXPECT_EQ(answers_[0].state.from, "node1");
  EXPECT_EQ(answers_[0].state.to, "node2");
  EXPECT_EQ(answers_[0].state.epoch, 2u);
  EXPECT_EQ(coordinator_->status().active(), "node2");
  EXPECT_THAT(coordinator_->ended, IsEmpty());
}

TEST_F(MovesTest, WhoDoesNotWaitIsToldFromTheAddressThatWasAsked) {
  nodesAppear();
  move(toNode(""), false);
  settle();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_FALSE(answers_[0].state.done);
  ASSERT_THAT(coordinator_->ended, SizeIs(1));
  const auto& ended = coordinator_->ended[0];
  EXPECT_TRUE(ended.status.isOk()) << ended.status.text();
  EXPECT_EQ(ended.purpose.by, "ann@example.org");
  EXPECT_EQ(ended.purpose.place, "g@muster.example.org");
  EXPECT_EQ(ended.purpose.call, "c0ffee");
  EXPECT_EQ(ended.purpose.verb, "failover");
  EXPECT_THAT(ended.sentence, HasSubstr("node2 is active in place of node1 under epoch 2"));
}

TEST_F(MovesTest, ANodeOfAnotherGroupIsRefusedByName) {
  nodesAppear();
  move(toNode("node3"), true);
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].status.code(), Code::kNotFound);
  EXPECT_THAT(answers_[0].status.text(), HasSubstr("'node3' is not a node of group g"));
}

TEST_F(MovesTest, AKeyIsOfOneRequest) {
  nodesAppear();
  move(toNode("node2"), true);
  move(toNode("node1"), true);
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].status.code(), Code::kConflict);
  EXPECT_EQ(answers_[0].status.field(), "key");
  settle();
  ASSERT_THAT(answers_, SizeIs(2));
  EXPECT_TRUE(answers_[1].status.isOk()) << answers_[1].status.text();
  EXPECT_EQ(coordinator_->status().active(), "node2");
}

TEST_F(MovesTest, AKeySentAgainHasTheSameOutcomeAndMovesNothing) {
  nodesAppear();
  move(toNode("node2"), true);
  settle();
  move(toNode("node2"), true);
  settle();
  ASSERT_THAT(answers_, SizeIs(2));
  EXPECT_EQ(answers_[1].state.from, "node1");
  EXPECT_EQ(answers_[1].state.epoch, 2u);
  EXPECT_EQ(coordinator_->status().epoch(), 2u);
  // Nor does a coordinator that has just started.
  startCoordinator();
  nodesAppear();
  move(toNode("node2"), true);
  settle();
  ASSERT_THAT(answers_, SizeIs(3));
  EXPECT_EQ(answers_[2].state.from, "node1");
  EXPECT_EQ(coordinator_->status().epoch(), 2u);
}

TEST_F(MovesTest, ARestartInTheMiddleGoesOnAndTheOutcomeIsTold) {
  nodesAppear();
  two_.takes_offers = true;
  move(toNode("node2"), true);
  // The request is on disk as soon as its questions are answered; the holder is not told to stop.
  server_.onRoute([](const xmpp::Element& stanza) {
    const xmpp::Element* child = stanza.firstChild();
    return child == nullptr || !child->is("lease", xmpp::ns::kLease);
  });
  settle();
  ASSERT_THAT(answers_, IsEmpty());
  ASSERT_TRUE(store_->groups().loadAll()->front().move.has_value());
  server_.onRoute({});
  startCoordinator();
  server_.deliver();
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  for (int i = 0; i < 40 && coordinator_->ended.empty(); ++i) {
    pass(Duration::millis(500));
  }
  ASSERT_THAT(coordinator_->ended, SizeIs(1));
  EXPECT_TRUE(coordinator_->ended[0].status.isOk()) << coordinator_->ended[0].status.text();
  EXPECT_EQ(coordinator_->ended[0].purpose.place, "g@muster.example.org");
  EXPECT_EQ(coordinator_->ended[0].purpose.call, "c0ffee");
  EXPECT_EQ(coordinator_->status().active(), "node2");
}

TEST_F(MovesTest, AFailedMoveLeavesAnActiveNodeAndSaysSo) {
  nodesAppear();
  two_.takes_offers = false;
  move(toNode("node2"), false);
  settle();
  for (int i = 0; i < 40 && coordinator_->ended.empty(); ++i) pass(Duration::millis(500));
  ASSERT_THAT(coordinator_->ended, SizeIs(1));
  EXPECT_FALSE(coordinator_->ended[0].status.isOk());
  EXPECT_THAT(coordinator_->ended[0].sentence, HasSubstr("The failover of g has failed: "));
  for (int i = 0; i < 40 && coordinator_->status().active().empty(); ++i) {
    pass(Duration::millis(500));
  }
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(MovesTest, ADryRunSaysWhatWouldHappenAndMovesNothing) {
  nodesAppear();
  const auto plan = coordinator_->moves.planMove(toNode("node2"));
  ASSERT_TRUE(plan.status.isOk()) << plan.status.text();
  EXPECT_EQ(plan.reply.from(), "node1");
  EXPECT_EQ(plan.reply.to(), "node2");
  EXPECT_GT(plan.reply.steps_size(), 0);
  ASSERT_EQ(plan.reply.candidates_size(), 2);
  settle();
  EXPECT_EQ(coordinator_->status().active(), "node1");
  EXPECT_EQ(coordinator_->status().epoch(), 1u);
  EXPECT_FALSE(store_->groups().loadAll()->front().move.has_value());
}

TEST_F(MovesTest, ADrainMovesTheRoleThenKeepsItAway) {
  nodesAppear();
  drain("node1", true);
  EXPECT_FALSE(coordinator_->node("node1").drain().drained()) << "marked before it was moved";
  settle();
  ASSERT_THAT(drained_, SizeIs(1));
  EXPECT_TRUE(drained_[0].first.isOk()) << drained_[0].first.text();
  EXPECT_EQ(drained_[0].second.state(), v1::DRAIN_STATE_DRAINED);
  EXPECT_EQ(drained_[0].second.active(), "node2");
  const v1::DrainMark mark = coordinator_->node("node1").drain();
  EXPECT_TRUE(mark.drained());
  EXPECT_EQ(mark.by(), "ann@example.org");
  EXPECT_EQ(mark.reason(), "disk swap");
  EXPECT_TRUE(store_->members().list()->front().drain.drained) << "not on disk";
  ASSERT_THAT(one_.orders, SizeIs(1));
  EXPECT_EQ(one_.orders[0].by(), "ann@example.org");
  EXPECT_TRUE(one_.drain.drained());
  // It can't be moved back but by force.
  move(toNode("node1", "other"), true);
  settle();
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_FALSE(answers_[0].status.isOk());
  EXPECT_THAT(answers_[0].status.text(), HasSubstr("ann@example.org since"));
}

TEST_F(MovesTest, ADrainThatNobodyCouldTakeOverIsRefusedWithReasons) {
  nodesAppear();
  two_.stop();
  settle();
  drain("node1", true);
  settle();
  ASSERT_THAT(drained_, SizeIs(1));
  EXPECT_FALSE(drained_[0].first.isOk());
  EXPECT_THAT(drained_[0].first.text(), HasSubstr("node2: not present"));
  EXPECT_FALSE(coordinator_->node("node1").drain().drained());
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(MovesTest, AForcedDrainLeavesTheGroupWithoutAnActiveNode) {
  nodesAppear();
  two_.stop();
  settle();
  drain("node1", true, true);
  settle();
  ASSERT_THAT(drained_, SizeIs(1));
  EXPECT_TRUE(drained_[0].first.isOk()) << drained_[0].first.text();
  EXPECT_EQ(drained_[0].second.active(), "");
  EXPECT_TRUE(coordinator_->node("node1").drain().drained());
  pass(Duration::seconds(60));
  EXPECT_EQ(coordinator_->status().phase(), v1::PHASE_VACANT);
  // And gets one again once that is undone.
  ASSERT_TRUE(coordinator_->moves.undrain("node1", origin()).isOk());
  settle();
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(MovesTest, AForcedDrainGivesTheRoleToNobodyWhoIsDrained) {
  nodesAppear();
  drain("node2", true);
  settle();
  drain("node1", true, true, "another call");
  settle();
  ASSERT_THAT(drained_, SizeIs(2));
  EXPECT_TRUE(drained_[1].first.isOk()) << drained_[1].first.text();
  EXPECT_EQ(coordinator_->status().phase(), v1::PHASE_VACANT);
}

TEST_F(MovesTest, AStandbyIsDrainedAtOnceAndUndrained) {
  nodesAppear();
  drain("node2", false);
  settle();
  ASSERT_THAT(drained_, SizeIs(1));
  EXPECT_EQ(drained_[0].second.state(), v1::DRAIN_STATE_DRAINED);
  EXPECT_TRUE(two_.drain.drained());
  const auto undrained = coordinator_->moves.undrain("node2", origin());
  ASSERT_TRUE(undrained.isOk());
  EXPECT_FALSE(undrained->drain().drained());
  settle();
  EXPECT_FALSE(two_.drain.drained());
}

TEST_F(MovesTest, ADrainKeySentAgainAfterUndrainDrainsNothing) {
  nodesAppear();
  drain("node2", true);
  settle();
  ASSERT_TRUE(coordinator_->moves.undrain("node2", origin()).isOk());
  drain("node2", true, false, "another call");
  settle();
  EXPECT_FALSE(coordinator_->node("node2").drain().drained());
}

TEST_F(MovesTest, APurposeComesBackFromItsText) {
  const MovePurpose purpose{"drain", "ann@example.org", "g@x", "c0", "node1", "it's \"odd\""};
  const auto back = MovePurpose::fromText(purpose.toText());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->reason, purpose.reason);
  EXPECT_EQ(back->call, purpose.call);
  MovePurpose broken = purpose;
  broken.reason = "two\nlines";
  EXPECT_EQ(MovePurpose::fromText(broken.toText())->reason, "two lines");
  EXPECT_FALSE(MovePurpose::fromText("").has_value());
  EXPECT_FALSE(MovePurpose::fromText("drain\nann").has_value());
}

// --- marks of the node's own --------------------------------------------------------------------

TEST_F(MovesTest, AMarkMadeAtTheNodeIsAdoptedAndTheRoleMovedAway) {
  nodesAppear();
  one_.drain.set_drained(true);
  one_.drain.set_by("bob@example.org");
  one_.drain.set_changed_at_ms(clock_.wall().unix_ms - 1000);
  one_.showPresence(v1::NODE_ROLE_ACTIVE);
  settle();
  EXPECT_TRUE(coordinator_->node("node1").drain().drained());
  EXPECT_TRUE(store_->members().list()->front().drain.drained);
  EXPECT_EQ(coordinator_->status().active(), "node2");
  EXPECT_THAT(one_.orders, IsEmpty()) << "it was told what it had said";
}

TEST_F(MovesTest, AnOlderMarkOfTheNodeIsReplaced) {
  drain("node2", true);
  settle();
  one_.showPresence(v1::NODE_ROLE_STANDBY);
  two_.drain.set_changed_at_ms(5);
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_THAT(two_.orders, SizeIs(1));
  EXPECT_TRUE(two_.drain.drained());
  EXPECT_TRUE(coordinator_->node("node2").drain().drained());
}

TEST_F(MovesTest, AMarkFromTheFutureCanBeTakenAway) {
  nodesAppear();
  two_.drain.set_drained(true);
  two_.drain.set_by("bob@example.org");
  two_.drain.set_changed_at_ms(clock_.wall().unix_ms + 3'600'000);
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(coordinator_->node("node2").drain().changed_at_ms(), clock_.wall().unix_ms);
  ASSERT_TRUE(coordinator_->moves.undrain("node2", origin()).isOk());
  settle();
  EXPECT_FALSE(two_.drain.drained());
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_FALSE(coordinator_->node("node2").drain().drained());
}

// A gate that has not answered yet.
class GatedMovesTest : public MovesTest {
 protected:
  GatedMovesTest()
      : moves_({coordinator_->cluster, coordinator_->marks, random_,
                [](const MovePurpose&, const std::string&, const Status&, const std::string&) {},
                [this](const GroupDriver&, const auto&, auto answer) {
                  gates_.push_back(std::move(answer));
                }}) {}
  void ask(const commands::Move& move) {
    moves_.move(move, true, [this](const Status& s, const commands::MoveState& m) {
      answers_.push_back({s, m});
    });
    settle();
  }
  std::vector<std::function<void(const Status&)>> gates_;
  Moves moves_;
};

TEST_F(GatedMovesTest, NothingBeginsBeforeTheGateHasSaidSo) {
  nodesAppear();
  ask(toNode("node2"));
  ask(toNode("node2"));
  ASSERT_THAT(gates_, SizeIs(1)) << "the same request is asked about once";
  EXPECT_EQ(coordinator_->status().active(), "node1");
  gates_[0](Status::ok());
  settle();
  EXPECT_EQ(coordinator_->status().active(), "node2");
  ASSERT_THAT(answers_, SizeIs(2));
  EXPECT_TRUE(answers_[0].state.done);
  EXPECT_TRUE(answers_[1].state.done);
}

TEST_F(GatedMovesTest, AVetoIsToldToAllWhoAskedAndMovesNothing) {
  nodesAppear();
  ask(toNode("node2"));
  ask(toNode("node2"));
  gates_.at(0)({Code::kRefusedUnsafe, "no"});
  settle();
  ASSERT_THAT(answers_, SizeIs(2));
  EXPECT_EQ(answers_[0].status.text(), "no");
  EXPECT_EQ(answers_[1].status.text(), "no");
  EXPECT_EQ(coordinator_->status().active(), "node1");
  ask(toNode("node2"));
  EXPECT_THAT(gates_, SizeIs(2)) << "what was vetoed may be asked for again";
}

}  // namespace
}  // namespace muster::coordinator
