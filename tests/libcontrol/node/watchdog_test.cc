// The watchdog's thread and what the lease's driver has it do, with a device in memory.
#include "libcontrol/node/watchdog.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/libcontrol/node/fake_watchdog.h"
#include "tests/libcontrol/node/node_fixture.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using testing::FakeWatchdog;
using testing::FakeWatchdogState;
using ::testing::HasSubstr;

constexpr Duration kTtl = Duration::seconds(60);

template <typename Condition>
::testing::AssertionResult eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return ::testing::AssertionFailure();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return ::testing::AssertionSuccess();
}

class WatchdogTest : public ::testing::Test {
 protected:
  void make(bool required) {
    watchdog_ =
        std::make_unique<Watchdog>(std::make_unique<FakeWatchdog>(state_), required, clock_);
  }
  // A lease is offered and granted.
  Status begin(uint64_t epoch) {
    if (Status tried = watchdog_->tryFor(kTtl); !tried) return tried;
    EXPECT_TRUE(watchdog_->extended(epoch, clock_.elapsed() + kTtl));
    return watchdog_->armedFor(epoch);
  }

  SystemClock clock_{SystemClock::Bias::kLarger};
  FakeWatchdogState state_;
  std::unique_ptr<Watchdog> watchdog_;
};

TEST_F(WatchdogTest, IsTriedAtTheOfferAndArmedForTheLease) {
  make(true);
  EXPECT_EQ(watchdog_->describe(), "not armed: /dev/fake");
  ASSERT_TRUE(watchdog_->tryFor(kTtl));
  EXPECT_THAT(state_.take(), ElementsAre("open", "set 54", "set 27", "set 60", "disarm"));
  ASSERT_TRUE(watchdog_->extended(7, clock_.elapsed() + kTtl));
  ASSERT_TRUE(watchdog_->armedFor(7));
  EXPECT_THAT(state_.take(), ElementsAre("open", "set 54", "feed"));
  EXPECT_EQ(watchdog_->describe(), "armed: /dev/fake, 54 s");
  ASSERT_TRUE(watchdog_->extended(7, clock_.elapsed() + kTtl));
  EXPECT_TRUE(eventually([&] { return state_.has("feed"); }));
  EXPECT_THAT(state_.take(), ElementsAre("feed"));
  watchdog_->stopped(7);
  watchdog_.reset();
  EXPECT_THAT(state_.take(), ElementsAre("set 60", "disarm"));
}

TEST_F(WatchdogTest, ALeaseThatIsHeldLeavesItCounting) {
  make(true);
  ASSERT_TRUE(begin(7));
  state_.take();
  watchdog_.reset();
  EXPECT_FALSE(state_.has("disarm"));
  EXPECT_TRUE(state_.open);
}

TEST_F(WatchdogTest, AnOfferIsDeclinedIfItIsRequiredAndCannotBeUsed) {
  state_.unusable = "is not there";
  make(true);
  EXPECT_EQ(watchdog_->tryFor(kTtl).text(), "/dev/fake is not there");
  EXPECT_EQ(watchdog_->describe(), "not armed: /dev/fake is not there");
  state_.set([](auto& state) { state.unusable.clear(); });
  EXPECT_TRUE(begin(7));
}

TEST_F(WatchdogTest, OtherwiseItGoesOnWithout) {
  state_.unusable = "is not there";
  make(false);
  EXPECT_TRUE(begin(7));
  EXPECT_THAT(watchdog_->describe(), HasSubstr("not armed: /dev/fake is not there"));
  watchdog_->stopped();
  state_.set([](auto& state) { state.unusable.clear(); });
  EXPECT_TRUE(begin(8));
  EXPECT_EQ(watchdog_->describe(), "armed: /dev/fake, 54 s");
}

TEST_F(WatchdogTest, SaysWhichLeaseWouldDo) {
  state_.shortest_s = 4;
  make(true);
  EXPECT_EQ(watchdog_->tryFor(Duration::seconds(4)).text(),
            "/dev/fake takes no timeout short enough for a lease of 4s; one of 5s would do");
  EXPECT_TRUE(watchdog_->tryFor(Duration::seconds(5)));
}

