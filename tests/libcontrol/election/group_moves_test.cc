// Moves of the role that somebody asks for.
#include <gmock/gmock.h>

#include "tests/libcontrol/election/group_fixture.h"

namespace muster::election {
namespace {

using testing::HasSubstr;

TEST_F(GroupTest, AMoveEndsWhenItsTargetSaysThatItIsActive) {
  activate();
  EXPECT_TRUE(find<group::MoveStarted>(move("k", 2, 1)));
  step(group::ReleaseReceived{fullOf(1), 1, Release{"storage", 1, instanceOf(1)}});
  EXPECT_FALSE(find<group::MoveFinished>(acquire(2)));
  now_ = now_ + ms(300);
  const auto effects = present(2, 2, 2);
  const auto* done = find<group::MoveFinished>(effects);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->status.isOk());
  EXPECT_EQ(done->from, bareOf(1));
  EXPECT_EQ(done->to, bareOf(2));
  EXPECT_EQ(done->epoch, 2u);
  EXPECT_EQ(done->duration, ms(300));
  const auto repeated = move("k", 2, 1);
  ASSERT_TRUE(find<group::MoveFinished>(repeated));
  EXPECT_EQ(find<group::MoveFinished>(repeated)->epoch, 2u);
  EXPECT_EQ(phase(), Phase::kActive) << "carried out once";
}

TEST_F(GroupTest, AMoveDoesNotWaitForeverForItsTargetToBecomeActive) {
  activate();
  move("k", 2);
  step(group::ReleaseReceived{fullOf(1), 1, Release{"storage", 1, instanceOf(1)}});
  acquire(2);
  const group::MoveFinished* done = nullptr;
  group::Effects effects;
  for (int i = 0; i < 40 && !done; ++i) {
    now_ = now_ + Duration::seconds(1);
    effects = renew(2, 2);
    done = find<group::MoveFinished>(effects);
  }
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status.code(), Code::kTimeout);
  EXPECT_EQ(phase(), Phase::kDraining) << "others can take the role, so it has to make room";
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

TEST_F(GroupTest, AnOfferToAnotherIsWithdrawnForAMove) {
  present(1);
  present(2);
  const GroupRecord withdrawn = machine_->record();
  const auto effects = move("k", 2);
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(2));
  EXPECT_TRUE(answer<Denied>(step(group::AcquireReceived{
      fullOf(1), 7,
      Acquire{"storage", withdrawn.epoch, withdrawn.offer_nonce, instanceOf(1), 42}})));
}

TEST_F(GroupTest, ARepeatedKeyJoinsTheMoveThatRuns) {
  activate();
  move("k", 2);
  EXPECT_TRUE(find<group::MoveStarted>(move("k", 2)));
  EXPECT_EQ(find<group::MoveFinished>(move("k", 3))->status.code(), Code::kInvalidArgument);
  EXPECT_EQ(find<group::MoveFinished>(move("other", 3))->status.code(), Code::kConflict);
}

