#include "tests/libcontrol/election/node_fixture.h"

namespace muster::election {
namespace {

TEST_F(NodeTest, AnOffersEpochIsDurableBeforeAnythingIsSaid) {
  const auto effects = offer(5);
  ASSERT_TRUE(std::holds_alternative<node::Persist>(effects.front()));
  EXPECT_EQ(std::get<node::Persist>(effects.front()).highest_epoch, 5u);
  EXPECT_TRUE(answer<Accepted>(effects));
  EXPECT_TRUE(find<node::SendAcquire>(effects));
}

TEST_F(NodeTest, EpochsNotAboveTheHighestSeenAreDeclined) {
  const auto effects = offer(4);
  ASSERT_TRUE(answer<Denied>(effects));
  EXPECT_EQ(answer<Denied>(effects)->highest_epoch, 4u);
  EXPECT_FALSE(find<node::SendAcquire>(effects));
}

TEST_F(NodeTest, TheLeaseRunsFromTheSendingOfTheRequest) {
  const uint64_t nonce = find<node::SendAcquire>(offer(5))->message.request_nonce;
  const ElapsedTime sent = now_;
  now_ = now_ + ms(900);
  const auto effects = grant(nonce);
  ASSERT_TRUE(find<node::LeaseExtended>(effects));
  EXPECT_EQ(find<node::LeaseExtended>(effects)->end, sent + kTtl);
  EXPECT_EQ(find<node::LeaseExtended>(effects)->deadline, sent + kTtl - kGuard);
  EXPECT_TRUE(find<node::Promote>(effects));
}

TEST_F(NodeTest, OfSeveralRequestsEachCountsFromItsOwnSending) {
  const uint64_t first = find<node::SendAcquire>(offer(5))->message.request_nonce;
  const ElapsedTime sent = now_;
  const auto retry = advance(kTtl / 6);
  ASSERT_TRUE(find<node::SendAcquire>(retry));
  EXPECT_NE(find<node::SendAcquire>(retry)->message.request_nonce, first);
  EXPECT_EQ(find<node::LeaseExtended>(grant(first))->end, sent + kTtl);
  const auto later = grant(find<node::SendAcquire>(retry)->message.request_nonce);
  EXPECT_EQ(find<node::LeaseExtended>(later)->end, sent + kTtl / 6 + kTtl);
}

TEST_F(NodeTest, RepliesThatMatchNoRequestAreDropped) {
  const uint64_t nonce = find<node::SendAcquire>(offer(5))->message.request_nonce;
  EXPECT_TRUE(grant(nonce + 1).empty());
  EXPECT_TRUE(grant(nonce, 6).empty()) << "another epoch";
  step(node::DeniedReceived{Denied{nonce, "no", 5}});
  EXPECT_TRUE(grant(nonce).empty()) << "voided";
}

TEST_F(NodeTest, AGrantThatComesTooLateIsGivenBack) {
  const uint64_t nonce = find<node::SendAcquire>(offer(5))->message.request_nonce;
  now_ = now_ + kTtl - kGuard;
  const auto effects = grant(nonce);
  EXPECT_FALSE(find<node::Promote>(effects));
  EXPECT_TRUE(find<node::SendRelease>(effects));
}

TEST_F(NodeTest, RenewsEveryThirdAndRetriesLostRenewals) {
  activate();
  const uint64_t lost = renewal();
  const auto again = advance(kTtl / 6);
  ASSERT_TRUE(find<node::SendRenew>(again));
  EXPECT_NE(find<node::SendRenew>(again)->message.request_nonce, lost);
  grant(find<node::SendRenew>(again)->message.request_nonce);
  EXPECT_EQ(*machine_->nextWake(), now_ + kTtl / 3);
}

TEST_F(NodeTest, UseEndsAGuardBeforeTheLeaseAndTheApplicationIsKilledAtItsEnd) {
  activate();
  const ElapsedTime end = machine_->leaseEnd();
  now_ = end - kGuard - Duration{1};
  EXPECT_FALSE(find<node::LeaseOver>(step(node::Tick{})));
  const auto over = advance(Duration{1});
  EXPECT_TRUE(find<node::LeaseOver>(over));
  ASSERT_TRUE(find<node::Demote>(over));
  EXPECT_EQ(find<node::Demote>(over)->cause, node::DemoteCause::kLeaseOver);
  EXPECT_EQ(*machine_->nextWake(), end);
  EXPECT_FALSE(find<node::SendRenew>(advance(kGuard - Duration{1})))
      << "nothing is renewed any more";
  EXPECT_TRUE(find<node::Kill>(advance(Duration{1})));
  EXPECT_TRUE(machine_->isKilled());
}

TEST_F(NodeTest, AReplyAfterTheStepDownRevivesNothing) {
  activate();
  const uint64_t nonce = renewal();
  now_ = machine_->leaseEnd() - kGuard;
  step(node::Tick{});
  EXPECT_TRUE(grant(nonce).empty());
  EXPECT_EQ(machine_->heldEpoch(), 0u);
}

TEST_F(NodeTest, AProcessThatWakesAfterItsLeaseIsKilledAtOnce) {
  activate();
  const uint64_t nonce = renewal();
  now_ = machine_->leaseEnd() + Duration::seconds(60);
  const auto effects = grant(nonce);
  EXPECT_TRUE(find<node::LeaseOver>(effects));
  EXPECT_TRUE(find<node::Kill>(effects));
}

TEST_F(NodeTest, TheReleaseIsSentOnlyAfterOnDemoteHasReturned) {
  activate();
  const auto asked = step(node::ShutdownRequested{});
  EXPECT_TRUE(find<node::Demote>(asked));
  EXPECT_FALSE(find<node::SendRelease>(asked));
  EXPECT_FALSE(machine_->isStopped());
  const auto done = step(node::DemoteFinished{5});
  EXPECT_TRUE(find<node::LeaseOver>(done));
  EXPECT_TRUE(find<node::SendRelease>(done));
  EXPECT_TRUE(machine_->isStopped());
  EXPECT_TRUE(answer<Denied>(offer(6))) << "it is shutting down";
}

TEST_F(NodeTest, ADrainIsAnsweredWhenTheApplicationHasStoppedAndRenewsMeanwhile) {
  activate();
  const auto asked = drain();
  ASSERT_TRUE(find<node::Demote>(asked));
  EXPECT_EQ(find<node::Demote>(asked)->cause, node::DemoteCause::kDrain);
  EXPECT_FALSE(find<node::Reply>(asked));
  EXPECT_TRUE(find<node::SendRenew>(advance(kTtl / 3)));
  const auto done = step(node::DemoteFinished{5});
  ASSERT_TRUE(answer<Drained>(done));
  EXPECT_EQ(answer<Drained>(done)->demand_nonce, 77u);
  EXPECT_TRUE(answer<Drained>(drain())) << "repeated, since the answer may have been lost";
}

TEST_F(NodeTest, AGrantThatSaysDrainingStartsTheStopToo) {
  activate();
  EXPECT_TRUE(find<node::Demote>(grant(renewal(), 5, true)));
  EXPECT_TRUE(find<node::SendRelease>(step(node::DemoteFinished{5})));
}

TEST_F(NodeTest, AnotherInstancesDrainIsRefused) {
  activate();
  const auto effects = step(node::DrainReceived{8, Drain{"storage", 5, instanceOf(2), 77}});
  EXPECT_TRUE(answer<Denied>(effects));
  EXPECT_EQ(machine_->role(), node::Role::kActive);
}

TEST_F(NodeTest, ADrainWhileTheGrantIsOnItsWayVoidsIt) {
  const uint64_t nonce = find<node::SendAcquire>(offer(5))->message.request_nonce;
  EXPECT_TRUE(answer<Drained>(drain()));
  EXPECT_TRUE(grant(nonce).empty());
}

TEST_F(NodeTest, AFailedPromotionGivesTheLeaseBack) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  const auto effects = step(node::PromoteFinished{5, {Code::kInternal, "no disk"}});
  EXPECT_TRUE(find<node::LeaseOver>(effects));
  EXPECT_TRUE(find<node::SendRelease>(effects));
  EXPECT_FALSE(find<node::Demote>(effects));
}

TEST_F(NodeTest, ADrainDuringPromotionIsCarriedOutAfterIt) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  EXPECT_FALSE(find<node::Demote>(drain())) << "callbacks run one at a time";
  EXPECT_TRUE(find<node::Demote>(step(node::PromoteFinished{5, Status::ok()})));
  EXPECT_TRUE(answer<Drained>(step(node::DemoteFinished{5})));
}

