// Records that are older than the truth, since the store was lost or an old copy was restored.
#include <gmock/gmock.h>

#include "tests/libcontrol/election/group_fixture.h"

namespace muster::election {
namespace {

using testing::HasSubstr;

TEST_F(GroupTest, ARecordWithAHolderMayBeAnOldCopyToo) {
  activate();
  restart(machine_->record());
  present(1, 1, 0);
  present(2);
  release(1, "", true);
  ASSERT_EQ(phase(), Phase::kVacant);
  elapse(wait() - ms(1));
  EXPECT_EQ(phase(), Phase::kVacant) << "node 3 has not been seen";
  elapse(ms(1));
  EXPECT_EQ(phase(), Phase::kOffered);
}

TEST_F(GroupTest, AHolderThatRenewsHasTheLatestLease) {
  activate();
  restart(machine_->record());
  present(2);
  renew(1, 1);
  release(1, "", true);
  EXPECT_EQ(machine_->record().jid, bareOf(2));
}

TEST_F(GroupTest, AfterALostStoreTheWaitIsAsLongAsTheLongestLeaseReported) {
  group::MemberPresent event;
  event.jid = fullOf(3);
  event.instance = instanceOf(3);
  event.highest_epoch = 41;
  event.lease_ttl = Duration::seconds(60);
  const auto effects = step(event);
  ASSERT_TRUE(find<group::Alarm>(effects));
  EXPECT_EQ(find<group::Alarm>(effects)->kind, group::AlarmKind::kStaleRecord);
  const Duration long_wait =
      waitOut(Duration::seconds(60), config_.clock_rate_bound, config_.wait_margin);
  EXPECT_FALSE(find<group::SendOffer>(elapse(Duration::seconds(10))));
  // Somebody else knows of a longer one still; an impossible length counts as the longest possible.
  group::MemberPresent other;
  other.jid = fullOf(2);
  other.instance = instanceOf(2);
  other.lease_ttl = Duration::seconds(90);
  step(other);
  EXPECT_FALSE(find<group::SendOffer>(elapse(long_wait)));
  const Duration longer =
      waitOut(Duration::seconds(90), config_.clock_rate_bound, config_.wait_margin);
  EXPECT_FALSE(
      find<group::SendOffer>(elapse(longer - long_wait - Duration::seconds(10) - Duration{1})));
  EXPECT_TRUE(find<group::SendOffer>(elapse(Duration{1})));
}

TEST_F(GroupTest, AVacantRecordAtTheStartMayBeOlderThanTheTruth) {
  at_the_start_ = true;
  GroupRecord restored;
  restored.group = "storage";
  restored.epoch = restored.highest_epoch = 3;
  for (const GroupRecord& record : {GroupRecord{}, restored}) {
    restart(record);
    const ElapsedTime start = now_;
    // Drained or not, whoever isn't seen may hold a lease that this record doesn't know of.
    enrollAs(3, true);
    EXPECT_FALSE(find<group::SendOffer>(present(1)));
    EXPECT_FALSE(find<group::SendOffer>(present(2)));
    EXPECT_THAT(machine_->view(now_).note, HasSubstr("(missing: node3), at most "));
    EXPECT_FALSE(find<group::SendOffer>(elapse(start + wait() - now_ - Duration{1})));
    EXPECT_TRUE(find<group::SendOffer>(elapse(Duration{1}))) << "W after the start";
  }
}

TEST_F(GroupTest, AVacantRecordAtTheStartIsTrustedOnceEveryMemberHasAnswered) {
  at_the_start_ = true;
  restart({});
  enrollAs(3, true);
  present(1);
  present(2);
  silent_.insert(fullOf(3));
  EXPECT_FALSE(find<group::SendOffer>(present(3))) << "its presence may be a ghost's";
  silent_.clear();
  EXPECT_TRUE(find<group::SendOffer>(step(group::QueryAnswered{fullOf(3)})))
      << "drained members are asked as well";
  // From then on every lease is on record: nobody is missed any more.
  step(group::MemberGone{fullOf(3)});
  const auto next =
      step(group::OfferDeclined{fullOf(1), machine_->record().offer_nonce, Denied{0, "busy", 0}});
  EXPECT_EQ(find<group::SendOffer>(next)->to, fullOf(2));
}

TEST_F(GroupTest, TheWaitForALeaseThatIsNotOnRecordSurvivesARestart) {
  at_the_start_ = true;
  restart({});
  present(2);
  present(3);
  present(1, 4, 4);  // the holder, from before the store was lost
  ASSERT_EQ(machine_->record().highest_epoch, 4u);
  ASSERT_EQ(machine_->record().epoch, 0u);
  restart(machine_->record());
  present(2);
  present(3);
  EXPECT_FALSE(find<group::SendOffer>(present(1, 4))) << "its lease may not be over yet";
  EXPECT_FALSE(find<group::SendOffer>(elapse(wait() - Duration{1})));
  const auto effects = elapse(Duration{1});
  ASSERT_TRUE(find<group::SendOffer>(effects));
  EXPECT_EQ(find<group::SendOffer>(effects)->message.epoch, 5u);
}

TEST_F(GroupTest, AMoveWaitsAsWellForALeaseThatMayNotBeOnRecord) {
  at_the_start_ = true;
  restart({});
  present(2);
  const auto plan = machine_->plan(requestFor("k", 2), now_);
  ASSERT_TRUE(plan.status);
  EXPECT_THAT(plan.steps.front(), HasSubstr("a lease that isn't on record"));
  EXPECT_FALSE(find<group::SendOffer>(step(requestFor("k", 2))));
  EXPECT_FALSE(find<group::SendOffer>(elapse(wait() - Duration{1})));
  EXPECT_TRUE(find<group::SendOffer>(elapse(Duration{1})));
}

// After the loss of a store somebody may hold a lease that is on no record.
TEST_F(GroupTest, WhoeverIsRemovedBeforeItWasHeardIsWaitedForAllTheSame) {
  at_the_start_ = true;
  restart({});
  present(2);
  present(3);
  ASSERT_EQ(phase(), Phase::kVacant) << "node 1 may hold a lease";
  step(group::MemberRemoved{bareOf(1)});
  EXPECT_EQ(phase(), Phase::kVacant);
  EXPECT_NE(machine_->view(now_).note.find("somebody who was removed"), std::string::npos);
  elapse(wait());
  EXPECT_EQ(phase(), Phase::kOffered);
}

}  // namespace
}  // namespace muster::election