TEST_F(GroupTest, MovesAreRefusedForCause) {
  activate();
  const auto conflict = move("a", 2, 9);
  const Status& status = find<group::MoveFinished>(conflict)->status;
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(status.text(), "storage is at epoch 1, not at 9 as expected; nothing was moved");
  EXPECT_EQ(find<group::MoveFinished>(move("b", 7))->status.code(), Code::kNotFound);
  step(group::MemberGone{fullOf(2)});
  EXPECT_EQ(find<group::MoveFinished>(move("c", 2))->status.code(), Code::kUnavailable);
  group::MemberEnrolled drained{bareOf(3), "node3", 0, false, true};
  step(drained);
  EXPECT_EQ(find<group::MoveFinished>(move("d", 3))->status.code(), Code::kRefusedUnsafe);
  EXPECT_EQ(find<group::MoveFinished>(move("e"))->status.code(), Code::kUnavailable);
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(GroupTest, AMoveToTheActiveNodeIsDoneAtOnce) {
  activate();
  const auto effects = move("k", 1);
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_TRUE(find<group::MoveFinished>(effects)->status.isOk());
  EXPECT_EQ(find<group::MoveFinished>(effects)->duration, Duration());
  EXPECT_EQ(find<group::MoveFinished>(effects)->text, "node1 is active already");
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(GroupTest, AMoveWhoseTargetFailsEndsAndTheGroupGetsAnActiveNode) {
  activate();
  move("k", 2);
  // The drain was for the move, so node 1 may have the role again at once.
  step(group::DrainedReceived{
      fullOf(1),
      Drained{1, instanceOf(1),
              find<group::SendDrain>(advance(config_.lease_ttl / 3))->message.demand_nonce}});
  ASSERT_EQ(machine_->record().jid, bareOf(2));
  const auto effects =
      step(group::OfferDeclined{fullOf(2), machine_->record().offer_nonce, Denied{0, "busy", 0}});
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_EQ(find<group::MoveFinished>(effects)->status.code(), Code::kUnavailable);
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(1));
}

// --- who lives ----------------------------------------------------------------------------------

TEST_F(GroupTest, AGhostIsRefusedByNameBeforeTheHolderIsTouched) {
  activate();
  elapse(Duration::seconds(10), 1);
  silent_.insert(fullOf(2));
  const auto asked = move("k", 2);
  EXPECT_FALSE(find<group::SendDrain>(asked));
  EXPECT_FALSE(find<group::MoveStarted>(asked));
  EXPECT_FALSE(find<group::Persist>(asked)) << "nothing has happened yet";
  ASSERT_TRUE(find<group::SendQuery>(asked));
  EXPECT_EQ(find<group::SendQuery>(asked)->to, fullOf(2));
  EXPECT_TRUE(move("k", 2).empty()) << "the same request: what comes is for both";
  const auto effects = elapse(config_.query_timeout, 1);
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  const auto* done = find<group::MoveFinished>(effects);
  EXPECT_EQ(done->status.code(), Code::kUnavailable);
  EXPECT_THAT(done->status.text(),
              HasSubstr("node2 can't become active: present, but it does not"));
  EXPECT_EQ(done->to, bareOf(1));
  EXPECT_EQ(done->caller, "ann");
  EXPECT_EQ(phase(), Phase::kActive);
  EXPECT_FALSE(find<group::PhaseChanged>(effects));
  EXPECT_TRUE(answer<Granted>(renew(1, 1)));
}

TEST_F(GroupTest, OnlyAnAnswerLetsAMoveBegin) {
  activate();
  elapse(Duration::seconds(10), 1);
  nobody_answers_ = true;
  move("k", 2);
  now_ = now_ + ms(40);
  const auto effects = step(group::QueryAnswered{fullOf(2)});
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()));
  EXPECT_TRUE(find<group::MoveStarted>(effects));
  EXPECT_TRUE(find<group::SendDrain>(effects));
  EXPECT_EQ(phase(), Phase::kDraining);
}

TEST_F(GroupTest, WhoAnsweredAMomentAgoIsNotAskedAgain) {
  activate();
  nobody_answers_ = true;
  const auto effects = move("k", 2);
  EXPECT_TRUE(find<group::SendDrain>(effects))
      << "query, drain, offer, acquire: the first is spared";
}

TEST_F(GroupTest, WithoutATargetTheBestThatAnswersIsTaken) {
  activate();
  elapse(Duration::seconds(10), 1);
  silent_.insert(fullOf(2));
  EXPECT_FALSE(find<group::SendDrain>(move("k"))) << "node2 comes first and may answer yet";
  EXPECT_TRUE(find<group::SendDrain>(elapse(config_.query_timeout, 1)));
  const auto effects = drained(1);
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(3));
}

TEST_F(GroupTest, SomebodySilentAWhileAgoIsAskedAgainForTheNextRequest) {
  activate();
  elapse(Duration::seconds(10), 1);
  silent_.insert(fullOf(2));
  move("k", 2);
  ASSERT_TRUE(find<group::MoveFinished>(elapse(config_.query_timeout, 1)));
  silent_.clear();
  elapse(Duration::seconds(2), 1);
  EXPECT_TRUE(find<group::SendDrain>(move("k2", 2)));
}

