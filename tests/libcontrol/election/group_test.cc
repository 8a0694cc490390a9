#include <gmock/gmock.h>

#include "tests/libcontrol/election/group_fixture.h"

namespace muster::election {
namespace {

using testing::HasSubstr;

TEST(WaitOut, CoversASlowHolderAndAFastWaiter) {
  const Duration wait = waitOut(Duration::seconds(5), 0.01, ms(50));
  EXPECT_GE(wait.toSeconds(), 5 * 1.01 / 0.99 + 0.05);
  EXPECT_LT(wait.toSeconds(), 5 * 1.01 / 0.99 + 0.051);
}

TEST_F(GroupTest, TheOfferIsDurableBeforeItIsSent) {
  const group::Effects effects = present(2);
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()));
  const GroupRecord& written = std::get<group::Persist>(effects.front()).record;
  EXPECT_EQ(written.phase, Phase::kOffered);
  const auto* offer = find<group::SendOffer>(effects);
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->to, fullOf(2));
  EXPECT_EQ(offer->message.epoch, 1u);
  EXPECT_EQ(offer->message.offer_nonce, written.offer_nonce);
}

TEST_F(GroupTest, AnAcquireIsDurableBeforeItIsGranted) {
  present(1);
  const group::Effects effects = acquire(1);
  ASSERT_TRUE(std::holds_alternative<group::Persist>(effects.front()));
  EXPECT_EQ(std::get<group::Persist>(effects.front()).record.phase, Phase::kActive);
  ASSERT_TRUE(answer<Granted>(effects));
  EXPECT_EQ(answer<Granted>(effects)->request_nonce, 42u);
}

TEST_F(GroupTest, OnlyTheOfferedOneMayAcquire) {
  present(1);
  present(2);
  EXPECT_TRUE(answer<Denied>(acquire(2)));
  EXPECT_TRUE(answer<Denied>(acquire(11))) << "another instance of the target";
  GroupRecord r = machine_->record();
  const auto wrong_nonce = step(group::AcquireReceived{
      fullOf(1), 7, Acquire{"storage", r.epoch, instanceOf(99), instanceOf(1), 42}});
  EXPECT_TRUE(answer<Denied>(wrong_nonce));
  EXPECT_TRUE(answer<Granted>(acquire(1)));
  EXPECT_TRUE(answer<Granted>(acquire(1))) << "a retry by the holder";
  EXPECT_TRUE(answer<Denied>(acquire(2)));
}

TEST_F(GroupTest, ARenewalNeedsJidInstanceAndEpoch) {
  activate();
  EXPECT_TRUE(answer<Granted>(renew(1, 1)));
  EXPECT_FALSE(find<group::Persist>(renew(1, 1))) << "a restart counts it as granted anyway";
  EXPECT_TRUE(answer<Denied>(renew(1, 2)));
  EXPECT_TRUE(answer<Denied>(renew(11, 1)));
  EXPECT_TRUE(answer<Denied>(renew(2, 1)));
}

TEST_F(GroupTest, ATimedOutOfferIsVacantAtOnceAndALaterAcquireMeetsNone) {
  present(1);
  const GroupRecord offered = machine_->record();
  now_ = now_ + config_.offer_timeout;
  const auto late = step(group::AcquireReceived{
      fullOf(1), 7, Acquire{"storage", offered.epoch, offered.offer_nonce, instanceOf(1), 42}});
  EXPECT_TRUE(answer<Denied>(late));
  EXPECT_EQ(phase(), Phase::kVacant);
}

TEST_F(GroupTest, RefusedOffersBackOff) {
  present(1);
  Duration before;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(phase(), Phase::kOffered);
    step(group::OfferDeclined{fullOf(1), machine_->record().offer_nonce, Denied{0, "busy", 0}});
    ASSERT_EQ(phase(), Phase::kVacant);
    EXPECT_NE(machine_->view(now_).note.find("declined: busy"), std::string::npos);
    const Duration pause = *machine_->nextWake() - now_;
    EXPECT_GE(pause, before);
    EXPECT_LE(pause, config_.backoff_last);
    before = pause;
    EXPECT_FALSE(find<group::SendOffer>(advance(pause - Duration{1})));
    EXPECT_TRUE(find<group::SendOffer>(advance(Duration{1})));
  }
}