TEST_F(WatchdogTest, OneThatIsTakenBetweenOfferAndGrantFailsThePromotion) {
  make(true);
  ASSERT_TRUE(watchdog_->tryFor(kTtl));
  state_.set([](auto& state) { state.unusable = "is used by another process"; });
  ASSERT_TRUE(watchdog_->extended(7, clock_.elapsed() + kTtl));
  EXPECT_EQ(watchdog_->armedFor(7).text(), "/dev/fake is used by another process");
}

TEST_F(WatchdogTest, AGrantThatLeavesTooLittleFailsThePromotion) {
  make(true);
  ASSERT_TRUE(watchdog_->tryFor(kTtl));
  ASSERT_TRUE(watchdog_->extended(7, clock_.elapsed() + Duration::seconds(20)));
  EXPECT_THAT(watchdog_->armedFor(7).text(), HasSubstr("what is left of the lease"));
}

TEST_F(WatchdogTest, OneThatBreaksIsToldAtTheNextRenewal) {
  make(true);
  ASSERT_TRUE(begin(7));
  state_.set([](auto& state) { state.broken = true; });
  EXPECT_TRUE(eventually([&] { return !watchdog_->extended(7, clock_.elapsed() + kTtl); }));
  state_.set([](auto& state) { state.broken = false; });
  EXPECT_TRUE(eventually([&] { return watchdog_->extended(7, clock_.elapsed() + kTtl).isOk(); }));
}

TEST_F(WatchdogTest, OneThatCannotBeDisarmedIsFedByItsOwnTimeout) {
  state_.nowayout = true;
  make(true);
  ASSERT_TRUE(watchdog_->tryFor(kTtl));
  EXPECT_TRUE(eventually([&] { return state_.has("feed"); }));
  EXPECT_EQ(watchdog_->describe(),
            "can't be disarmed, is fed while this process runs: /dev/fake, 60 s");
  ASSERT_TRUE(begin(7));
  EXPECT_EQ(watchdog_->describe(), "armed: /dev/fake, 54 s");
  watchdog_->stopped(7);
  EXPECT_TRUE(eventually([&] { return watchdog_->describe().ends_with("60 s"); }));
  state_.take();
  watchdog_.reset();
  EXPECT_THAT(state_.take(), ElementsAre("feed"));
}

// --- the device ----------------------------------------------------------------------------------

TEST(LinuxWatchdog, SaysWhatIsWrongWithAFile) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const auto missing = makeLinuxWatchdog(folder / "no-watchdog");
  EXPECT_THAT(missing->open().text(), HasSubstr("no-watchdog is not there"));
  const auto file = folder / "not-a-watchdog";
  std::ofstream(file) << "kept";
  const auto plain = makeLinuxWatchdog(file);
  EXPECT_THAT(plain->open().text(), HasSubstr("not-a-watchdog is not a watchdog"));
  EXPECT_FALSE(plain->isOpen());
  EXPECT_EQ(std::filesystem::file_size(file), 4u);
  std::filesystem::remove(file);
}

// --- the options ---------------------------------------------------------------------------------

TEST(WatchdogOptions, AreReadAndChecked) {
  const auto file = std::filesystem::path(::testing::TempDir()) / "watchdog-node.toml";
  const auto load = [&file](const std::string& lines) {
    std::ofstream(file) << "[node]\njid = \"n@x.test\"\npassword_env = \"PATH\"\n"
                        << "state_dir = \"state\"\ncoordinator = \"muster.test\"\n"
                        << lines;
    auto options = loadNodeOptions(file);
    std::filesystem::remove(file);
    return options;
  };
  EXPECT_EQ(load("")->watchdog, WatchdogMode::kOff);
  EXPECT_THAT(load("watchdog = \"on\"").status().text(),
              HasSubstr("must be \"off\", \"automatic\" or \"required\", not 'on'"));
  auto options = load("group = \"g\"\nwatchdog = \"required\"\nwatchdog_device = \"wd1\"");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->watchdog, WatchdogMode::kRequired);
  EXPECT_EQ(options->watchdog_device, file.parent_path() / "wd1");
  SeededRandom random(1);
  EXPECT_TRUE(identityOf(*options, random));
  options->watchdog_device = "wd1";
  EXPECT_EQ(identityOf(*options, random).status().field(), "watchdog_device");
  options->group.clear();
  EXPECT_EQ(identityOf(*options, random).status().field(), "watchdog");
  EXPECT_THAT(load("watchdog = \"automatic\"").status().text(), HasSubstr("there is no group"));
}

