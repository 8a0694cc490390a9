// What a group does without being asked: moves off a holder that is not well, and when it holds.
#include <gmock/gmock.h>

#include "tests/libcontrol/election/group_fixture.h"

namespace muster::election {
namespace {

using testing::HasSubstr;

class AutomaticTest : public GroupTest {
 protected:
  AutomaticTest() {
    config_.choose.level_floor = 90;
    config_.min_between_moves = Duration();
    restart({});
  }
  // Node 1 is active at this level, node 2 stands by at that one.
  void activateAt(double one, double two) {
    presentAt(1, 100);
    acquire(1);
    presentAt(1, one, 1);
    presentAt(2, two);
    ASSERT_EQ(machine_->record().jid, bareOf(1));
  }
  // The active node falls under the floor, and the role goes to the other of nodes 1 and 2.
  void fall(int from, int to) {
    presentAt(to, 100, 0);
    presentAt(from, 50, machine_->record().epoch);
    ASSERT_TRUE(find<group::SendDrain>(elapse(config_.floor_time, from)))
        << "the role of " << machine_->record().jid.toString();
    drained(from);
    ASSERT_EQ(machine_->record().jid, bareOf(to));
    acquire(to);
    presentAt(to, 100, machine_->record().epoch);
  }
  // An application that does not last.
  group::Effects lose(Duration after) {
    const int node = machine_->record().jid == bareOf(1) ? 1 : 2;
    acquire(node);
    present(node, machine_->record().epoch, machine_->record().epoch);
    elapse(after, node);
    return release(node, "its supervisor says that the application is gone: ended by signal 9");
  }
};

TEST_F(AutomaticTest, TheRoleLeavesAHolderThatStaysUnderTheFloor) {
  activateAt(80, 99);
  EXPECT_FALSE(find<group::SendDrain>(elapse(config_.floor_time - Duration{1}, 1)));
  const auto effects = elapse(Duration{1}, 1);
  ASSERT_TRUE(find<group::SendDrain>(effects));
  EXPECT_TRUE(machine_->record().move->automatic);
  EXPECT_THAT(
      find<group::PhaseChanged>(effects)->cause,
      HasSubstr("node1's level has been under the floor of 90% for 30s and node2's is better"));
  drained(1);
  acquire(2);
  const auto done = presentAt(2, 99, 2);
  ASSERT_TRUE(find<group::MoveFinished>(done));
  EXPECT_TRUE(find<group::MoveFinished>(done)->automatic);
  EXPECT_EQ(find<group::MoveFinished>(done)->to, bareOf(2));
  EXPECT_TRUE(find<group::TookOver>(done)->automatic);
}

TEST_F(AutomaticTest, RecoveringStartsTheTimeAnew) {
  activateAt(80, 99);
  elapse(Duration::seconds(29), 1);
  presentAt(1, 95, 1);
  presentAt(1, 80, 1);
  EXPECT_FALSE(find<group::SendDrain>(elapse(config_.floor_time - Duration{1}, 1)));
  EXPECT_TRUE(find<group::SendDrain>(elapse(Duration{1}, 1)));
}

TEST_F(AutomaticTest, OnlySomebodyClearlyBetterTakesOver) {
  activateAt(89, 92);
  EXPECT_FALSE(find<group::SendDrain>(elapse(Duration::seconds(60), 1)))
      << "three points are noise";
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("no other node is better by enough"));
  presentAt(2, 90.5);
  presentAt(1, 80, 1);
  EXPECT_FALSE(find<group::SendDrain>(elapse(Duration::seconds(60), 1))) << "too near the floor";
  EXPECT_TRUE(find<group::SendDrain>(presentAt(2, 91)));
}

TEST_F(AutomaticTest, NoDataIsNotBetter) {
  activateAt(80, 80);
  present(2);
  EXPECT_FALSE(find<group::SendDrain>(elapse(Duration::seconds(60), 1)));
}

TEST_F(AutomaticTest, AGhostDoesNotCostTheHolderItsRole) {
  activateAt(80, 99);
  silent_.insert(fullOf(2));
  const auto effects = elapse(Duration::seconds(90), 1);
  EXPECT_FALSE(find<group::SendDrain>(effects));
  EXPECT_TRUE(find<group::SendQuery>(effects));
  EXPECT_FALSE(find<group::MoveFinished>(effects)) << "nothing had begun";
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(AutomaticTest, AHolderThatRecoversWhileOthersAreAskedKeepsTheRole) {
  activateAt(80, 99);
  elapse(config_.floor_time - ms(1), 1);
  nobody_answers_ = true;
  elapse(ms(1), 1);
  ASSERT_TRUE(machine_->moveRunning());
  presentAt(1, 95, 1);
  EXPECT_FALSE(machine_->moveRunning());
  EXPECT_FALSE(find<group::SendDrain>(step(group::QueryAnswered{fullOf(2)})));
}

TEST_F(AutomaticTest, NothingMovesSoonAfterTheLastTime) {
  config_.min_between_moves = Duration::seconds(300);
  restart({});
  activateAt(80, 99);
  const auto held = elapse(Duration::seconds(299), 1);
  EXPECT_FALSE(find<group::SendDrain>(held));
  ASSERT_EQ(count<group::Alarm>(held), 1) << "once an occurrence";
  EXPECT_EQ(find<group::Alarm>(held)->kind, group::AlarmKind::kFlapHold);
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("held for another 1s"));
  EXPECT_FALSE(machine_->view(now_).hold.empty());
  EXPECT_TRUE(find<group::SendDrain>(elapse(Duration::seconds(1), 1)));
}

TEST_F(AutomaticTest, OnlySoManyMovesAnHour) {
  config_.max_moves_per_hour = 2;
  restart({});
  activateAt(100, 100);
  fall(1, 2);
  fall(2, 1);
  presentAt(2, 100);
  presentAt(1, 50, machine_->record().epoch);
  const auto held = elapse(Duration::seconds(600), 1);
  EXPECT_FALSE(find<group::SendDrain>(held));
  ASSERT_EQ(count<group::Alarm>(held), 1);
  EXPECT_THAT(find<group::Alarm>(held)->text,
              HasSubstr("2 moves off a live holder within the hour"));
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("within the hour already"));
  EXPECT_TRUE(find<group::SendDrain>(move("k", 2))) << "a human's request is not counted";
  drained(1);
  acquire(2);
  presentAt(2, 50, machine_->record().epoch);
  presentAt(1, 100);
  EXPECT_TRUE(find<group::SendDrain>(elapse(Duration::seconds(3600), 2))) << "the hour is over";
}

