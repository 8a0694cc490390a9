#include "commands/failover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FakeMover : public Mover {
 public:
  Plan planMove(const Move& m) override {
    asked = m;
    return plan;
  }
  void move(const Move& m, bool w, Answer a) override {
    asked = m;
    waits = w;
    answer = std::move(a);
  }
  Plan plan;
  Move asked;
  bool waits = false;
  Answer answer;
};

class FakeSchedule : public MoveSchedule {
 public:
  Status schedule(const ScheduledMove& move) override {
    scheduled = move;
    return Status::ok();
  }
  Result<ScheduledMove> unschedule(const std::string& group, const Origin&) override {
    if (!scheduled || scheduled->move.group != group) {
      return Status(Code::kNotFound, "no move of " + group + " is scheduled", "group");
    }
    return *std::exchange(scheduled, std::nullopt);
  }
  std::optional<ScheduledMove> scheduled;
};

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() {
    catalogue::HandlerSet handlers;
    addFailover(handlers, mover_, schedule_);
    caller_ = std::make_unique<Caller>(
        v1::FailoverRequest::descriptor()->file()->FindServiceByName("ClusterCommands"), handlers);
  }
  v1::FailoverReply reply() { return caller_->reply<v1::FailoverReply>(); }

  FakeMover mover_;
  FakeSchedule schedule_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(FailoverTest, PassesOnWhatWasAsked) {
  caller_->call("failover", {"storage"},
                {{"to", "node2"}, {"expect-epoch", "6"}, {"force", "yes"}, {"wait", "yes"}});
  EXPECT_EQ(mover_.asked.group, "storage");
  EXPECT_EQ(mover_.asked.to, "node2");
  EXPECT_EQ(mover_.asked.expect_epoch, 6u);
  EXPECT_TRUE(mover_.asked.force);
  EXPECT_TRUE(mover_.waits);
  EXPECT_EQ(mover_.asked.origin.key, "key");
  EXPECT_EQ(mover_.asked.origin.by, "ann@example.org");
  EXPECT_THAT(mover_.asked.origin.call, SizeIs(32)) << "not linked to the audit trail";
}

TEST_F(FailoverTest, AMoveToComeIsKeptAndTakenBack) {
  caller_->call("failover", {"storage"}, {{"to", "node2"}, {"at", "02:30"}});
  EXPECT_EQ(mover_.asked.group, "") << "nothing moves now";
  ASSERT_TRUE(schedule_.scheduled);
  EXPECT_EQ(schedule_.scheduled->move.to, "node2");
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_SCHEDULED);
  EXPECT_EQ(reply().at(), toRfc3339(schedule_.scheduled->at));
  EXPECT_TRUE(reply().at().ends_with("T02:30:00Z")) << reply().at();
  caller_->call("unschedule", {"storage"});
  EXPECT_EQ(caller_->reply<v1::UnscheduleReply>(1).to(), "node2");
  EXPECT_FALSE(schedule_.scheduled);
}

TEST_F(FailoverTest, NobodyWaitsForAMoveToCome) {
  caller_->call("failover", {"storage"}, {{"at", "02:30"}, {"wait", "yes"}});
  EXPECT_FALSE(schedule_.scheduled);
  EXPECT_EQ(caller_->outcomes.back().status.field(), "wait");
  caller_->call("failover", {"storage"}, {{"at", "noon"}});
  EXPECT_EQ(caller_->outcomes.back().status.field(), "at");
}

TEST_F(FailoverTest, TheEndIsAnsweredWithItsFigures) {
  caller_->call("failover", {"storage"}, {{"wait", "yes"}});
  mover_.answer(Status::ok(), {"node1", "node2", 7, Duration::millis(12), true});
  ASSERT_THAT(caller_->outcomes, SizeIs(1));
  EXPECT_EQ(reply().from(), "node1");
  EXPECT_EQ(reply().to(), "node2");
  EXPECT_EQ(reply().epoch(), 7u);
  EXPECT_EQ(reply().duration_ms(), 12u);
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_DONE);
  EXPECT_EQ(caller_->outcomes[0].note,
            "storage: node2 is active in place of node1 under epoch 7, after 12ms.");
}

TEST_F(FailoverTest, WhatIsUnderWayIsAnsweredSo) {
  caller_->call("failover", {"storage"});
  mover_.answer(Status::ok(), {"node1", "", 6, {}, false});
  ASSERT_THAT(caller_->outcomes, SizeIs(1));
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_STARTED);
  EXPECT_EQ(caller_->outcomes[0].note, "Moving storage away from node1; the outcome follows.");
}

TEST_F(FailoverTest, ARefusalIsTheAnswer) {
  caller_->call("failover", {"storage"});
  mover_.answer({Code::kConflict, "the epoch is another"}, {});
  ASSERT_THAT(caller_->outcomes, SizeIs(1));
  EXPECT_EQ(caller_->outcomes[0].status.code(), Code::kConflict);
}

TEST_F(FailoverTest, ADryRunIsThePlanAndMovesNothing) {
  mover_.plan.reply.add_steps("node1 is told to stop.");
  mover_.plan.reply.add_candidates()->set_node("node2");
  caller_->call("failover", {"storage"}, {{"dry-run", "yes"}});
  ASSERT_THAT(caller_->outcomes, SizeIs(1));
  EXPECT_EQ(mover_.answer, nullptr) << "it was carried out";
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_PLANNED);
  EXPECT_EQ(reply().steps(0), "node1 is told to stop.");
  EXPECT_EQ(caller_->outcomes[0].note, "Nothing was moved.");
}

TEST_F(FailoverTest, ADryRunOfWhatWouldBeRefusedSaysSoBesideTheCandidates) {
  mover_.plan.status = {Code::kUnavailable, "no other node can become active"};
  mover_.plan.reply.add_candidates()->set_why("not present");
  caller_->call("failover", {"storage"}, {{"dry-run", "yes"}});
  EXPECT_EQ(reply().candidates(0).why(), "not present");
  EXPECT_EQ(caller_->outcomes[0].note, "It would be refused: no other node can become active");
  mover_.plan = {{Code::kNotFound, "there is no group", "group"}, {}};
  caller_->call("failover", {"nowhere"}, {{"dry-run", "yes"}});
  EXPECT_EQ(caller_->outcomes[1].status.code(), Code::kNotFound);
}

}  // namespace
}  // namespace muster::commands