TEST_F(GroupTest, AMoveToTwoProcessesUnderOneAccountWaitsUntilItIsClearWhichOneLives) {
  activate();
  elapse(Duration::seconds(10), 1);
  step(group::MemberGone{fullOf(2)});
  silent_.insert(fullOf(2));
  present(2);
  present(12);
  EXPECT_FALSE(find<group::MoveFinished>(move("k", 2)));
  const auto effects = elapse(config_.query_timeout, 1);
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("asking which of the 2"));
  EXPECT_EQ(phase(), Phase::kActive);
}

// --- a target that does not get there ----------------------------------------------------------

TEST_F(GroupTest, ATargetThatFallsSilentDuringTheDrainEndsTheMoveAndTheHolderIsTakenAgain) {
  activate();
  ASSERT_TRUE(find<group::SendDrain>(move("k", 2)));
  silent_ = {fullOf(2), fullOf(3)};
  elapse(Duration::seconds(12), 1);
  const auto effects = drained(1);
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  EXPECT_EQ(find<group::MoveFinished>(effects)->status.code(), Code::kUnavailable);
  EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("node2 can't become active"));
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(1));
}

TEST_F(GroupTest, AnOfferThatTheTargetLetsGoByEndsTheMove) {
  activate();
  move("k", 2);
  drained(1);
  const auto effects = elapse(config_.offer_timeout);
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  EXPECT_THAT(find<group::MoveFinished>(effects)->text,
              HasSubstr("node2 did not take up the offer in time; the best candidate is taken"));
  EXPECT_EQ(machine_->record().jid, bareOf(1));
}

TEST_F(GroupTest, APromotionThatFailsEndsTheMoveWithTheNodesOwnReason) {
  activate();
  move("k", 2);
  drained(1);
  acquire(2);
  const auto effects = release(2, "its promotion failed: no disk");
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  EXPECT_THAT(find<group::MoveFinished>(effects)->text,
              HasSubstr("node2 gave the lease back: its promotion failed: no disk"));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(1));
}

TEST_F(GroupTest, ATargetThatDiesAfterTheGrantIsWaitedOutAndReplaced) {
  activate();
  move("k", 2);
  drained(1);
  acquire(2);
  silent_.insert(fullOf(2));
  const auto effects = elapse(wait());
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("node2 let its lease run out"));
  EXPECT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().jid, bareOf(1));
}

TEST_F(GroupTest, ATargetThatStopsBeingAMemberEndsTheMove) {
  activate();
  move("k", 2);
  step(group::MemberRemoved{bareOf(2)});
  const auto effects = drained(1);
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("no longer a member"));
}

// --- across a restart ---------------------------------------------------------------------------

TEST_F(GroupTest, AMoveIsOnDiskBeforeItIsSaidToHaveBegun) {
  activate();
  group::MoveRequested request = requestFor("k", 2);
  request.context = "tell ann";
  const auto effects = step(request);
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()));
  const auto& written = std::get<group::Persist>(effects.front()).record;
  ASSERT_TRUE(written.move.has_value());
  EXPECT_EQ(written.move->key, "k");
  EXPECT_EQ(written.move->target, bareOf(2));
  EXPECT_EQ(written.move->caller, "ann");
  EXPECT_EQ(written.move->from, bareOf(1));
  EXPECT_EQ(written.move->from_epoch, 1u);
  EXPECT_EQ(written.move->context, "tell ann");
  EXPECT_EQ(written.phase, Phase::kDraining) << "one write for both";
}