TEST_F(NodeTest, APromotionThatFailsAfterADrainAnswersIt) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  drain();
  EXPECT_TRUE(answer<Drained>(step(node::PromoteFinished{5, {Code::kInternal, "no"}})));
}

TEST_F(NodeTest, APromotionThatOutlastsTheLeaseIsKilled) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  step(node::LinkDown{});
  EXPECT_TRUE(find<node::LeaseOver>(advance(kTtl - kGuard)));
  EXPECT_TRUE(find<node::Kill>(advance(kGuard)));
}

TEST_F(NodeTest, ADeniedRenewalEndsTheUseAtOnce) {
  activate();
  const auto effects = step(node::DeniedReceived{Denied{renewal(), "not you", 9}});
  EXPECT_TRUE(find<node::LeaseOver>(effects));
  EXPECT_EQ(find<node::Demote>(effects)->cause, node::DemoteCause::kLeaseOver);
}

TEST_F(NodeTest, ADenialDuringADrainLeavesWhatIsLeftOfTheLease) {
  activate();
  drain();
  const auto effects = step(node::DeniedReceived{Denied{renewal(), "time is over", 5}});
  EXPECT_FALSE(find<node::LeaseOver>(effects));
  EXPECT_EQ(machine_->heldEpoch(), 5u);
  EXPECT_FALSE(find<node::SendRenew>(advance(kTtl / 3)));
}

