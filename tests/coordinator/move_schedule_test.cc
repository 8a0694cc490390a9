#include "coordinator/move_schedule.h"

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class MoveScheduleTest : public ClusterStage {
 protected:
  MoveScheduleTest() { nodesAppear(); }
  MoveSchedule& schedule() { return coordinator_->schedule; }
  commands::ScheduledMove in(Duration time, const std::string& to = "") {
    commands::ScheduledMove out;
    out.move.group = "g";
    if (!to.empty()) out.move.to = to;
    out.move.origin = origin();
    out.at = WallTime{clock_.wall().unix_ms + time.toMillis()};
    return out;
  }
  // Up to its time, and what comes of it.
  void passAll(Duration time) {
    clock_.advance(time);
    schedule().tick();
    settle();
  }
};

TEST_F(MoveScheduleTest, AtItsTimeTheRoleMovesAndWhoeverAskedIsTold) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60), "node2")));
  EXPECT_THAT(schedule().noteOf("g"), HasSubstr("a move to node2 is due at "));
  EXPECT_THAT(schedule().noteOf("g"), HasSubstr("asked for by ann@example.org"));
  passAll(Duration::seconds(59));
  EXPECT_EQ(coordinator_->status().active(), "node1");
  passAll(Duration::seconds(1));
  EXPECT_EQ(coordinator_->status().active(), "node2");
  ASSERT_THAT(coordinator_->ended, SizeIs(1));
  EXPECT_THAT(coordinator_->ended[0].sentence, HasSubstr("node2 is active"));
  EXPECT_EQ(coordinator_->ended[0].purpose.by, "ann@example.org");
  EXPECT_EQ(schedule().noteOf("g"), "");
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

TEST_F(MoveScheduleTest, ItOutlivesTheCoordinatorButNotByLong) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60))));
  startCoordinator();
  EXPECT_NE(schedule().noteOf("g"), "");
  passAll(Duration::seconds(400));
  EXPECT_EQ(coordinator_->status().active(), "node1");
  EXPECT_THAT(coordinator_->scheduled_said,
              ElementsAre(HasSubstr("was not carried out: nobody was there to do it")));
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

TEST_F(MoveScheduleTest, WhoHasLostTheirRoleMovesNothing) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60))));
  ASSERT_TRUE(store_->grants().remove("ann@example.org"));
  ASSERT_TRUE(coordinator_->authority.load());
  passAll(Duration::seconds(60));
  EXPECT_EQ(coordinator_->status().active(), "node1");
  EXPECT_THAT(coordinator_->scheduled_said,
              ElementsAre(HasSubstr("ann@example.org may not ask for it any more")));
}

TEST_F(MoveScheduleTest, WhatStandsAgainstItForTheMomentIsWaitedFor) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60), "node2")));
  two_.stop();
  settle();
  passAll(Duration::seconds(60));
  EXPECT_THAT(schedule().noteOf("g"), HasSubstr("can't begin yet: node2 can't become active"));
  EXPECT_THAT(*store_->groups().scheduled(), SizeIs(1)) << "it has not begun";
  two_.start();
  settle();
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  for (int i = 0; i < 2; ++i) passAll(Duration::seconds(10));
  EXPECT_EQ(coordinator_->status().active(), "node2");
  EXPECT_THAT(coordinator_->scheduled_said, IsEmpty());
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

TEST_F(MoveScheduleTest, WhatCouldNotBeginIsTold) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60), "node2")));
  two_.stop();
  settle();
  for (int i = 0; i < 40; ++i) passAll(Duration::seconds(10));
  ASSERT_THAT(coordinator_->scheduled_said, SizeIs(1));
  EXPECT_THAT(coordinator_->scheduled_said[0], HasSubstr("node2 can't become active"));
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

TEST_F(MoveScheduleTest, ARefusalForGoodIsToldAtOnce) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60), "node2")));
  store::DrainRow mark;
  mark.drained = true;
  ASSERT_TRUE(coordinator_->marks.set(*coordinator_->cluster.members().findName("node2"), mark));
  settle();
  passAll(Duration::seconds(60));
  ASSERT_THAT(coordinator_->scheduled_said, SizeIs(1));
  EXPECT_THAT(coordinator_->scheduled_said[0], HasSubstr("drained"));
}

// While the candidates are asked nothing of the move is on disk.
TEST_F(MoveScheduleTest, ACrashBeforeItHasBegunDoesNotLoseIt) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60), "node2")));
  clock_.advance(Duration::seconds(60));
  schedule().tick();
  EXPECT_THAT(*store_->groups().scheduled(), SizeIs(1));
  startCoordinator();
  nodesAppear();
  for (int i = 0; i < 5; ++i) passAll(Duration::seconds(10));
  EXPECT_EQ(coordinator_->status().active(), "node2");
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

TEST_F(MoveScheduleTest, ALaterOneTakesThePlaceAndIsTakenBack) {
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(60))));
  ASSERT_TRUE(schedule().schedule(in(Duration::seconds(90), "node2")));
  EXPECT_THAT(*store_->groups().scheduled(), SizeIs(1));
  const auto was = schedule().unschedule("g", origin());
  ASSERT_TRUE(was);
  EXPECT_EQ(was->move.to, "node2");
  EXPECT_EQ(schedule().unschedule("g", origin()).status().field(), "group");
  passAll(Duration::seconds(100));
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(MoveScheduleTest, WhatCanNeverBeIsRefusedAtOnce) {
  commands::ScheduledMove move = in(Duration::seconds(60), "node7");
  EXPECT_EQ(schedule().schedule(move).field(), "to");
  move.move.to.reset();
  move.move.group = "h";
  EXPECT_EQ(schedule().schedule(move).field(), "group");
  move = in(Duration::seconds(60));
  move.move.expect_epoch = 1;
  EXPECT_EQ(schedule().schedule(move).field(), "expect_epoch");
  EXPECT_THAT(*store_->groups().scheduled(), IsEmpty());
}

}  // namespace
}  // namespace muster::coordinator