TEST_F(GroupTest, AMoveGoesOnAfterARestartAndItsOutcomeNamesTheCaller) {
  activate();
  move("k", 2, 1);
  restart(machine_->record());
  EXPECT_TRUE(find<group::MoveStarted>(move("k", 2, 1))) << "it is the same request still";
  present(1);
  present(2);
  renew(1, 1);
  ASSERT_TRUE(find<group::SendOffer>(release(1, "", true)));
  EXPECT_EQ(machine_->record().jid, bareOf(2));
  acquire(2);
  // Once more, with the role on its way.
  restart(machine_->record());
  const auto effects = present(2, 2, 2);
  ASSERT_EQ(count<group::MoveFinished>(effects), 1);
  const auto* done = find<group::MoveFinished>(effects);
  EXPECT_TRUE(done->status.isOk());
  EXPECT_TRUE(done->resumed);
  EXPECT_EQ(done->caller, "ann");
  EXPECT_EQ(done->from, bareOf(1));
  EXPECT_EQ(done->from_epoch, 1u);
  EXPECT_EQ(done->to, bareOf(2));
  EXPECT_EQ(count<group::TookOver>(effects), 1);
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()));
  const auto& write = std::get<group::Persist>(effects.front());
  EXPECT_FALSE(write.record.move.has_value());
  ASSERT_EQ(write.outcomes.size(), 1u) << "move and outcome change places in one write";
  EXPECT_EQ(write.outcomes[0].request.key, "k");
}

TEST_F(GroupTest, AResumedMoveWaitsForItsTargetToAppear) {
  config_.settle = Duration::seconds(1);
  activate();
  move("k", 2);
  GroupRecord record = machine_->record();
  restart(record);
  renew(1, 1);
  EXPECT_FALSE(find<group::MoveFinished>(release(1, "", true))) << "nobody is present yet";
  present(2);
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

TEST_F(GroupTest, ARepeatAfterARestartGetsTheSameOutcome) {
  activate();
  const auto effects = move("k", 2, 9);
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()))
      << "a refusal is kept as well";
  const auto known = std::get<group::Persist>(effects.front()).outcomes;
  ASSERT_EQ(known.size(), 1u);
  GroupRecord record = machine_->record();
  record.epoch = record.highest_epoch = 9;
  restart(record, known);
  const auto again = move("k", 2, 9);
  ASSERT_TRUE(find<group::MoveFinished>(again));
  EXPECT_EQ(find<group::MoveFinished>(again)->status.code(), Code::kConflict);
  EXPECT_FALSE(find<group::SendDrain>(again));
  EXPECT_EQ(find<group::MoveFinished>(move("k", 3, 9))->status.code(), Code::kInvalidArgument);
}

// --- force ---------------------------------------------------------------------------------------

TEST_F(GroupTest, ForceGoesAgainstTaste) {
  config_.choose.level_floor = 90;
  config_.choose.max_lag = Duration::seconds(1);
  restart({});
  activate();
  const auto refused = [&](const std::string& key) {
    const auto effects = move(key, 2);
    const auto* done = find<group::MoveFinished>(effects);
    return done ? done->text : "it was not refused";
  };
  const auto planned = [&] {
    group::MoveRequested request = requestFor("p", 2);
    request.force = true;
    return machine_->plan(request, now_).status.isOk();
  };
  enrollAs(2, true, "by bob since noon: new disk");
  EXPECT_THAT(refused("a"), HasSubstr("drained by bob since noon: new disk; force overrides that"));
  EXPECT_TRUE(planned());
  enrollAs(2, false);
  presentAt(2, 80);
  EXPECT_THAT(refused("b"), HasSubstr("level 80% is under the floor of 90%"));
  EXPECT_TRUE(planned());
  group::MoveRequested request = requestFor("f", 2);
  request.force = true;
  EXPECT_TRUE(find<group::SendDrain>(step(request)));
  EXPECT_EQ(drained(1).empty(), false);
  EXPECT_EQ(machine_->record().jid, bareOf(2)) << "and it still counts when the offer is made";
  acquire(2);
  const auto done = presentAt(2, 80, machine_->record().epoch);
  ASSERT_TRUE(find<group::MoveFinished>(done));
  EXPECT_TRUE(find<group::MoveFinished>(done)->status.isOk());
  EXPECT_TRUE(find<group::MoveFinished>(done)->forced);
}