TEST_F(GroupTest, NobodyGetsTheRoleBeforeTheSilentHoldersWaitIsOver) {
  activate();
  now_ = now_ + ms(700);
  renew(1, 1);
  step(group::MemberGone{fullOf(1)});
  EXPECT_EQ(phase(), Phase::kActive) << "presence ends no wait";
  EXPECT_FALSE(find<group::SendOffer>(advance(wait() - Duration{1})));
  const group::Effects effects = advance(Duration{1});
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(2));
  EXPECT_EQ(find<group::SendOffer>(effects)->message.epoch, 2u);
}

TEST_F(GroupTest, ANewInstanceOfTheHolderWaitsLikeEverybody) {
  activate();
  step(group::MemberGone{fullOf(1)});
  EXPECT_FALSE(find<group::SendOffer>(present(11)));
  EXPECT_FALSE(find<group::SendOffer>(advance(wait() - Duration{1})));
  EXPECT_TRUE(find<group::SendOffer>(advance(Duration{1})));
}

TEST_F(GroupTest, AReleaseVacatesAtOnce) {
  activate();
  step(group::ReleaseReceived{fullOf(2), 1, Release{"storage", 1, instanceOf(2)}});
  EXPECT_EQ(phase(), Phase::kActive) << "somebody else's";
  const auto effects =
      step(group::ReleaseReceived{fullOf(1), 1, Release{"storage", 1, instanceOf(1)}});
  EXPECT_TRUE(answer<Accepted>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(2)) << "not to whoever just gave it back";
}

TEST_F(GroupTest, ADrainingHolderRenewsUntilItsDeadlineOnly) {
  activate();
  const auto effects = move("k", 2);
  ASSERT_TRUE(find<group::SendDrain>(effects));
  EXPECT_EQ(std::get<group::Persist>(effects.front()).record.phase, Phase::kDraining);
  const ElapsedTime deadline = now_ + config_.drain_deadline;
  while (now_ + Duration::seconds(1) < deadline) {
    now_ = now_ + Duration::seconds(1);
    ASSERT_TRUE(answer<Granted>(renew(1, 1)));
  }
  now_ = deadline - ms(1);
  const auto last = renew(1, 1);
  ASSERT_TRUE(answer<Granted>(last));
  EXPECT_TRUE(answer<Granted>(last)->draining);
  now_ = now_ + ms(1);
  EXPECT_TRUE(answer<Denied>(renew(1, 1)));
  EXPECT_FALSE(find<group::SendOffer>(advance(wait() - ms(1) - Duration{1})));
  EXPECT_TRUE(find<group::SendOffer>(advance(Duration{1}))) << "W after the last grant";
}

