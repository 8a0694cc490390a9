#include "coordinator/hook_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "libcontrol/base/limits.h"
#include "tests/libcontrol/store/coordinator_store_fixture.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// On rows that something else keeps, which can fail.
class HookQueueTest : public testing::Test {
 protected:
  HookQueueTest() { begin(); }

  // A process begins anew with what the rows hold.
  void begin() {
    queue_.reset();
    started_.clear();
    store_ = std::move(store::openOnRows(log_, log_.image(), {})).value();
    queue_ = std::make_unique<HookQueue>(
        HookQueue::Parts{store_->hooks(), clock_, wanted_,
                         [this](const store::HookRunRow& row, HookQueue::Ended ended) {
                           started_.push_back(nameOf(row));
                           rows_.push_back(row);
                           ended_.push_back(std::move(ended));
                         },
                         [this](const store::HookRunRow& row, const std::string& why) {
                           failed_.push_back(nameOf(row) + ": " + why);
                         }});
    ASSERT_TRUE(queue_->load());
  }
  static std::string nameOf(const store::HookRunRow& row) {
    return row.group + " " + row.hook + " " +
           (row.new_node.empty() ? "-" + row.old_node : row.new_node);
  }
  static HookQueue::Role active(const std::string& node, uint64_t epoch) {
    return {node, epoch, true, true};
  }
  // The role goes from one to the next, as the machine tells it.
  void move(const std::string& group, uint64_t from_epoch, const std::string& to) {
    queue_->demoted(group, from_epoch, {"a move was asked for", "ann@example.org"});
    queue_->promoted(group, active(to, from_epoch + 1), {"a move was asked for", ""});
    queue_->advance();
  }
  void end(const Status& status = Status::ok()) { ended_.at(next_++)(status); }

  ManualClock clock_;
  store::KeptRows log_;
  std::set<std::string> wanted_ = {kOnDemote, kOnPromote, kPostFailover};
  std::unique_ptr<store::CoordinatorStore> store_;
  std::unique_ptr<HookQueue> queue_;
  std::vector<std::string> started_;
  std::vector<std::string> failed_;
  std::vector<store::HookRunRow> rows_;
  std::vector<HookQueue::Ended> ended_;
  size_t next_ = 0;
};

TEST_F(HookQueueTest, OneAfterTheOtherInOrder) {
  queue_->look("g", active("node1", 1));
  move("g", 1, "node2");
  EXPECT_THAT(started_, ElementsAre("g on_demote -node1"));
  end();
  EXPECT_THAT(started_, ElementsAre("g on_demote -node1", "g on_promote node2"));
  end();
  ASSERT_THAT(started_, SizeIs(3));
  EXPECT_EQ(started_[2], "g post_failover node2");
  end();
  EXPECT_THAT(*store_->hooks().runs(), IsEmpty());
  EXPECT_EQ(rows_[0].by, "ann@example.org");
  EXPECT_EQ(rows_[1].old_node, "node1");
  EXPECT_EQ(rows_[1].old_epoch, 1u);
  EXPECT_EQ(rows_[1].epoch, 2u);
  EXPECT_EQ(rows_[2].outcome, "active");
  EXPECT_THAT(failed_, IsEmpty());
}

TEST_F(HookQueueTest, GroupsDoNotWaitForEachOther) {
  queue_->look("g", active("node1", 1));
  queue_->look("h", active("node3", 7));
  move("g", 1, "node2");
  move("h", 7, "node4");
  EXPECT_THAT(started_, ElementsAre("g on_demote -node1", "h on_demote -node3"));
}

TEST_F(HookQueueTest, AFailureIsToldAndHoldsNothingUp) {
  queue_->look("g", active("node1", 1));
  move("g", 1, "node2");
  end({Code::kUnavailable, "it ended with exit code 3"});
  EXPECT_THAT(failed_, ElementsAre("g on_demote -node1: it ended with exit code 3"));
  EXPECT_THAT(started_, SizeIs(2));
}