TEST_F(NodeTest, AnOrderlyStopThatTakesTooLongIsNoLongerRenewed) {
  config_.demote_timeout = ms(3000);
  machine_.emplace(config_, node::Persist{4}, random_);
  step(node::LinkUp{});
  activate();
  drain();
  EXPECT_TRUE(find<node::SendRenew>(advance(kTtl / 3)));
  EXPECT_FALSE(find<node::SendRenew>(advance(ms(1000))));
  EXPECT_FALSE(find<node::SendRenew>(advance(ms(1000))));
  now_ = machine_->leaseEnd();
  EXPECT_TRUE(find<node::Kill>(step(node::Tick{})));
}

TEST_F(NodeTest, AGapInTheLoopDropsTheLinkAndVoidsWhatIsOutstanding) {
  activate();
  const uint64_t nonce = renewal();
  EXPECT_TRUE(find<node::DropLink>(step(node::LoopGap{Duration::seconds(6)})));
  EXPECT_TRUE(grant(nonce).empty());
  EXPECT_FALSE(find<node::SendRenew>(advance(ms(1))));
  EXPECT_TRUE(find<node::SendRenew>(step(node::LinkUp{})));
}

TEST_F(NodeTest, WithoutALinkNothingIsSentAndWithOneItRenewsAtOnce) {
  activate();
  step(node::LinkDown{});
  EXPECT_FALSE(find<node::SendRenew>(advance(kTtl / 2)));
  EXPECT_TRUE(find<node::SendRenew>(step(node::LinkUp{})));
}

TEST_F(NodeTest, ASecondOfferWhileHoldingIsDeclined) {
  activate();
  EXPECT_TRUE(answer<Denied>(offer(6)));
  EXPECT_EQ(machine_->heldEpoch(), 5u);
}

TEST_F(NodeTest, TheSameOfferAgainIsOnlyAnswered) {
  offer(5);
  const auto again = offer(5);
  EXPECT_TRUE(answer<Accepted>(again));
  EXPECT_FALSE(find<node::Persist>(again));
  EXPECT_FALSE(find<node::SendAcquire>(again));
}

// --- the supervisor's word, and giving up of one's own accord -----------------------------------

TEST_F(NodeTest, AnApplicationThatIsGoneGivesTheLeaseBackAtOnce) {
  activate();
  const auto effects = step(node::ApplicationGone{"ended by signal 9"});
  EXPECT_TRUE(find<node::LeaseOver>(effects));
  EXPECT_FALSE(find<node::Demote>(effects)) << "there is nobody to be told";
  ASSERT_TRUE(find<node::SendRelease>(effects));
  EXPECT_EQ(find<node::SendRelease>(effects)->message.epoch, 5u);
  EXPECT_EQ(find<node::SendRelease>(effects)->message.reason,
            "its supervisor says that the application is gone: ended by signal 9");
  EXPECT_FALSE(find<node::SendRelease>(effects)->message.orderly);
  EXPECT_EQ(machine_->role(), node::Role::kStandby);
  EXPECT_TRUE(answer<Accepted>(offer(6))) << "it may be started again";
}

