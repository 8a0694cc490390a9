#include "libcontrol/election/invariants.h"

#include <gtest/gtest.h>

namespace muster::election {
namespace {

Holder holderOf(int n) {
  Holder holder;
  holder.jid = Jid::parse("n" + std::to_string(n) + "@example.org").value();
  holder.instance.bytes.fill(static_cast<uint8_t>(n));
  return holder;
}

GroupRecord recordOf(Phase phase, uint64_t epoch, int node) {
  GroupRecord record;
  record.group = "storage";
  record.phase = phase;
  record.epoch = record.highest_epoch = epoch;
  if (phase == Phase::kVacant) return record;
  record.jid = holderOf(node).jid;
  record.instance = holderOf(node).instance;
  record.offer_nonce.bytes.fill(1);
  record.lease_ttl = Duration::seconds(5);
  return record;
}

bool written(const GroupRecord& before, const GroupRecord& after) {
  Invariants invariants;
  invariants.recordWritten(before, after);
  return invariants.violation().empty();
}

TEST(Invariants, RecordsGoForwardOnly) {
  EXPECT_TRUE(written(recordOf(Phase::kVacant, 3, 0), recordOf(Phase::kOffered, 4, 1)));
  EXPECT_TRUE(written(recordOf(Phase::kDraining, 3, 1), recordOf(Phase::kOffered, 4, 2)));
  EXPECT_TRUE(written(recordOf(Phase::kOffered, 4, 1), recordOf(Phase::kActive, 4, 1)));
  EXPECT_TRUE(written(recordOf(Phase::kActive, 4, 1), recordOf(Phase::kVacant, 4, 0)));
  EXPECT_FALSE(written(recordOf(Phase::kVacant, 3, 0), recordOf(Phase::kOffered, 3, 1)));
  EXPECT_FALSE(written(recordOf(Phase::kVacant, 3, 0), recordOf(Phase::kVacant, 2, 0)));
  EXPECT_FALSE(written(recordOf(Phase::kVacant, 3, 0), recordOf(Phase::kActive, 3, 1)));
  EXPECT_FALSE(written(recordOf(Phase::kOffered, 4, 1), recordOf(Phase::kActive, 4, 2)));
  EXPECT_FALSE(written(recordOf(Phase::kDraining, 4, 1), recordOf(Phase::kActive, 4, 1)));
}

TEST(Invariants, ANodesEpochNeverDecreases) {
  Invariants invariants;
  invariants.nodeEpochWritten("n1", 3, 3);
  EXPECT_EQ(invariants.violation(), "");
  invariants.nodeEpochWritten("n1", 3, 2);
  EXPECT_NE(invariants.violation(), "");
}

TEST(Invariants, NoGrantOrOfferWhileAnotherLeaseCanBeInForce) {
  for (const bool offer : {true, false}) {
    Invariants invariants;
    invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
    const auto next = [&](int64_t now) {
      Invariants copy = invariants;
      if (offer) {
        copy.offered(holderOf(2), 2, ElapsedTime{now});
      } else {
        copy.granted(holderOf(2), 2, ElapsedTime{now}, ElapsedTime{now + 90});
      }
      return copy.violation().empty();
    };
    EXPECT_FALSE(next(99));
    EXPECT_TRUE(next(100));
    invariants.givenUp(holderOf(1), 1);
    EXPECT_TRUE(next(50));
  }
}

TEST(Invariants, AnEpochHasOneHolder) {
  Invariants invariants;
  invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  invariants.granted(holderOf(2), 1, ElapsedTime{200}, ElapsedTime{300});
  EXPECT_NE(invariants.violation(), "");
}

TEST(Invariants, OnlyALeaseInForceIsActedOn) {
  Invariants invariants;
  invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  const auto used = [&](int node, uint64_t epoch, int64_t now) {
    Invariants copy = invariants;
    copy.used(holderOf(node), epoch, ElapsedTime{now});
    return copy.violation().empty();
  };
  EXPECT_TRUE(used(1, 1, 99));
  EXPECT_FALSE(used(1, 1, 100));
  EXPECT_FALSE(used(1, 2, 50));
  EXPECT_FALSE(used(2, 1, 50));
  invariants.givenUp(holderOf(1), 1);
  EXPECT_FALSE(used(1, 1, 50));
}

TEST(Invariants, TheResourceLetsNoOlderTokenPass) {
  Invariants invariants;
  invariants.accepted(holderOf(1), 1);
  invariants.accepted(holderOf(1), 1);
  invariants.accepted(holderOf(2), 2);
  EXPECT_EQ(invariants.violation(), "");
  Invariants equal = invariants;
  equal.accepted(holderOf(1), 2);
  EXPECT_NE(equal.violation(), "");
  invariants.accepted(holderOf(1), 1);
  EXPECT_NE(invariants.violation(), "");
}

}  // namespace
}  // namespace muster::election