TEST_F(AutomaticTest, AMoveThatIsToBeAskedAboutWaitsForItsAnswer) {
  config_.ask_before_moves = true;
  restart({});
  activateAt(80, 99);
  EXPECT_FALSE(find<group::SendDrain>(elapse(config_.floor_time, 1)));
  ASSERT_TRUE(machine_->view(now_).due);
  EXPECT_EQ(machine_->view(now_).due->to, bareOf(2));
  EXPECT_FALSE(find<group::SendDrain>(step(group::MoveAllowed{7}))) << "of another epoch";
  EXPECT_TRUE(find<group::SendDrain>(step(group::MoveAllowed{1})));
  EXPECT_FALSE(machine_->view(now_).due);
}

TEST_F(AutomaticTest, AVetoedMoveIsHeldWithItsReasonAndIsDueAgain) {
  config_.ask_before_moves = true;
  restart({});
  activateAt(80, 99);
  elapse(config_.floor_time, 1);
  const auto effects = step(group::MoveVetoed{1, now_ + Duration::seconds(30), "the site says no"});
  ASSERT_TRUE(find<group::Alarm>(effects));
  EXPECT_EQ(find<group::Alarm>(effects)->kind, group::AlarmKind::kFlapHold);
  EXPECT_THAT(machine_->view(now_).hold, HasSubstr("but the site says no: held for another 30s"));
  EXPECT_FALSE(machine_->view(now_).due);
  EXPECT_FALSE(find<group::SendDrain>(step(group::Tick{})));
  elapse(Duration::seconds(30), 1);
  EXPECT_TRUE(machine_->view(now_).due);
}

