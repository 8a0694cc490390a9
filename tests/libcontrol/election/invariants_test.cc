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

TEST(Invariants, WithBrokenClocksOverlapsAreCountedAndAllElseMustHold) {
  Invariants invariants;
  invariants.clocksBroken();
  invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  invariants.offered(holderOf(2), 2, ElapsedTime{50});
  invariants.granted(holderOf(2), 2, ElapsedTime{60}, ElapsedTime{150});
  EXPECT_EQ(invariants.violation(), "");
  EXPECT_EQ(invariants.overlaps(), 2);
  invariants.accepted(holderOf(2), 2);
  invariants.accepted(holderOf(1), 1);
  EXPECT_NE(invariants.violation(), "");
}

TEST(Invariants, ASlewedClockMovesTheLeasesEnd) {
  Invariants invariants;
  invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  invariants.leaseEndMoved(holderOf(1), 1, ElapsedTime{120}, {});
  invariants.used(holderOf(1), 1, ElapsedTime{110});
  EXPECT_EQ(invariants.violation(), "");
  invariants.offered(holderOf(2), 2, ElapsedTime{110});
  EXPECT_NE(invariants.violation(), "");
}

bool vacates(Phase phase, const Grounds& grounds, int64_t now, bool granted) {
  Invariants invariants;
  if (granted) invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  invariants.vacated(recordOf(phase, 1, 1), grounds, ElapsedTime{now});
  return invariants.violation().empty();
}

TEST(Invariants, AGroupBecomesVacantForAReasonOnly) {
  Grounds waited;
  waited.waited = true;
  EXPECT_TRUE(vacates(Phase::kActive, waited, 100, true));
  EXPECT_FALSE(vacates(Phase::kActive, waited, 99, true));
  EXPECT_FALSE(vacates(Phase::kActive, Grounds(), 200, true));
  Grounds lapsed;
  lapsed.offer_lapsed = true;
  EXPECT_TRUE(vacates(Phase::kOffered, lapsed, 50, false));
  EXPECT_FALSE(vacates(Phase::kActive, lapsed, 200, true));
}

bool justified(Phase phase, int node, uint64_t asked_epoch, std::optional<int> nonce, bool drain) {
  Invariants invariants;
  SentRequest request{holderOf(node), asked_epoch, std::nullopt};
  if (nonce) {
    request.offer_nonce = Id128();
    request.offer_nonce->bytes.fill(static_cast<uint8_t>(*nonce));
  }
  invariants.justified(recordOf(phase, 3, 1), Granted{3, Duration::seconds(5), 1, drain}, request);
  return invariants.violation().empty();
}

TEST(Invariants, AGrantFollowsTheRecordAndARequestThatWasSent) {
  EXPECT_TRUE(justified(Phase::kActive, 1, 3, 1, false));
  EXPECT_TRUE(justified(Phase::kDraining, 1, 3, std::nullopt, true));
  EXPECT_FALSE(justified(Phase::kOffered, 1, 3, 1, false));
  EXPECT_FALSE(justified(Phase::kActive, 2, 3, 1, false));
  EXPECT_FALSE(justified(Phase::kActive, 1, 2, 1, false));
  EXPECT_FALSE(justified(Phase::kActive, 1, 3, 2, false));
  EXPECT_FALSE(justified(Phase::kActive, 1, 3, 1, true));
}

TEST(Invariants, OffersAndDrainsAreOnTheDisk) {
  const GroupRecord offered = recordOf(Phase::kOffered, 3, 1);
  const Offer offer{offered.group, 3, offered.lease_ttl, offered.offer_nonce};
  const Drain drain{offered.group, 3, holderOf(1).instance, 1};
  Invariants invariants;
  invariants.offerJustified(offered, offer, holderOf(1).jid.withResource("node-1"));
  invariants.drainJustified(recordOf(Phase::kDraining, 3, 1), drain, holderOf(1).jid);
  EXPECT_EQ(invariants.violation(), "");
  Invariants other = invariants;
  other.offerJustified(offered, offer, holderOf(2).jid);
  EXPECT_NE(other.violation(), "");
  invariants.drainJustified(recordOf(Phase::kActive, 3, 1), drain, holderOf(1).jid);
  EXPECT_NE(invariants.violation(), "");
}

TEST(Invariants, WhatWasGivenUpIsOver) {
  Invariants invariants;
  invariants.granted(holderOf(1), 1, ElapsedTime{10}, ElapsedTime{100});
  invariants.asking(holderOf(1), 1);
  invariants.givenUp(holderOf(1), 1);
  EXPECT_EQ(invariants.violation(), "");
  Invariants running = invariants;
  running.givenUp(holderOf(1), 1, true);
  EXPECT_NE(running.violation(), "");
  invariants.asking(holderOf(1), 1);
  EXPECT_NE(invariants.violation(), "");
}

TEST(Invariants, TheGuardLiesBeforeTheEnd) {
  const auto published = [](int64_t use_until_ms) {
    Invariants invariants;
    invariants.published(holderOf(1), ElapsedTime{Duration::millis(use_until_ms).ns},
                         ElapsedTime{Duration::millis(5000).ns}, Duration::seconds(5));
    return invariants.violation().empty();
  };
  EXPECT_TRUE(published(4500));
  EXPECT_FALSE(published(4501));
}

}  // namespace
}  // namespace muster::election
