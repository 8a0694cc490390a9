#include "libcontrol/election/group.h"

#include <gtest/gtest.h>

namespace muster::election {
namespace {

Duration ms(int64_t value) {
  return Duration::millis(value);
}

InstanceId instanceOf(int n) {
  InstanceId id;
  id.bytes.fill(static_cast<uint8_t>(n));
  return id;
}

Jid bareOf(int node) {
  return Jid::parse("n" + std::to_string(node % 10) + "@example.org").value();
}

// Nodes 1 to 3; node 11 is another instance of node 1, and so on.
Jid fullOf(int node) {
  return bareOf(node).withResource(nodeResource(instanceOf(node)));
}

template <typename T>
const T* find(const group::Effects& effects) {
  for (const group::Effect& effect : effects) {
    if (const T* wanted = std::get_if<T>(&effect)) return wanted;
  }
  return nullptr;
}

template <typename T>
const T* answer(const group::Effects& effects) {
  const auto* reply = find<group::Reply>(effects);
  return reply ? std::get_if<T>(&reply->message) : nullptr;
}

class GroupTest : public ::testing::Test {
 protected:
  GroupTest() {
    config_.name = "storage";
    config_.lease_ttl = Duration::seconds(5);
    config_.settle = Duration();
    restart({});
  }

  void restart(GroupRecord record) {
    machine_.emplace(config_, std::move(record), random_, now_);
    for (int node : {1, 2, 3}) {
      group::MemberEnrolled member;
      member.jid = bareOf(node);
      member.name = "node" + std::to_string(node);
      member.priority = 10 - node;
      step(member);
    }
  }
  group::Effects step(const group::Event& event) { return machine_->step(event, now_); }
  group::Effects present(int node, uint64_t highest = 0, uint64_t active = 0) {
    group::MemberPresent event;
    event.jid = fullOf(node);
    event.instance = instanceOf(node);
    event.highest_epoch = highest;
    event.active_epoch = active;
    return step(event);
  }
  group::Effects acquire(int node) {
    const GroupRecord& r = machine_->record();
    return step(group::AcquireReceived{
        fullOf(node), 7, Acquire{"storage", r.epoch, r.offer_nonce, instanceOf(node), 42}});
  }
  group::Effects renew(int node, uint64_t epoch) {
    return step(
        group::RenewReceived{fullOf(node), 7, Renew{"storage", epoch, instanceOf(node), 43}});
  }
  group::Effects advance(Duration by) {
    now_ = now_ + by;
    return step(group::Tick{});
  }
  group::Effects move(std::string key, std::optional<int> to = {},
                      std::optional<uint64_t> expect = {}) {
    group::MoveRequested request;
    request.key = std::move(key);
    request.caller = "ann";
    if (to) request.target = bareOf(*to);
    request.expect_epoch = expect;
    return step(request);
  }
  // Node 1 active under epoch 1, the others present.
  void activate() {
    present(1);
    present(2);
    present(3);
    acquire(1);
    present(1, 1, 1);
    ASSERT_EQ(machine_->record().phase, Phase::kActive);
    ASSERT_EQ(machine_->record().jid, bareOf(1));
  }
  Phase phase() const { return machine_->record().phase; }
  Duration wait() const {
    return waitOut(config_.lease_ttl, config_.clock_rate_bound, config_.wait_margin);
  }

  SeededRandom random_{1};
  ElapsedTime now_{Duration::seconds(1000).ns};
  GroupConfig config_;
  std::optional<GroupMachine> machine_;
};

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
  now_ = now_ + config_.drain_deadline - ms(1);
  for (ElapsedTime t = now_ - config_.drain_deadline; t < now_; t = t + Duration::seconds(1)) {
    ASSERT_TRUE(answer<Granted>(machine_->step(
        group::RenewReceived{fullOf(1), 7, Renew{"storage", 1, instanceOf(1), 43}}, t)));
  }
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

TEST_F(GroupTest, TwinsAreAlarmedAndOfferedNothing) {
  config_.choose.level_floor = 0;
  present(2);
  step(group::OfferDeclined{fullOf(2), machine_->record().offer_nonce, Denied{0, "busy", 0}});
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
  present(12);
  for (int i = 0; i < 6 && phase() == Phase::kVacant; ++i) {
    EXPECT_FALSE(find<group::Alarm>(step(group::QueryAnswered{fullOf(12)})));
    advance(Duration::seconds(1));
  }
  ASSERT_EQ(phase(), Phase::kOffered);
  EXPECT_EQ(machine_->record().instance, instanceOf(12));
}

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
  EXPECT_EQ(phase(), Phase::kActive) << "it holds the lease all the same";
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
  machine_.reset();
  restart({});
  EXPECT_FALSE(find<group::SendOffer>(present(3)));
  EXPECT_FALSE(find<group::SendOffer>(present(2)));
  EXPECT_EQ(find<group::SendOffer>(present(1))->to, fullOf(1)) << "all are there";
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
}

}  // namespace
}  // namespace muster::election