TEST_F(GroupTest, OnlyAMatchingDrainedVacates) {
  activate();
  const auto effects = move("k", 2);
  const uint64_t nonce = find<group::SendDrain>(effects)->message.demand_nonce;
  step(group::DrainedReceived{fullOf(1), Drained{1, instanceOf(1), nonce + 1}});
  step(group::DrainedReceived{fullOf(1), Drained{1, instanceOf(11), nonce}});
  step(group::DrainedReceived{fullOf(2), Drained{1, instanceOf(1), nonce}});
  EXPECT_EQ(phase(), Phase::kDraining);
  step(group::DrainedReceived{fullOf(1), Drained{1, instanceOf(1), nonce}});
  EXPECT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

TEST_F(GroupTest, AnUnansweredDrainIsSentAgainWithItsNonce) {
  activate();
  const auto first = move("k", 2);
  const auto again = advance(config_.lease_ttl / 3);
  ASSERT_TRUE(find<group::SendDrain>(again));
  EXPECT_EQ(find<group::SendDrain>(again)->message.demand_nonce,
            find<group::SendDrain>(first)->message.demand_nonce);
}

TEST_F(GroupTest, AConfirmedFencingEndsTheWait) {
  activate();
  step(group::HolderFenced{instanceOf(2), "stonith"});
  EXPECT_EQ(phase(), Phase::kActive);
  EXPECT_TRUE(find<group::SendOffer>(step(group::HolderFenced{instanceOf(1), "stonith"})));
}

TEST_F(GroupTest, AfterARestartARecordCountsAsGrantedAtTheStart) {
  activate();
  for (Phase at : {Phase::kOffered, Phase::kActive, Phase::kDraining}) {
    GroupRecord record = machine_->record();
    ASSERT_EQ(record.jid, bareOf(1));
    record.phase = at;
    config_.lease_ttl = Duration::seconds(1);  // what is configured now is no measure
    const Duration recorded = waitOut(record.lease_ttl, 0.01, config_.wait_margin);
    restart(record);
    present(2);
    EXPECT_FALSE(find<group::SendOffer>(advance(recorded - Duration{1}))) << phaseName(at);
    EXPECT_TRUE(find<group::SendOffer>(advance(Duration{1}))) << phaseName(at);
    machine_.emplace(config_, record, random_, now_);
  }
}

TEST_F(GroupTest, AfterARestartTheSameInstanceGoesOn) {
  activate();
  restart(machine_->record());
  EXPECT_TRUE(answer<Denied>(renew(11, 1)));
  EXPECT_TRUE(answer<Granted>(renew(1, 1)));
}

TEST_F(GroupTest, AnOfferTakesAnEpochAboveAllReported) {
  present(3, 41);
  EXPECT_EQ(phase(), Phase::kVacant) << "the record is older than the truth: wait first";
  EXPECT_FALSE(find<group::SendOffer>(advance(wait() - Duration{1})));
  const auto effects = advance(Duration{1});
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->message.epoch, 42u);
}

TEST_F(GroupTest, APoisonedEpochIsRefusedAndAlarmed) {
  const auto effects = present(1, limits::kMaxEpochJump + 1);
  EXPECT_TRUE(find<group::Alarm>(effects));
  EXPECT_FALSE(find<group::SendOffer>(effects));
  EXPECT_FALSE(find<group::Alarm>(present(1, limits::kMaxEpochJump + 1))) << "once";
  EXPECT_EQ(find<group::SendOffer>(present(2))->message.epoch, 1u);
}

TEST_F(GroupTest, AMemberIsDistrustedWhileAnyOfItsProcessesReportsAnImpossibleEpoch) {
  const uint64_t impossible = limits::kMaxEpochJump + 1;
  present(1, impossible);
  silent_.insert(fullOf(1));
  EXPECT_FALSE(find<group::SendOffer>(present(11))) << "its other process reports a true one";
  EXPECT_FALSE(find<group::SendOffer>(present(11, 0)));
  EXPECT_FALSE(find<group::SendOffer>(elapse(Duration::seconds(20))));
  EXPECT_FALSE(find<group::Alarm>(present(1, impossible))) << "it was told before";
  EXPECT_TRUE(find<group::Alarm>(present(11, impossible))) << "another process, another alarm";
  present(11);
  step(group::MemberGone{fullOf(1)});
  elapse(Duration::seconds(1));
  ASSERT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().instance, instanceOf(11));
}

TEST_F(GroupTest, AnAnswerThatIsYoungerThanTCountsAgainstATwin) {
  activate();
  nobody_answers_ = true;
  // The holder misses renewals, so node 2 is asked and answers, asked again and is silent.
  elapse(ms(3400));
  step(group::QueryAnswered{fullOf(2)});
  elapse(ms(1700));
  renew(1, 1);
  elapse(ms(1500), 1);
  ASSERT_EQ(phase(), Phase::kActive);
  // Its twin answers. What node 2 left unanswered is no proof that it doesn't live.
  present(12);
  step(group::QueryAnswered{fullOf(12)});
  const auto effects = step(requestFor("k", 2));
  ASSERT_TRUE(find<group::MoveFinished>(effects));
  EXPECT_EQ(find<group::MoveFinished>(effects)->status.code(), Code::kRefusedUnsafe);
  EXPECT_EQ(machine_->candidates(now_).find(bareOf(2))->obstacle, Obstacle::kTwins);
}