TEST_F(GroupTest, ForceOverridesNoFacts) {
  activate();
  const auto forced = [&](const std::string& key) {
    group::MoveRequested request = requestFor(key, 2);
    request.force = true;
    const auto effects = step(request);
    const auto* done = find<group::MoveFinished>(effects);
    return done ? done->text : "it was not refused";
  };
  present(2, limits::kMaxEpochJump + 100);
  EXPECT_THAT(forced("a"), HasSubstr("reports an epoch that can't be true"));
  present(2);
  present(12);
  EXPECT_THAT(forced("b"), HasSubstr("2 live processes"));
  step(group::MemberGone{fullOf(12)});
  step(group::MemberGone{fullOf(2)});
  EXPECT_THAT(forced("c"), HasSubstr("not present"));
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(GroupTest, ForceShortensNoWait) {
  activate();
  group::MoveRequested request = requestFor("f", 2);
  request.force = true;
  ASSERT_TRUE(find<group::SendDrain>(step(request)));
  EXPECT_FALSE(find<group::SendOffer>(elapse(wait() - Duration{1})));
  EXPECT_TRUE(find<group::SendOffer>(elapse(Duration{1})));
}

TEST_F(GroupTest, AForcedMoveDoesNotTryATargetThatDeclinesAgainAndAgain) {
  activate();
  group::MoveRequested request = requestFor("f", 2);
  request.force = true;
  step(request);
  drained(1);
  const auto effects =
      step(group::OfferDeclined{fullOf(2), machine_->record().offer_nonce, Denied{0, "busy", 0}});
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_EQ(machine_->record().jid, bareOf(1));
}

// --- away from a node --------------------------------------------------------------------------

TEST_F(GroupTest, LeavingAGroupVacantTakesForce) {
  activate();
  enrollAs(2, true);
  enrollAs(3, true);
  enrollAs(1, true, "by ann: new kernel");
  group::MoveRequested request = requestFor("a");
  request.away_from = bareOf(1);
  request.leave_vacant = true;
  const auto refused = step(request);
  ASSERT_TRUE(find<group::MoveFinished>(refused));
  EXPECT_EQ(find<group::MoveFinished>(refused)->status.code(), Code::kRefusedUnsafe);
  EXPECT_THAT(find<group::MoveFinished>(refused)->text, HasSubstr("With force"));
  EXPECT_EQ(phase(), Phase::kActive);
  request.key = "b";
  request.force = true;
  enrollAs(2, false);
  silent_ = {fullOf(2)};
  step(group::MemberGone{fullOf(3)});
  elapse(Duration::seconds(10), 1);
  EXPECT_FALSE(find<group::SendDrain>(step(request))) << "node2 is asked first";
  ASSERT_TRUE(find<group::SendDrain>(elapse(config_.query_timeout, 1)));
  elapse(Duration::seconds(2), 1);
  const auto effects = drained(1);
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_TRUE(find<group::MoveFinished>(effects)->status.isOk());
  EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("left without an active node"));
  EXPECT_EQ(phase(), Phase::kVacant);
  EXPECT_FALSE(find<group::SendOffer>(elapse(Duration::seconds(30))));
}

TEST_F(GroupTest, LeavingAGroupVacantByForceTakesNobodyWhoIsUnfit) {
  for (const bool fit : {false, true}) {
    machine_.reset();
    restart({});
    activate();
    enrollAs(2, true);
    enrollAs(3, !fit);
    enrollAs(1, true);
    group::MoveRequested request = requestFor("a");
    request.away_from = bareOf(1);
    request.leave_vacant = request.force = true;
    ASSERT_TRUE(find<group::SendDrain>(step(request)));
    const auto effects = drained(1);
    const auto* offer = find<group::SendOffer>(effects);
    EXPECT_EQ(offer != nullptr, fit);
    if (fit) {
      EXPECT_EQ(offer->to, fullOf(3));
      continue;
    }
    EXPECT_EQ(phase(), Phase::kVacant);
    ASSERT_TRUE(find<group::MoveFinished>(effects));
    EXPECT_THAT(find<group::MoveFinished>(effects)->text, HasSubstr("without an active node"));
  }
  // Without leave_vacant force takes a drained one, rather than nobody.
  machine_.reset();
  restart({});
  activate();
  for (int node : {1, 2, 3}) enrollAs(node, true);
  group::MoveRequested request = requestFor("b");
  request.away_from = bareOf(1);
  request.force = true;
  step(request);
  EXPECT_EQ(find<group::SendOffer>(drained(1))->to, fullOf(2));
}

