#include "commands/history.h"

#include <gtest/gtest.h>

#include "commands/drain.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

class FakeHistory : public GroupHistory {
 public:
  Result<v1::HistoryReply> query(const v1::HistoryRequest& r, WallTime) override {
    request = r;
    v1::HistoryReply reply;
    for (uint32_t i = 0; i < has && i < r.limit(); ++i) reply.add_events()->set_seq(100 - i);
    return reply;
  }
  uint32_t has = 0;
  v1::HistoryRequest request;
};

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    catalogue::HandlerSet handlers;
    addHistory(handlers, history_);
    caller_ = std::make_unique<Caller>(
        v1::HistoryRequest::descriptor()->file()->FindServiceByName("ClusterCommands"), handlers);
  }
  FakeHistory history_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(HistoryTest, APageFitsAPhoneAndSaysHowToGoOn) {
  history_.has = 50;
  caller_->call("history", {"storage"}, {{"since", "1d"}});
  EXPECT_EQ(history_.request.limit(), 20u);
  EXPECT_EQ(history_.request.since_ms(), 86'400'000u);
  EXPECT_EQ(caller_->outcomes.at(0).note, "Older events: before=81.");
  caller_->call("history", {}, {{"limit", "60"}});
  EXPECT_EQ(caller_->outcomes.at(1).note, "");
}

TEST_F(HistoryTest, NothingIsSaidInWords) {
  caller_->call("history", {});
  EXPECT_EQ(caller_->outcomes.at(0).note, "There are no events that match.");
}

class FakeDrainer : public Drainer {
 public:
  std::string planDrain(const DrainNode& d) override { return "plan of " + d.node; }
  void drain(const DrainNode& d, bool w, Answer a) override {
    asked = d;
    waits = w;
    v1::DrainReply reply;
    reply.set_node(d.node);
    a(answer, reply, "said");
  }
  Result<v1::UndrainReply> undrain(const std::string& node, const Origin& origin) override {
    if (!answer) return answer;
    undrained = node + " by " + origin.by;
    return v1::UndrainReply();
  }
  Status answer;
  DrainNode asked;
  bool waits = false;
  std::string undrained;
};

TEST(DrainTest, PassesOnWhatWasAskedAndWhatCameOfIt) {
  FakeDrainer drainer;
  catalogue::HandlerSet handlers;
  addDrain(handlers, drainer);
  Caller caller(v1::DrainRequest::descriptor()->file()->FindServiceByName("ClusterCommands"),
                handlers);
  caller.call("drain", {"node1", "disk swap"}, {{"force", "yes"}});
  EXPECT_EQ(drainer.asked.node, "node1");
  EXPECT_EQ(drainer.asked.reason, "disk swap");
  EXPECT_TRUE(drainer.asked.force);
  EXPECT_FALSE(drainer.waits);
  EXPECT_EQ(drainer.asked.origin.by, "ann@example.org");
  EXPECT_EQ(caller.outcomes.at(0).note, "said");
  caller.call("undrain", {"node1"});
  EXPECT_EQ(drainer.undrained, "node1 by ann@example.org");
  drainer.answer = {Code::kUnavailable, "nobody could take over"};
  caller.call("drain", {"node1"});
  EXPECT_EQ(caller.outcomes.at(2).status.text(), "nobody could take over");
}

}  // namespace
}  // namespace muster::commands