TEST_F(HookQueueTest, WhatHadBegunIsNotRunAgain) {
  queue_->look("g", active("node1", 1));
  move("g", 1, "node2");
  begin();
  EXPECT_THAT(failed_, ElementsAre(HasSubstr("g on_demote -node1: the coordinator ended while")));
  queue_->advance();
  EXPECT_THAT(started_, ElementsAre("g on_promote node2"));
  begin();
  EXPECT_THAT(failed_, SizeIs(2));
  queue_->advance();
  EXPECT_THAT(started_, ElementsAre("g post_failover node2"));
}

TEST_F(HookQueueTest, NothingIsStartedThatIsNotMarkedOnDisk) {
  queue_->look("g", active("node1", 1));
  queue_->advance();
  log_.failure = {Code::kUnavailable, "no etcd"};
  move("g", 1, "node2");
  EXPECT_THAT(started_, IsEmpty());
  log_.failure = {};
  queue_->advance();
  EXPECT_THAT(started_, ElementsAre("g on_demote -node1"));
}

TEST_F(HookQueueTest, AChangeThatACrashSwallowedIsToldAfterIt) {
  queue_->look("g", active("node1", 1));
  queue_->advance();
  queue_->demoted("g", 1, {"", ""});
  begin();
  queue_->look("g", {"", 1, false, false});
  queue_->advance();
  EXPECT_THAT(started_, ElementsAre("g on_demote -node1"));
  queue_->look("g", {"node2", 2, true, false});
  queue_->look("g", active("node2", 2));
  queue_->look("g", active("node2", 2));
  next_ = ended_.size() - 1;
  end();
  next_ = ended_.size() - 1;
  end();
  EXPECT_THAT(started_,
              ElementsAre("g on_demote -node1", "g on_promote node2", "g post_failover node2"));
  EXPECT_EQ(rows_.back().old_node, "node1");
}

TEST_F(HookQueueTest, WhoHadTheRoleBeforeThereWereHooksIsNotPromotedAgain) {
  queue_->look("g", active("node1", 5));
  queue_->look("g", active("node1", 5));
  queue_->promoted("g", active("node1", 5), {});
  queue_->advance();
  EXPECT_THAT(started_, IsEmpty());
}

TEST_F(HookQueueTest, WhoNeverTookTheRoleUpIsNotDemoted) {
  queue_->look("g", {"", 0, false, false});
  queue_->look("g", {"node1", 1, true, false});
  queue_->demoted("g", 1, {});
  queue_->advance();
  EXPECT_THAT(started_, IsEmpty());
}

TEST_F(HookQueueTest, ThereIsABoundAndTheOldestThatWaitsGivesWay) {
  queue_->look("g", active("node1", 1));
  move("g", 1, "node2");
  uint64_t epoch = 2;
  while (failed_.empty()) move("g", epoch++, "node2");
  EXPECT_THAT(failed_[0], HasSubstr("g on_promote node2: it was not run"));
  EXPECT_THAT(*store_->hooks().runs(), SizeIs(limits::kMaxHookRuns));
  EXPECT_THAT(started_, SizeIs(1));
}

TEST_F(HookQueueTest, WhatIsNotConfiguredAnyMoreIsDropped) {
  queue_->look("g", active("node1", 1));
  move("g", 1, "node2");
  wanted_ = {kOnDemote};
  begin();
  queue_->advance();
  EXPECT_THAT(started_, IsEmpty());
  EXPECT_THAT(failed_, SizeIs(3));
  EXPECT_THAT(*store_->hooks().runs(), IsEmpty());
}

TEST_F(HookQueueTest, WithoutHooksNobodyFollowsTheRoleAndTheFirstBeginAnew) {
  queue_->look("g", active("node1", 1));
  queue_->advance();
  wanted_ = {};
  begin();
  queue_->advance();
  move("g", 1, "node2");
  queue_->look("g", active("node2", 2));
  wanted_ = {kOnDemote, kOnPromote, kPostFailover};
  begin();
  queue_->look("g", active("node2", 2));
  queue_->advance();
  EXPECT_THAT(started_, IsEmpty());
  move("g", 2, "node1");
  EXPECT_THAT(started_, ElementsAre("g on_demote -node2"));
}

}  // namespace
}  // namespace muster::coordinator