TEST_F(NodeTest, AnApplicationMayBeGoneWhileItStartsOrStops) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  EXPECT_TRUE(find<node::SendRelease>(step(node::ApplicationGone{"exited with 1"})));
  EXPECT_TRUE(step(node::PromoteFinished{5, Status::ok()}).empty()) << "an echo of the dead";
  grant(find<node::SendAcquire>(offer(6))->message.request_nonce, 6);
  step(node::PromoteFinished{6, Status::ok()});
  drain(6);
  const auto effects = step(node::ApplicationGone{"exited with 1"});
  EXPECT_TRUE(answer<Drained>(effects));
  EXPECT_TRUE(find<node::SendRelease>(effects)) << "so that it is told why";
  EXPECT_TRUE(step(node::DemoteFinished{6}).empty());
}

TEST_F(NodeTest, AnApplicationThatIsGoneNeedsNoKilling) {
  activate();
  now_ = machine_->leaseEnd() + Duration::seconds(1);
  const auto effects = step(node::ApplicationGone{"ended by signal 9"});
  EXPECT_FALSE(find<node::Kill>(effects));
  EXPECT_TRUE(find<node::LeaseOver>(effects));
}

TEST_F(NodeTest, WithoutALeaseItChangesNothing) {
  EXPECT_TRUE(step(node::ApplicationGone{"ended by signal 9"}).empty());
  EXPECT_TRUE(step(node::ResignRequested{"drained"}).empty());
}

TEST_F(NodeTest, AReleaseIsSaidAgainWithANewConnectionWhileItIsOfUse) {
  activate();
  step(node::LinkDown{});
  step(node::ApplicationGone{"ended by signal 9"});
  now_ = now_ + kTtl;
  const auto again = step(node::LinkUp{});
  ASSERT_TRUE(find<node::SendRelease>(again));
  EXPECT_EQ(find<node::SendRelease>(again)->message.epoch, 5u);
  step(node::LinkDown{});
  now_ = now_ + kTtl;
  EXPECT_FALSE(find<node::SendRelease>(step(node::LinkUp{}))) << "nobody waits for it any more";
}

TEST_F(NodeTest, AReleaseIsNotSaidAgainUnderANewOffer) {
  activate();
  step(node::ApplicationGone{"ended by signal 9"});
  offer(6);
  step(node::LinkDown{});
  EXPECT_FALSE(find<node::SendRelease>(step(node::LinkUp{})));
}

TEST_F(NodeTest, ResigningStopsInOrderAndStaysAStandby) {
  activate();
  const auto asked = step(node::ResignRequested{"drained by bob: new disk"});
  EXPECT_TRUE(find<node::Demote>(asked));
  EXPECT_FALSE(find<node::SendRelease>(asked));
  const auto done = step(node::DemoteFinished{5});
  ASSERT_TRUE(find<node::SendRelease>(done));
  EXPECT_EQ(find<node::SendRelease>(done)->message.reason, "drained by bob: new disk");
  EXPECT_TRUE(find<node::SendRelease>(done)->message.orderly);
  EXPECT_FALSE(machine_->isStopped());
  EXPECT_TRUE(answer<Accepted>(offer(6)));
}

TEST_F(NodeTest, OffersAreDeclinedForAsLongAsItIsSaid) {
  step(node::OffersDeclined{"drained by bob"});
  ASSERT_TRUE(answer<Denied>(offer(5)));
  EXPECT_EQ(answer<Denied>(offer(5))->reason, "drained by bob");
  step(node::OffersDeclined{""});
  EXPECT_TRUE(answer<Accepted>(offer(5)));
}

TEST_F(NodeTest, AReleaseSaysWhatFailed) {
  grant(find<node::SendAcquire>(offer(5))->message.request_nonce);
  const auto effects = step(node::PromoteFinished{5, {Code::kInternal, "no disk"}});
  EXPECT_EQ(find<node::SendRelease>(effects)->message.reason, "its promotion failed: no disk");
  EXPECT_FALSE(find<node::SendRelease>(effects)->message.orderly);
}

TEST_F(NodeTest, KnowsTheLengthOfTheLastLease) {
  EXPECT_FALSE(machine_->lastLeaseTtl().has_value());
  activate();
  step(node::ApplicationGone{"ended by signal 9"});
  EXPECT_EQ(machine_->lastLeaseTtl(), kTtl);
}

}  // namespace
}  // namespace muster::election