TEST_F(GroupTest, AMoveAwayFromSomebodyWithoutTheRoleIsDoneAtOnce) {
  activate();
  group::MoveRequested request = requestFor("a");
  request.away_from = bareOf(2);
  const auto effects = step(request);
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_TRUE(find<group::MoveFinished>(effects)->status.isOk());
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(GroupTest, AMoveAwayFromTheTargetOfAnOfferWithdrawsIt) {
  present(1);
  present(2);
  ASSERT_EQ(machine_->record().jid, bareOf(1));
  group::MoveRequested request = requestFor("a");
  request.away_from = bareOf(1);
  EXPECT_TRUE(find<group::SendOffer>(step(request)));
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

// --- plans
// ----------------------------------------------------------------------------------------

TEST_F(GroupTest, APlanSaysWhatWouldHappenAndChangesNothing) {
  activate();
  const GroupRecord before = machine_->record();
  const group::Plan plan = machine_->plan(requestFor("k", 3), now_);
  EXPECT_TRUE(plan.status.isOk());
  EXPECT_EQ(plan.drained, bareOf(1));
  EXPECT_EQ(plan.offered, bareOf(3));
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[0],
            "node1 would be told to stop and have 30s for it; if it doesn't answer, its lease is "
            "waited out, at most 6s after its last renewal");
  EXPECT_EQ(plan.steps[1],
            "node3 would be offered the role under epoch 2 and have 2s to take it up");
  EXPECT_EQ(plan.decision.verdicts.size(), 3u);
  EXPECT_TRUE(plan.decision.find(bareOf(1))->candidate.active);
  EXPECT_EQ(machine_->record(), before);
  EXPECT_FALSE(machine_->moveRunning());
  elapse(Duration::seconds(10), 1);
  EXPECT_THAT(machine_->plan(requestFor("k", 3), now_).steps[0],
              HasSubstr("node3 would be asked for a sign of life"));
}

TEST_F(GroupTest, APlanRefusesAsTheMoveWould) {
  activate();
  enrollAs(3, true);
  const Status planned = machine_->plan(requestFor("k", 3), now_).status;
  EXPECT_EQ(planned.code(), Code::kRefusedUnsafe);
  EXPECT_EQ(find<group::MoveFinished>(move("k", 3))->status.text(), planned.text());
  EXPECT_THAT(machine_->plan(requestFor("k", 1), now_).steps[0],
              HasSubstr("nothing would be moved"));
}

TEST_F(GroupTest, TheOutcomeSaysHowLongEachStepTook) {
  activate();
  elapse(Duration::seconds(10), 1);
  nobody_answers_ = true;
  move("k", 2);
  now_ = now_ + ms(10);
  step(group::QueryAnswered{fullOf(2)});
  now_ = now_ + ms(200);
  drained(1);
  now_ = now_ + ms(30);
  acquire(2);
  now_ = now_ + ms(400);
  const auto effects = present(2, 2, 2);
  const auto* done = find<group::MoveFinished>(effects);
  const auto* took = find<group::TookOver>(effects);
  ASSERT_TRUE(done);
  ASSERT_TRUE(took);
  EXPECT_EQ(done->steps.ask, ms(10));
  EXPECT_EQ(done->steps.drain, ms(200));
  EXPECT_EQ(done->steps.wait, Duration());
  EXPECT_EQ(done->steps.offer, ms(30));
  EXPECT_EQ(done->steps.promote, ms(400));
  EXPECT_EQ(done->duration, ms(640));
  EXPECT_EQ(took->from, bareOf(1));
  EXPECT_EQ(took->from_epoch, 1u);
  EXPECT_EQ(took->asked_by, "ann");
  EXPECT_FALSE(took->automatic);
  EXPECT_EQ(took->steps.ask, ms(10));
}
}  // namespace
}  // namespace muster::election
