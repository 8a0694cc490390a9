#include "coordinator/fanout.h"

#include <gmock/gmock.h>

#include "libcontrol/base/limits.h"
#include "tests/coordinator/paper_nodes.h"

namespace muster::coordinator {
namespace {

class FanoutTest : public PaperNodes {
 protected:
  bool add(const std::string& node) {
    v1::Order order;
    order.set_by("ann@example.org");
    order.mutable_log_level();
    return fanout_.add(
        bare(node), [order] { return order; },
        [this, node](const Status& status, const v1::OrderReply&) {
          done_.push_back(node + (status ? "" : " failed"));
        });
  }
  Fanout fanout_{sender(), clock_};
  std::vector<std::string> done_;
};

TEST_F(FanoutTest, NoMoreOnTheirWayThanTheLimit) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight + 2; ++i) add("n" + std::to_string(i));
  EXPECT_EQ(sent_.size(), limits::kMaxOrdersInFlight);
  EXPECT_EQ(fanout_.waiting(), 2u);
  answer("n3");
  EXPECT_EQ(sent_.size(), limits::kMaxOrdersInFlight) << "one answered, one more sent";
  EXPECT_EQ(sent_.back().node, "n" + std::to_string(limits::kMaxOrdersInFlight));
  EXPECT_EQ(done_, std::vector<std::string>{"n3"});
}

TEST_F(FanoutTest, TheDeadGiveUpTheirPlaceNotTheirAnswer) {
  for (size_t i = 0; i < limits::kMaxOrdersInFlight + 1; ++i) add("n" + std::to_string(i));
  fanout_.checkTime();
  EXPECT_EQ(fanout_.waiting(), 1u);
  clock_.advance(limits::kOrderPatience);
  fanout_.checkTime();
  EXPECT_EQ(fanout_.waiting(), 0u);
  EXPECT_EQ(fanout_.inFlight(), 1u);
  answer("n0");
  EXPECT_EQ(done_, std::vector<std::string>{"n0"}) << "it is still heard";
  EXPECT_EQ(fanout_.inFlight(), 1u) << "its place was another's already";
}

TEST_F(FanoutTest, WhatIsNoLongerWantedIsPassedOver) {
  fanout_.add(
      bare("a"), [] { return std::nullopt; },
      [](const Status&, const v1::OrderReply&) { FAIL() << "nothing was sent"; });
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(fanout_.inFlight(), 0u);
}

TEST_F(FanoutTest, OneThatIsAskedForWhileAnotherIsAnsweredComesAfterIt) {
  fanout_.add(
      bare("a"), [] { return v1::Order(); },
      [this](const Status&, const v1::OrderReply&) { add("b"); });
  answer("a");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].node, "b");
}

TEST_F(FanoutTest, TheLineIsBounded) {
  const size_t most = limits::kMaxOrdersInFlight + limits::kMaxOrdersInLine;
  for (size_t i = 0; i < most; ++i) ASSERT_TRUE(add("n"));
  EXPECT_FALSE(add("n"));
}

}  // namespace
}  // namespace muster::coordinator
