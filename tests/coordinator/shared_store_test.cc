// A coordinator whose records are kept elsewhere, which takes time and may fail: nothing follows
// from a record that isn't kept, and nothing is granted that isn't confirmed.
#include "libcontrol/store/row_log.h"
#include "tests/coordinator/cluster_stage.h"
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SharedStoreTest : public ClusterStage {
 protected:
  SharedStoreTest() {
    coordinator_.reset();
    const auto members = store_->members().list();
    const auto grants = store_->grants().list();
    store_ = std::move(store::openOnRows(log_, {})).value();
    store::GroupRow row;
    row.name = "g";
    EXPECT_TRUE(store_->groups().save(row).isOk());
    for (const auto& member : *members) EXPECT_TRUE(store_->members().add(member).isOk());
    for (const auto& grant : *grants) EXPECT_TRUE(store_->grants().set(grant).isOk());
    startCoordinator();
  }
  ~SharedStoreTest() override {
    coordinator_.reset();
    store_.reset();
  }
  // Everything that waits for the records, and what follows from it.
  void keep() {
    log_.carryOut();
    settle();
  }
  void becomeActive() {
    nodesAppear();
    ASSERT_EQ(coordinator_->status().active(), "node1");
  }
  void askToMove() {
    election::group::MoveRequested move;
    move.key = "k";
    coordinator_->cluster.find("g")->step(move);
  }
  store::KeptRows log_;
};

TEST_F(SharedStoreTest, NothingFollowsFromARecordBeforeItIsKept) {
  log_.slow = true;
  nodesAppear();
  EXPECT_EQ(one_.epoch, 0u) << "no offer has gone out";
  keep();
  EXPECT_EQ(one_.epoch, 1u) << "the offer, and the node has asked for the lease";
  EXPECT_FALSE(one_.answer.has_granted());
  keep();
  EXPECT_TRUE(one_.answer.has_granted());
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(SharedStoreTest, WhatComesMeanwhileHasItsTurnAfterwards) {
  becomeActive();
  log_.slow = true;
  askToMove();
  settle();
  one_.answer.Clear();
  one_.renew(1);
  one_.renew(1);
  settle();
  EXPECT_FALSE(one_.answer.has_granted());
  EXPECT_EQ(coordinator_->status().phase(), v1::PHASE_ACTIVE);
  keep();
  keep();
  log_.slow = false;
  keep();
  EXPECT_EQ(coordinator_->status().active(), "node2");
}

TEST_F(SharedStoreTest, ARenewalIsGrantedOnceItIsConfirmed) {
  becomeActive();
  log_.slow = true;
  one_.answer.Clear();
  one_.renew(1);
  settle();
  EXPECT_FALSE(one_.answer.has_granted());
  keep();
  EXPECT_TRUE(one_.answer.has_granted());
  one_.renew(7);
  settle();
  EXPECT_FALSE(one_.answer.has_denied()) << "nor is it refused by one that may have been deposed";
  keep();
  EXPECT_TRUE(one_.answer.has_denied());
}

TEST_F(SharedStoreTest, WhoCantConfirmAnswersNothingAnyMore) {
  becomeActive();
  log_.failure = {Code::kConflict, "another one leads"};
  one_.answer.Clear();
  one_.renew(1);
  settle();
  EXPECT_FALSE(one_.answer.has_granted() || one_.answer.has_denied());
  EXPECT_THAT(coordinator_->store_failures, ElementsAre("another one leads"));
  log_.failure = {};
  one_.renew(1);
  pass(Duration::seconds(100));
  EXPECT_FALSE(one_.answer.has_granted() || one_.answer.has_denied());
  EXPECT_EQ(log_.rows.count({"groups", "[\"g\"]"}), 1u);
  EXPECT_THAT(log_.rows.at({"groups", "[\"g\"]"}), HasSubstr("\"phase\":2"));
  coordinator_->store_failures.clear();
}

TEST_F(SharedStoreTest, AnAnswerThatComesAfterTheEndFindsNobody) {
  becomeActive();
  log_.slow = true;
  one_.renew(1);
  askToMove();
  settle();
  EXPECT_THAT(log_.waiting, testing::Not(IsEmpty()));
  coordinator_.reset();
  log_.carryOut();
}

}  // namespace
}  // namespace muster::coordinator