TEST_F(GroupTest, WhoeverWasSilentIsAskedAnewBeforeAMoveToIt) {
  activate();
  nobody_answers_ = true;
  elapse(ms(3400));
  step(group::QueryAnswered{fullOf(2)});
  elapse(ms(1700));
  renew(1, 1);
  elapse(ms(1500), 1);
  const auto effects = step(requestFor("k", 2));
  EXPECT_FALSE(find<group::MoveStarted>(effects)) << "it answered within T, but not the last query";
  EXPECT_TRUE(find<group::SendQuery>(effects));
  EXPECT_TRUE(find<group::MoveStarted>(step(group::QueryAnswered{fullOf(2)})));
}

TEST_F(GroupTest, TwinsAreAlarmedAndOfferedNothing) {
  config_.choose.level_floor = 0;
  present(2);
  step(group::OfferDeclined{fullOf(2), machine_->record().offer_nonce, Denied{0, "busy", 0}});
  nobody_answers_ = true;
  const auto effects = present(12);
  EXPECT_TRUE(find<group::SendQuery>(effects));
  step(group::QueryAnswered{fullOf(2)});
  EXPECT_TRUE(find<group::Alarm>(step(group::QueryAnswered{fullOf(12)})));
  EXPECT_FALSE(find<group::SendOffer>(advance(Duration::seconds(4))));
  EXPECT_EQ(phase(), Phase::kVacant);
}

TEST_F(GroupTest, TheGhostOfAKilledProcessDoesNotCount) {
  present(2);
  step(group::OfferDeclined{fullOf(2), machine_->record().offer_nonce, Denied{0, "busy", 0}});
  silent_.insert(fullOf(2));
  present(12);
  for (int i = 0; i < 6 && phase() == Phase::kVacant; ++i) {
    EXPECT_FALSE(find<group::Alarm>(step(group::QueryAnswered{fullOf(12)})));
    advance(Duration::seconds(1));
  }
  ASSERT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().instance, instanceOf(12));
}

TEST_F(GroupTest, AGhostCostsNoOfferTimeoutWhenTheHolderCrashes) {
  activate();
  elapse(Duration::seconds(20), 1);
  silent_ = {fullOf(1), fullOf(2)};
  const ElapsedTime last = machine_->lastGrant();
  const auto before = elapse(last + wait() - now_ - Duration{1});
  EXPECT_FALSE(find<group::SendOffer>(before));
  const auto effects = elapse(Duration{1});
  ASSERT_TRUE(find<group::SendOffer>(effects)) << "the answers were there when the lease was over";
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(3));
  ASSERT_TRUE(machine_->lastDecision().has_value());
  const Verdict* ghost = machine_->lastDecision()->find(bareOf(2));
  EXPECT_EQ(ghost->obstacle, Obstacle::kSilent);
}

TEST_F(GroupTest, NobodyIsOfferedTheRoleBeforeItHasAnswered) {
  nobody_answers_ = true;
  const auto effects = present(2);
  EXPECT_TRUE(find<group::SendQuery>(effects));
  EXPECT_FALSE(find<group::SendOffer>(effects));
  EXPECT_EQ(machine_->view(now_).note, "asking node2 whether it is alive");
  EXPECT_TRUE(find<group::SendOffer>(step(group::QueryAnswered{fullOf(2)})));
}

TEST_F(GroupTest, QueriesAreSentOnlyWhileADecisionIsNear) {
  activate();
  EXPECT_EQ(count<group::SendQuery>(elapse(Duration::seconds(600), 1)), 0);
  nobody_answers_ = true;
  release(1, "", true);
  ASSERT_EQ(phase(), Phase::kVacant);
  elapse(Duration::seconds(60));
  // Ghosts alone, for an hour: each is asked every 10 s at the most.
  const int queries = count<group::SendQuery>(elapse(Duration::seconds(3600)));
  EXPECT_GT(queries, 0);
  EXPECT_LE(queries, 3 * 3600 / 10 + 3);
}

