#include "node-agent/restart_policy.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

RestartOptions options(int max_restarts) {
  RestartOptions out;
  out.backoff_first = Duration::millis(500);
  out.backoff_last = Duration::seconds(3);
  out.stable = Duration::seconds(10);
  out.max_restarts = max_restarts;
  return out;
}

TEST(RestartPolicy, WaitsTwiceAsLongEachTimeUpToABound) {
  RestartPolicy policy(options(0));
  for (const int64_t ms : {500, 1000, 2000, 3000, 3000}) {
    EXPECT_EQ(policy.ended(Duration::seconds(9)), Duration::millis(ms));
  }
}

TEST(RestartPolicy, AStableRunBeginsAnew) {
  RestartPolicy policy(options(3));
  (void)policy.ended(Duration{});
  (void)policy.ended(Duration{});
  EXPECT_EQ(policy.restartsInARow(), 2);
  EXPECT_EQ(policy.ended(Duration::seconds(10)), Duration::millis(500));
  EXPECT_EQ(policy.restartsInARow(), 1);
}

TEST(RestartPolicy, ACrashLoopEnds) {
  RestartPolicy policy(options(3));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(policy.ended(Duration::seconds(1)).has_value());
  EXPECT_EQ(policy.ended(Duration::seconds(1)), std::nullopt);
  EXPECT_EQ(policy.restartsInARow(), 3);
}

TEST(RestartPolicy, WithoutALimitItNeverDoes) {
  RestartPolicy policy(options(0));
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(policy.ended(Duration{}).has_value());
}

}  // namespace
}  // namespace muster::agent
