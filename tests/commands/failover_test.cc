#include "commands/failover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/cluster.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;

class FakeMover : public Mover {
 public:
  std::string plan(const std::string&, const std::optional<std::string>&) override {
    return "plan";
  }
  void move(const Move& m, Started s, Finished f) override {
    asked = m;
    started = std::move(s);
    finished = std::move(f);
  }
  Move asked;
  Started started;
  Finished finished;
};

class Told : public catalogue::Notify {
 public:
  void send(const Jid& to, const std::string& text) override {
    lines.push_back(to.toString() + ": " + text);
  }
  std::vector<std::string> lines;
};

class NoCluster : public ClusterState {
 public:
  v1::StatusReply status(const std::optional<std::string>&) override { return {}; }
  v1::NodesReply nodes(const std::optional<std::string>&) override { return {}; }
};

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() {
    catalogue::HandlerSet handlers;
    addFailover(handlers, mover_, told_,
                [this](const Move& move, const Status& status, const std::string& text) {
                  ended_.push_back(move.group + " " + codeName(status.code()) + ": " + text);
                });
    addClusterState(handlers, cluster_);
    caller_ = std::make_unique<Caller>(
        v1::FailoverRequest::descriptor()->file()->FindServiceByName("ClusterCommands"), handlers);
  }
  v1::FailoverReply reply() { return caller_->reply<v1::FailoverReply>(); }

  const MoveState kDone{"node1", "node2", 7, Duration::millis(12)};
  FakeMover mover_;
  Told told_;
  std::vector<std::string> ended_;
  NoCluster cluster_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(FailoverTest, PassesOnWhatWasAsked) {
  caller_->call("failover", {"storage"}, {{"to", "node2"}, {"expect-epoch", "6"}});
  EXPECT_EQ(mover_.asked.group, "storage");
  EXPECT_EQ(mover_.asked.to, "node2");
  EXPECT_EQ(mover_.asked.expect_epoch, 6u);
  EXPECT_EQ(mover_.asked.key, "key");
  EXPECT_EQ(mover_.asked.by, "ann@example.org");
}

TEST_F(FailoverTest, WhoWaitsIsAnsweredAtTheEnd) {
  caller_->call("failover", {"storage"}, {{"wait", "yes"}});
  mover_.started({"node1", "", 6, {}});
  EXPECT_TRUE(caller_->outcomes.empty());
  mover_.finished(Status::ok(), kDone);
  ASSERT_EQ(caller_->outcomes.size(), 1u);
  EXPECT_EQ(reply().from(), "node1");
  EXPECT_EQ(reply().to(), "node2");
  EXPECT_EQ(reply().epoch(), 7u);
  EXPECT_EQ(reply().duration_ms(), 12u);
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_DONE);
  EXPECT_TRUE(told_.lines.empty());
  EXPECT_TRUE(ended_.empty());
}

TEST_F(FailoverTest, WhoDoesNotWaitIsToldLater) {
  caller_->call("failover", {"storage"});
  mover_.started({"node1", "", 6, {}});
  ASSERT_EQ(caller_->outcomes.size(), 1u);
  EXPECT_EQ(reply().state(), v1::FAILOVER_STATE_STARTED);
  mover_.finished(Status::ok(), kDone);
  EXPECT_EQ(caller_->outcomes.size(), 1u);
  ASSERT_EQ(told_.lines.size(), 1u);
  EXPECT_THAT(told_.lines[0], HasSubstr("ann@example.org/phone: storage: node2 is active"));
  EXPECT_THAT(told_.lines[0], HasSubstr("in place of node1 under epoch 7"));
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_THAT(ended_[0], HasSubstr("storage ok: storage: node2 is active"));
}

TEST_F(FailoverTest, AFailureIsToldEitherWay) {
  caller_->call("failover", {"storage"}, {{"wait", "yes"}});
  mover_.finished({Code::kTimeout, "node2 did not answer"}, {});
  ASSERT_EQ(caller_->outcomes.size(), 1u);
  EXPECT_EQ(caller_->outcomes[0].status.code(), Code::kTimeout);

  caller_->call("failover", {"storage"});
  mover_.started({});
  mover_.finished({Code::kTimeout, "node2 did not answer"}, {});
  ASSERT_EQ(told_.lines.size(), 1u);
  EXPECT_THAT(told_.lines[0], HasSubstr("has failed: node2 did not answer"));
}

TEST_F(FailoverTest, ARefusalAtOnceIsTheAnswer) {
  caller_->call("failover", {"storage"});
  mover_.finished({Code::kConflict, "the epoch is another"}, {});
  ASSERT_EQ(caller_->outcomes.size(), 1u);
  EXPECT_EQ(caller_->outcomes[0].status.code(), Code::kConflict);
  EXPECT_TRUE(told_.lines.empty());
}

}  // namespace
}  // namespace muster::commands