// --- a node --------------------------------------------------------------------------------------

class GuardedNodeTest : public testing::NodeFixture {
 protected:
  ~GuardedNodeTest() override { stop(); }
  void guard(bool required) {
    watchdog_ = std::make_unique<Watchdog>(std::make_unique<FakeWatchdog>(state_), required,
                                           SystemClock::forHolder());
  }
  FakeWatchdogState state_;
};

TEST_F(GuardedNodeTest, IsArmedFromBeforeThePromotionUntilAfterTheDemotion) {
  guard(true);
  std::atomic<bool> armed_at_promotion{false};
  std::atomic<bool> armed_at_demotion{false};
  on_promote_ = [&] { armed_at_promotion = state_.has("feed"); };
  on_demote_ = [&] { armed_at_demotion = !state_.has("disarm"); };
  ASSERT_TRUE(make());
  EXPECT_THAT(core_->roleInfo().watchdog(), HasSubstr("not armed"));
  state_.take();
  makeActive(7);
  EXPECT_TRUE(armed_at_promotion);
  EXPECT_THAT(core_->roleInfo().watchdog(), HasSubstr("armed: /dev/fake, 54 s"));
  state_.take();
  // A lost connection is no reason.
  own_link_->drop("a test");
  settle();
  EXPECT_FALSE(state_.has("disarm"));
  core_->resign("a test");
  ASSERT_TRUE(eventually([this] { return state_.has("disarm"); }));
  EXPECT_TRUE(armed_at_demotion);
  EXPECT_EQ(demoted_, 1);
}

TEST_F(GuardedNodeTest, DeclinesAnOfferWithItsReason) {
  guard(true);
  state_.unusable = "is not there";
  ASSERT_TRUE(make());
  const xmpp::IqOutcome answer = ask(coordinator_, xmpp::writeLease(offerOf(7)));
  ASSERT_NE(answer.payload(), nullptr);
  const auto message = xmpp::readLease(*answer.payload());
  ASSERT_TRUE(message && message->has_denied());
  EXPECT_EQ(message->denied().reason(), "/dev/fake is not there");
  EXPECT_EQ(core_->roleInfo().highest_epoch(), 0u);
  // Once it is there the offers are taken again.
  state_.set([](auto& state) { state.unusable.clear(); });
  makeActive(7);
}

TEST_F(GuardedNodeTest, TheApplicationsOwnReasonOutlivesIt) {
  guard(true);
  ASSERT_TRUE(make());
  core_->declineOffers("the program crashed");
  const xmpp::IqOutcome answer = ask(coordinator_, xmpp::writeLease(offerOf(7)));
  ASSERT_NE(answer.payload(), nullptr);
  EXPECT_EQ(xmpp::readLease(*answer.payload())->denied().reason(), "the program crashed");
  EXPECT_FALSE(state_.has("open")) << "nothing is armed for an offer that is declined anyway";
}

TEST_F(GuardedNodeTest, AWordThatTheApplicationIsGoneDisarms) {
  guard(true);
  ASSERT_TRUE(make());
  makeActive(7);
  state_.take();
  core_->applicationGone("ended by signal 9");
  EXPECT_TRUE(eventually([this] { return state_.has("disarm"); }));
  EXPECT_EQ(demoted_, 0);
}

TEST_F(GuardedNodeTest, OneThatBreaksCostsTheRole) {
  guard(true);
  ASSERT_TRUE(make());
  makeActive(7);
  state_.set([](auto& state) { state.broken = true; });
  const auto renew = [this] {
    for (int i = 0; i < 6; ++i) {
      clock_.advance(Duration::seconds(4));
      settle();
    }
    offer(8);  // declined, but the node looks at its clock
    settle();
  };
  renew();
  // The second refusal comes after the first has been told.
  ASSERT_TRUE(eventually([this] { return state_.refusals() >= 2; }));
  renew();
  ASSERT_TRUE(eventually([this] { return !releases_.empty(); }));
  EXPECT_THAT(releases_[0].reason(), HasSubstr("/dev/fake"));
}

}  // namespace
}  // namespace muster
