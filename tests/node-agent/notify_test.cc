#include "node-agent/notify.h"

#include <gtest/gtest.h>

#include <vector>

namespace muster::agent {
namespace {

TEST(WatchdogInterval, IsHalfOfTheTimeAndOnlyForWhomItIsMeant) {
  EXPECT_EQ(watchdogInterval("30000000", nullptr, {7}), Duration::seconds(15));
  EXPECT_EQ(watchdogInterval("30000000", "7", {6, 7}), Duration::seconds(15));
  EXPECT_EQ(watchdogInterval("30000000", "8", {6, 7}), std::nullopt);
  EXPECT_EQ(watchdogInterval("30000000", "7 ", {6, 7}), std::nullopt);
  for (const char* none : {"", "0", "-1", "1s"}) {
    EXPECT_EQ(watchdogInterval(none, nullptr, {7}), std::nullopt) << none;
  }
  EXPECT_EQ(watchdogInterval(nullptr, nullptr, {7}), std::nullopt);
}

class NotifierTest : public testing::Test {
 protected:
  int signsOfLife() const {
    return static_cast<int>(std::count(sent_.begin(), sent_.end(), "WATCHDOG=1"));
  }

  ManualClock clock_;
  std::vector<std::string> sent_;
  bool loop_lives_ = true;
  Notifier notifier_{clock_,
                     [this](const std::function<void()>& alive) {
                       if (loop_lives_) alive();
                     },
                     Duration::seconds(15),
                     [this](const std::string& text) { sent_.push_back(text); }};
};

TEST_F(NotifierTest, ASignOfLifeNeedsTheTickAndTheLoop) {
  notifier_.tick();
  notifier_.tick();
  EXPECT_EQ(signsOfLife(), 1);
  clock_.advance(Duration::seconds(15));
  notifier_.tick();
  EXPECT_EQ(signsOfLife(), 2);
  loop_lives_ = false;
  clock_.advance(Duration::seconds(15));
  notifier_.tick();
  EXPECT_EQ(signsOfLife(), 2);
  // While it ends the loop has gone first.
  notifier_.stopping();
  clock_.advance(Duration::seconds(15));
  notifier_.tick();
  EXPECT_EQ(signsOfLife(), 3);
}

TEST_F(NotifierTest, AStatusIsSentWhenItChangesAndIsOneLine) {
  notifier_.status("standby");
  notifier_.status("standby");
  notifier_.status("active\nREADY=1");
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0], "STATUS=standby");
  EXPECT_EQ(sent_[1].find('\n'), std::string::npos);
}

TEST_F(NotifierTest, AReloadSaysWhenItBegan) {
  notifier_.reloading();
  EXPECT_EQ(sent_[0].find("RELOADING=1\nMONOTONIC_USEC="), 0u);
}

}  // namespace
}  // namespace muster::agent