TEST_F(GroupTest, AReleaseSaysWhyAndTheChangeTellsIt) {
  activate();
  const auto effects =
      release(1, "its supervisor says that the application is gone: ended by signal 9");
  const auto* change = find<group::PhaseChanged>(effects);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->cause,
            "node1 gave the lease back: its supervisor says that the application is gone: ended by "
            "signal 9");
  EXPECT_TRUE(find<group::SendOffer>(effects)) << "no wait";
}

TEST_F(GroupTest, AFencedTargetOfAnOfferIsPassedOver) {
  present(1);
  present(2);
  step(group::HolderFenced{InstanceId(), "stonith"});
  EXPECT_EQ(machine_->record().jid, bareOf(1)) << "no process at all";
  const auto effects = step(group::HolderFenced{instanceOf(1), "stonith"});
  EXPECT_EQ(find<group::SendOffer>(effects)->to, fullOf(2));
  // After a restart whatever it was granted can't be used by a process that is gone.
  GroupRecord record = machine_->record();
  restart(record);
  present(1);
  step(group::HolderFenced{instanceOf(2), "stonith"});
  EXPECT_EQ(phase(), Phase::kVacant);
  elapse(wait());
  EXPECT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().jid, bareOf(1));
}

TEST_F(GroupTest, ATakeoverAfterACrashSaysWhatItTook) {
  activate();
  elapse(Duration::seconds(10), 1);
  silent_.insert(fullOf(1));
  const Duration since = machine_->lastGrant() + wait() - now_;
  elapse(since);
  ASSERT_EQ(phase(), Phase::kOffered);
  now_ = now_ + ms(20);
  acquire(2);
  now_ = now_ + ms(300);
  const auto effects = present(2, 2, 2);
  const auto* took = find<group::TookOver>(effects);
  ASSERT_TRUE(took);
  EXPECT_EQ(took->from, bareOf(1));
  EXPECT_EQ(took->to, bareOf(2));
  EXPECT_EQ(took->epoch, 2u);
  EXPECT_EQ(took->cause, "the lease of node1 ran out");
  EXPECT_EQ(took->asked_by, "");
  EXPECT_EQ(took->steps.wait, wait());
  EXPECT_EQ(took->steps.offer, ms(20));
  EXPECT_EQ(took->steps.promote, ms(300));
  EXPECT_FALSE(find<group::TookOver>(present(2, 2, 2))) << "once";
}

TEST_F(GroupTest, ANodeThatIsDrainedByItsOwnWordIsNotChosen) {
  group::MemberPresent event;
  event.jid = fullOf(1);
  event.instance = instanceOf(1);
  event.drained = true;
  event.drain_note = "by bob since noon";
  EXPECT_FALSE(find<group::SendOffer>(step(event)));
  EXPECT_THAT(machine_->view(now_).note, HasSubstr("node1: drained by bob since noon"));
  EXPECT_EQ(find<group::SendOffer>(present(2))->to, fullOf(2));
}

TEST_F(GroupTest, AnOfferToSomebodyWhoIsNoLongerAMemberIsWithdrawn) {
  present(1);
  present(2);
  EXPECT_EQ(find<group::SendOffer>(step(group::MemberRemoved{bareOf(1)}))->to, fullOf(2));
}

TEST_F(GroupTest, AlarmsSayWhatKindTheyAre) {
  EXPECT_EQ(find<group::Alarm>(present(1, limits::kMaxEpochJump + 1))->kind,
            group::AlarmKind::kPoisonedEpoch);
  present(2);
  const auto twins = present(12);
  ASSERT_TRUE(find<group::Alarm>(twins));
  EXPECT_EQ(find<group::Alarm>(twins)->kind, group::AlarmKind::kTwins);
  EXPECT_STREQ(group::alarmKindName(group::AlarmKind::kTwins), "twins");
}