// Leave that was given and not used up is none for the next time.
TEST_F(AutomaticTest, LeaveToMoveHoldsForTheMomentOnly) {
  config_.ask_before_moves = true;
  restart({});
  activateAt(80, 99);
  step(group::MoveAllowed{1});
  EXPECT_FALSE(find<group::SendDrain>(elapse(config_.floor_time, 1)));
}

TEST_F(AutomaticTest, NoneAtAllIfSwitchedOff) {
  config_.max_moves_per_hour = 0;
  restart({});
  activateAt(50, 100);
  const auto effects = elapse(Duration::seconds(600), 1);
  EXPECT_FALSE(find<group::SendDrain>(effects));
  EXPECT_FALSE(find<group::Alarm>(effects));
}

TEST_F(AutomaticTest, AfterARestartNobodyKnowsHowLongItHasBeenActive) {
  config_.min_between_moves = Duration::seconds(300);
  activateAt(80, 99);
  restart(machine_->record());
  presentAt(1, 80, 1);
  presentAt(2, 99);
  const auto effects = elapse(Duration::seconds(299), 1);
  EXPECT_FALSE(find<group::SendDrain>(effects));
  EXPECT_FALSE(find<group::Alarm>(effects)) << "nothing is wrong with that";
  EXPECT_TRUE(find<group::SendDrain>(elapse(Duration::seconds(1), 1)));
}

TEST_F(AutomaticTest, APersonsMoveGoesBeforeOneThatIsOnlyBeingAskedAbout) {
  activateAt(80, 99);
  present(3);
  elapse(config_.floor_time - ms(1), 1);
  nobody_answers_ = true;
  elapse(ms(1), 1);
  ASSERT_TRUE(machine_->moveRunning());
  EXPECT_FALSE(find<group::MoveFinished>(move("k", 3)));
  EXPECT_TRUE(find<group::SendDrain>(step(group::QueryAnswered{fullOf(3)})));
  ASSERT_TRUE(machine_->record().move.has_value());
  EXPECT_EQ(machine_->record().move->caller, "ann");
}

// --- crash loops --------------------------------------------------------------------------------

TEST_F(AutomaticTest, ACrashLoopEndsInAnAnnouncedHold) {
  present(1);
  present(2);
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(find<group::Alarm>(lose(Duration::seconds(2))));
    elapse(Duration::seconds(1));
    ASSERT_EQ(phase(), Phase::kOffered);
  }
  const auto effects = lose(Duration::seconds(2));
  ASSERT_EQ(count<group::Alarm>(effects), 1);
  EXPECT_EQ(find<group::Alarm>(effects)->kind, group::AlarmKind::kCrashLoop);
  EXPECT_FALSE(find<group::SendOffer>(effects));
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("5 promotions were lost within 10m"));
  EXPECT_FALSE(machine_->view(now_).hold.empty());
  const auto held = elapse(config_.crash_loop_hold - Duration{1});
  EXPECT_FALSE(find<group::SendOffer>(held));
  EXPECT_FALSE(find<group::SendQuery>(held)) << "nothing is about to be decided";
  EXPECT_TRUE(find<group::SendOffer>(elapse(Duration{1}))) << "it ends by itself";
}

TEST_F(AutomaticTest, AMoveEndsTheHoldOfACrashLoop) {
  present(1);
  present(2);
  for (int i = 0; i < 5; ++i) {
    lose(Duration::seconds(2));
    elapse(Duration::seconds(1));
  }
  ASSERT_EQ(phase(), Phase::kVacant);
  EXPECT_TRUE(find<group::SendOffer>(move("k", 2)));
}

TEST_F(AutomaticTest, WhatLastsIsNoLoop) {
  present(1);
  present(2);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(find<group::Alarm>(lose(config_.crash_loop_young)));
    elapse(Duration::seconds(1));
  }
}

