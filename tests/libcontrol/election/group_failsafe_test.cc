// Groups whose holder may go on without a coordinator: whom it is told of, and who is offered the
// role while it may.
#include "tests/libcontrol/election/group_fixture.h"

namespace muster::election {
namespace {

class GroupFailsafeTest : public GroupTest {
 protected:
  GroupFailsafeTest() {
    config_.failsafe_limit = Duration::seconds(600);
    restart({});
  }
  group::Effects renewWith(int node, uint64_t members_version) {
    return step(group::RenewReceived{
        fullOf(node), 7,
        Renew{"storage", machine_->record().epoch, instanceOf(node), 43, members_version}});
  }
  group::Effects declineFor(int node, Duration retry_after) {
    return step(group::OfferDeclined{fullOf(node), machine_->record().offer_nonce,
                                     Denied{0, "it has promised", 0, retry_after}});
  }
  void enroll(int node) {
    group::MemberEnrolled member;
    member.jid = bareOf(node);
    member.name = "node" + std::to_string(node);
    step(member);
  }
  const Failsafe& granted(const group::Effects& effects) {
    return *answer<Granted>(effects)->failsafe;
  }
  uint64_t version() const { return machine_->record().members_version; }
};

TEST_F(GroupFailsafeTest, AHolderIsToldHowLongAndByWhosePromises) {
  present(1);
  present(2);
  const Failsafe failsafe = granted(acquire(1));
  EXPECT_EQ(failsafe.wait, wait());
  EXPECT_EQ(failsafe.limit, config_.failsafe_limit);
  EXPECT_EQ(failsafe.members_version, version());
  EXPECT_EQ(failsafe.others, (std::vector<Jid>{fullOf(2), bareOf(3)}))
      << "of the one that is not there no process is known";
}

TEST_F(GroupFailsafeTest, WithoutItNothingIsTold) {
  config_.failsafe_limit = {};
  restart({});
  present(1);
  const auto effects = acquire(1);
  EXPECT_FALSE(answer<Granted>(effects)->failsafe);
  EXPECT_TRUE(machine_->record().listed.empty());
}

TEST_F(GroupFailsafeTest, ANewMemberIsOfferedNothingBeforeTheHolderKnowsOfIt) {
  activate();
  const uint64_t before = version();
  enroll(4);
  present(4);
  EXPECT_GT(version(), before);
  EXPECT_FALSE(machine_->candidates(now_).find(bareOf(4))->eligible);
  renewWith(1, before);
  EXPECT_FALSE(machine_->candidates(now_).find(bareOf(4))->eligible) << "it has the old list";
  const auto effects = renewWith(1, version());
  EXPECT_TRUE(find<group::Persist>(effects));
  EXPECT_TRUE(machine_->candidates(now_).find(bareOf(4))->eligible);
}

TEST_F(GroupFailsafeTest, WhoeverLeavesAndComesBackIsNew) {
  activate();
  const uint64_t told = version();
  step(group::MemberRemoved{bareOf(3)});
  enroll(3);
  present(3);
  renewWith(1, told);
  EXPECT_FALSE(machine_->candidates(now_).find(bareOf(3))->eligible)
      << "a list between the two may be on its way, without it";
}

TEST_F(GroupFailsafeTest, AfterTheWaitANewMemberIsPassedOverUntilTheHolderCanNotGoOn) {
  activate();
  enroll(4);
  present(4);
  for (int node : {2, 3}) step(group::MemberGone{fullOf(node)});
  elapse(wait());
  ASSERT_EQ(phase(), Phase::kVacant);
  step(group::MemberGone{fullOf(1)});
  elapse(config_.failsafe_limit);
  EXPECT_EQ(machine_->record().epoch, 1u);
  elapse(Duration::seconds(60));
  EXPECT_GT(machine_->record().epoch, 1u) << machine_->view(now_).note;
}

TEST_F(GroupFailsafeTest, AHolderThatSaysThatItHasStoppedCanNotGoOn) {
  activate();
  enroll(4);
  present(4);
  for (int node : {2, 3}) step(group::MemberGone{fullOf(node)});
  release(1, "stopped", true);
  EXPECT_EQ(machine_->record().failsafe_limit, Duration{});
  elapse(Duration::seconds(2));
  EXPECT_NE(machine_->candidates(now_).find(bareOf(4))->obstacle, Obstacle::kDistrusted);
}

TEST_F(GroupFailsafeTest, ARestartForgetsNothingOfThis) {
  activate();
  enroll(4);
  const GroupRecord record = machine_->record();
  EXPECT_EQ(record.untold, std::vector<Jid>{bareOf(4)});
  machine_.emplace(config_, record, random_, now_);
  for (int node : {1, 2, 3, 4}) enroll(node);
  step(group::MembersListed{});
  present(4);
  EXPECT_EQ(machine_->record().untold, std::vector<Jid>{bareOf(4)});
  EXPECT_FALSE(machine_->candidates(now_).find(bareOf(4))->eligible);
}

TEST_F(GroupFailsafeTest, WhoeverWasRemovedMeanwhileIsOffTheListUnderAnotherVersion) {
  activate();
  const GroupRecord record = machine_->record();
  machine_.emplace(config_, record, random_, now_);
  for (int node : {1, 2}) enroll(node);
  EXPECT_EQ(version(), record.members_version) << "a list that is not complete says nothing";
  step(group::MembersListed{});
  EXPECT_GT(version(), record.members_version);
  EXPECT_EQ(machine_->record().listed, (std::vector<Jid>{bareOf(1), bareOf(2)}));
}

TEST_F(GroupFailsafeTest, WhoeverHasPromisedIsAskedAgainAfterThatAndNotBlamed) {
  activate();
  elapse(wait());
  ASSERT_EQ(phase(), Phase::kOffered);
  ASSERT_EQ(machine_->record().jid, bareOf(2));
  step(group::MemberGone{fullOf(1)});
  declineFor(2, ms(3000));
  ASSERT_EQ(machine_->record().jid, bareOf(3)) << "the next one is asked at once";
  declineFor(3, ms(3000));
  ASSERT_EQ(phase(), Phase::kVacant);
  const ElapsedTime declined = now_;
  while (phase() == Phase::kVacant && now_ - declined < Duration::seconds(20)) elapse(ms(100));
  EXPECT_EQ(machine_->record().jid, bareOf(2));
  EXPECT_LE(now_ - declined, ms(3200));
}

TEST_F(GroupFailsafeTest, WhoeverHasJustStartedWaitsByTheLengthThatItMayHavePromisedFor) {
  activate();
  const GroupRecord record = machine_->record();
  EXPECT_EQ(record.failsafe_lease, config_.lease_ttl);
  const Duration longest = wait();
  config_.lease_ttl = Duration::seconds(1);
  machine_.emplace(config_, record, random_, now_);
  for (int node : {1, 2, 3}) enroll(node);
  step(group::MembersListed{});
  present(2);
  const auto effects = elapse(longest * 2);
  const auto* offer = find<group::SendOffer>(effects);
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->message.lease_ttl, config_.lease_ttl);
  EXPECT_EQ(offer->message.failsafe_wait, longest);
}

TEST_F(GroupFailsafeTest, AHolderThatIsNotOnRecordMayGoOnAndDoesNotKnowWhoComesNow) {
  present(2, /*highest=*/8);
  enroll(4);
  present(4);
  EXPECT_EQ(machine_->record().untold, std::vector<Jid>{bareOf(4)});
  EXPECT_EQ(machine_->record().failsafe_lease, config_.lease_ttl);
  EXPECT_FALSE(machine_->candidates(now_).find(bareOf(4))->eligible);
  elapse(wait());
  ASSERT_EQ(machine_->record().jid, bareOf(2));
  acquire(2);
  EXPECT_TRUE(machine_->candidates(now_).find(bareOf(4))->eligible);
}

TEST_F(GroupFailsafeTest, SwitchedOffItIsOverOnceTheHolderHasDroppedItsList) {
  activate();
  const GroupRecord record = machine_->record();
  config_.failsafe_limit = {};
  machine_.emplace(config_, record, random_, now_);
  for (int node : {1, 2, 3}) enroll(node);
  step(group::MembersListed{});
  renewWith(1, record.members_version);
  EXPECT_FALSE(machine_->record().listed.empty());
  renewWith(1, 0);
  EXPECT_TRUE(machine_->record().listed.empty());
  EXPECT_EQ(machine_->record().failsafe_limit, Duration{});
}

}  // namespace
}  // namespace muster::election
