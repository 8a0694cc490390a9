// history, explain and alarms.
#include "coordinator/chronicle.h"

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ChronicleTest : public ClusterStage {
 protected:
  v1::HistoryReply history(uint32_t limit = 20, std::optional<uint64_t> before = {}) {
    v1::HistoryRequest request;
    request.set_group("g");
    request.set_limit(limit);
    if (before) request.set_before(*before);
    return coordinator_->chronicle.query(request, clock_.wall()).value();
  }
  static std::vector<std::string> whats(const v1::HistoryReply& reply) {
    std::vector<std::string> out;
    for (const v1::HistoryEvent& event : reply.events()) {
      out.push_back(event.what() + " " + event.from() + ">" + event.to() + " " +
                    std::to_string(event.epoch()));
    }
    return out;
  }
  void moveTo(const std::string& node) {
    commands::Move move;
    move.group = "g";
    move.to = node;
    move.origin = origin(node);
    coordinator_->moves.move(move, true, [](const Status&, const commands::MoveState&) {});
    settle();
  }
};

TEST_F(ChronicleTest, AMoveIsOneLineThatSaysWhoAskedAndARestartKeepsIt) {
  nodesAppear();
  moveTo("node2");
  EXPECT_THAT(whats(history()), ElementsAre("moved node1>node2 2", "active >node1 1"));
  EXPECT_EQ(history().events(0).who(), "ann@example.org");
  EXPECT_EQ(history().events(1).who(), "");
  startCoordinator();
  EXPECT_THAT(whats(history()), ElementsAre("moved node1>node2 2", "active >node1 1"));
}

TEST_F(ChronicleTest, AMoveDuringAnIncidentNamesIt) {
  nodesAppear();
  EXPECT_THAT(history().events(0).cause(), testing::Not(HasSubstr("incident")));
  coordinator_->incidents = "incident 7 and incident 9";
  moveTo("node2");
  EXPECT_THAT(history().events(0).cause(), testing::EndsWith("see incident 7 and incident 9"));
}

TEST_F(ChronicleTest, HistoryIsPaged) {
  nodesAppear();
  moveTo("node2");
  const auto first = history(1);
  EXPECT_THAT(whats(first), ElementsAre("moved node1>node2 2"));
  EXPECT_THAT(whats(history(1, first.events(0).seq())), ElementsAre("active >node1 1"));
}

TEST_F(ChronicleTest, AFailedMoveIsThere) {
  nodesAppear();
  two_.takes_offers = false;
  moveTo("node2");
  for (int i = 0; i < 20; ++i) pass(Duration::millis(500));
  EXPECT_THAT(whats(history()), testing::Contains(HasSubstr("move-failed node1>")));
}

TEST_F(ChronicleTest, ARefusedMoveIsNot) {
  nodesAppear();
  two_.stop();
  settle();
  moveTo("node2");
  EXPECT_THAT(whats(history()), ElementsAre("active >node1 1"));
}

TEST_F(ChronicleTest, AnAlarmIsKeptShownAndToldToWhoeverCanActOnIt) {
  for (const char* person : {"ann@example.org", "root@example.org", "olga@example.org"}) {
    ASSERT_TRUE(store_->subscriptions().add({"g@muster.example.org", person}));
  }
  ASSERT_TRUE(store_->grants().set({"olga@example.org", v1::ROLE_OBSERVER, {}, "test"}));
  startCoordinator();
  nodesAppear();
  // An epoch that can't be true.
  two_.epoch = limits::kMaxEpochJump + 100;
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  const auto events = history().events();
  ASSERT_GT(events.size(), 0);
  EXPECT_EQ(events.Get(0).what(), "alarm");
  EXPECT_THAT(events.Get(0).cause(), HasSubstr("poisoned-epoch: "));
  EXPECT_THAT(coordinator_->status().note(), HasSubstr("alarm at "));
  EXPECT_THAT(coordinator_->said,
              ElementsAre(HasSubstr("g@muster.example.org to ann@example.org: Alarm of group g"),
                          HasSubstr("g@muster.example.org to root@example.org: Alarm")));
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(coordinator_->said.size(), 2u) << "told twice of one occurrence";
}

TEST_F(ChronicleTest, ExplainSaysOfEachCandidateWhyOrWhyNot) {
  nodesAppear();
  auto explained = coordinator_->view.explain("g", false).value();
  EXPECT_EQ(explained.active(), "node1");
  EXPECT_EQ(explained.phase(), v1::PHASE_ACTIVE);
  ASSERT_EQ(explained.candidates_size(), 2);
  ASSERT_EQ(explained.next_size(), 2);
  EXPECT_THAT(explained.next(0), HasSubstr("node1's lease would be over for certain"));
  EXPECT_EQ(explained.next(1), "node2 would be offered the role.");
  two_.stop();
  settle();
  explained = coordinator_->view.explain("g", false).value();
  EXPECT_THAT(explained.next(1), HasSubstr("No other node could take over: node2: not present"));
}

}  // namespace
}  // namespace muster::coordinator