TEST_F(AutomaticTest, WhatEndsInOrderIsNoLoop) {
  present(1);
  present(2);
  for (int i = 0; i < 10; ++i) {
    const int node = machine_->record().jid == bareOf(1) ? 1 : 2;
    acquire(node);
    present(node, machine_->record().epoch, machine_->record().epoch);
    EXPECT_FALSE(find<group::Alarm>(release(node, "it is shutting down", true)));
    elapse(Duration::seconds(2));
  }
  for (int i = 0; i < 10; ++i) {
    const int node = machine_->record().jid == bareOf(1) ? 1 : 2;
    acquire(node);
    present(node, machine_->record().epoch, machine_->record().epoch);
    move("k" + std::to_string(i), 3 - node);
    EXPECT_FALSE(find<group::Alarm>(drained(node)));
  }
}

// --- promotions that take too long ------------------------------------------------------------

TEST_F(AutomaticTest, AHolderThatNeverBecomesActiveMakesRoomForAnother) {
  present(1);
  acquire(1);
  present(1, 1, 0);
  const auto alone = elapse(config_.promote_timeout + Duration::seconds(30), 1);
  ASSERT_EQ(count<group::Alarm>(alone), 1);
  EXPECT_EQ(find<group::Alarm>(alone)->kind, group::AlarmKind::kSlowPromotion);
  EXPECT_FALSE(find<group::SendDrain>(alone)) << "there is nobody else";
  EXPECT_TRUE(find<group::SendDrain>(present(2)));
  drained(1);
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

TEST_F(AutomaticTest, AHolderWhosePresenceIsMissingIsLeftAlone) {
  present(1);
  acquire(1);
  step(group::MemberGone{fullOf(1)});
  present(2);
  EXPECT_FALSE(find<group::SendDrain>(elapse(config_.promote_timeout * 4, 1)))
      << "it may well be active";
}

// --- pauses -------------------------------------------------------------------------------------

TEST_F(AutomaticTest, WhilePausedABadLevelMovesNothing) {
  activateAt(80, 99);
  step(group::Paused{now_ + Duration::seconds(120), "by ann: works"});
  EXPECT_FALSE(find<group::SendDrain>(elapse(Duration::seconds(60), 1)));
  EXPECT_THAT(machine_->view(now_).hold, HasSubstr("paused by ann: works: for another 1m"));
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("node2's is better; paused by ann"));
  EXPECT_TRUE(machine_->view(now_).paused);
  // The level has to be bad for its time once more, beginning with the pause's end.
  EXPECT_FALSE(find<group::SendDrain>(elapse(Duration::seconds(60), 1)));
  EXPECT_EQ(machine_->view(now_).hold, "");
  EXPECT_TRUE(find<group::SendDrain>(elapse(config_.floor_time, 1)));
}

TEST_F(AutomaticTest, WhilePausedNobodyTakesOverFromAHolderThatIsGone) {
  activateAt(100, 100);
  step(group::Paused{now_ + Duration::seconds(120), ""});
  release(1, "it is shutting down");
  EXPECT_EQ(phase(), Phase::kVacant);
  EXPECT_FALSE(find<group::SendOffer>(elapse(Duration::seconds(60), 2)));
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("unless somebody asks for a move"));
  EXPECT_TRUE(find<group::SendOffer>(step(group::Resumed{})));
}

TEST_F(AutomaticTest, WhilePausedWhatSomebodyAsksForIsDone) {
  activateAt(100, 100);
  step(group::Paused{now_ + Duration::seconds(600), ""});
  ASSERT_TRUE(find<group::SendDrain>(move("k", 2)));
  drained(1);
  EXPECT_EQ(machine_->record().jid, bareOf(2));
  // It comes to nothing: then the group is not left as it is.
  EXPECT_TRUE(find<group::MoveFinished>(release(2, "its promotion failed")));
  EXPECT_TRUE(phase() == Phase::kOffered || find<group::SendOffer>(elapse(Duration::seconds(30))));
}

}  // namespace
}  // namespace muster::election