TEST_F(GroupTest, ADroppedCopyChangesNothing) {
  present(1);
  GroupMachine copy = *machine_;
  const GroupRecord r = machine_->record();
  copy.step(group::AcquireReceived{fullOf(1), 7,
                                   Acquire{"storage", r.epoch, r.offer_nonce, instanceOf(1), 42}},
            now_);
  EXPECT_EQ(copy.record().phase, Phase::kActive);
  EXPECT_EQ(machine_->record(), r);
  EXPECT_TRUE(answer<Granted>(acquire(1))) << "the request can be made again";
}

TEST_F(GroupTest, AFreshStartWaitsForTheOthersToSettle) {
  config_.settle = Duration::seconds(1);
  at_the_start_ = true;
  machine_.reset();
  restart({});
  EXPECT_FALSE(find<group::SendOffer>(present(3)));
  EXPECT_FALSE(find<group::SendOffer>(present(2)));
  EXPECT_EQ(find<group::SendOffer>(present(1))->to, fullOf(1)) << "all are there";
}

TEST_F(GroupTest, AnOfferFromBeforeARestartIsNotTakenUpByWhoeverWasRemovedSince) {
  present(1);
  ASSERT_EQ(phase(), Phase::kOffered);
  restart(machine_->record());
  step(group::MemberRemoved{bareOf(1)});
  ASSERT_EQ(phase(), Phase::kOffered) << "it may have been granted before the restart";
  EXPECT_TRUE(answer<Denied>(acquire(1)));
  EXPECT_EQ(phase(), Phase::kOffered);
  enrollAs(1, false);
  EXPECT_TRUE(answer<Granted>(acquire(1))) << "the same, but for its membership";
}

TEST_F(GroupTest, AnInheritedHolderThatIsNoMemberIsDrained) {
  activate();
  const GroupRecord record = machine_->record();
  machine_.emplace(config_, record, random_, now_);
  // The members are told one by one: only then is it known who is missing.
  step(group::MemberEnrolled{bareOf(2), "node2", 8});
  elapse(Duration::seconds(2), 1);
  EXPECT_EQ(phase(), Phase::kActive) << "however long that takes";
  const auto effects = step(group::MembersListed{});
  ASSERT_EQ(phase(), Phase::kDraining);
  EXPECT_THAT(find<group::PhaseChanged>(effects)->cause, HasSubstr("is no longer a member"));
  ASSERT_TRUE(answer<Granted>(renew(1, 1)));
  EXPECT_TRUE(answer<Granted>(renew(1, 1))->draining);
  // Whoever still is one goes on.
  restart(record);
  elapse(Duration::seconds(2), 1);
  EXPECT_EQ(phase(), Phase::kActive);
}

TEST_F(GroupTest, ARemovedHolderIsDrained) {
  activate();
  EXPECT_TRUE(find<group::SendDrain>(step(group::MemberRemoved{bareOf(1)})));
}

TEST(GroupConfigCheck, NamesWhatIsWrong) {
  GroupConfig config;
  config.name = "storage";
  EXPECT_TRUE(check(config).isOk());
  config.lease_ttl = ms(10);
  EXPECT_EQ(check(config).field(), "lease_ttl");
  config.lease_ttl = Duration::seconds(5);
  config.clock_rate_bound = 0.5;
  EXPECT_EQ(check(config).field(), "clock_rate_bound");
  config.clock_rate_bound = 0.01;
  config.max_moves_per_hour = limits::kMaxMovesPerHour + 1;
  EXPECT_EQ(check(config).field(), "max_moves_per_hour");
  config.max_moves_per_hour = 4;
  config.crash_loop_count = 1;
  EXPECT_EQ(check(config).field(), "crash_loop_count");
  config.crash_loop_count = 5;
  config.query_timeout = Duration();
  EXPECT_EQ(check(config).field(), "query_timeout");
}

}  // namespace
}  // namespace muster::election
