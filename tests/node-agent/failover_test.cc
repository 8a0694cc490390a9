// With a real supervisor, real executables and a lease that the test gives and takes.
#include "node-agent/failover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "libcontrol/node/lease_state.h"
#include "muster/fence.h"
#include "tests/node-agent/driven_supervisor.h"

namespace muster::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::daemonised;
using test::DrivenSupervisor;
using test::eventually;
using test::isRunning;
using test::ScratchFolder;

const std::string kInstance(32, 'a');

// A program's own connection, as it answers in a test.
class FakeChannel : public RoleChannel {
 public:
  Status promote(const Lease& lease, Duration) override {
    said.push_back("promote " + std::to_string(lease.epoch()));
    return promoted;
  }
  Status demote(uint64_t epoch, const std::string& cause, Duration) override {
    said.push_back("demote " + std::to_string(epoch) + " " + cause);
    return demoted;
  }
  void renewed(const Lease&) override { ++renewals; }

  Status promoted;
  Status demoted;
  std::vector<std::string> said;
  std::atomic<int> renewals{0};
};

class FailoverTest : public testing::Test {
 protected:
  using Mode = FailoverOptions::Mode;

  void begin(const std::string& program, int backoff_ms = 10,
             Duration grace = Duration::seconds(60)) {
    SupervisorOptions options;
    options.command = {folder.script("program", program)};
    options.automatic = failover_options.mode != Mode::kRun;
    options.restart.backoff_first = Duration::millis(backoff_ms);
    options.restart.backoff_last = Duration::millis(backoff_ms);
    options.grace = grace;
    driven = std::make_unique<DrivenSupervisor>(options);
    failover = std::make_unique<Failover>(
        failover_options, "storage", "node1", driven->supervisor, driven->supervisor, watch,
        driven->clock,
        [this](const std::string& why) {
          // What runs at this moment?
          said_while = folder.read("said");
          word = why;
          words += 1;
        },
        failover_options.mode == Mode::kSidecar ? &channel : nullptr);
    driven->callbacks.gone = [this](const std::string& why) { failover->programGone(why); };
    driven->callbacks.tick = [this] { failover->tick(); };
    ASSERT_TRUE(driven->begin().isOk());
  }

  void TearDown() override { driven.reset(); }

  Lease lease(uint64_t epoch, Duration length = Duration::seconds(100)) {
    state = std::make_shared<LeaseState>(epoch, kInstance, driven->clock);
    state->use_until_ns = (driven->clock.elapsed() + length).ns;
    return Lease(state);
  }

  // Executables that write down that they ran and what they were told.
  std::vector<std::string> says(const std::string& name, const std::string& then = "") {
    return {folder.script(name,
                          "echo \"$MUSTER_ACTION $MUSTER_EPOCH $MUSTER_CAUSE\" >> said\n" + then)};
  }

  bool programRuns() { return isRunning(folder.pid("pid")); }
  bool programStarted() {
    return eventually([this] { return programRuns(); });
  }

  const std::string kProgram =
      "echo $$ > pid\necho \"$MUSTER_EPOCH\" >> epochs\n"
      "trap 'exit 0' TERM\nwhile :; do sleep 0.02; done";
  const std::string kStubborn =
      daemonised("far") + "echo $$ > pid\ntrap '' TERM\nwhile :; do sleep 1000; done";

  ScratchFolder folder;
  FailoverOptions failover_options;
  FakeChannel channel;
  LeaseWatch watch;
  std::shared_ptr<LeaseState> state;
  std::unique_ptr<DrivenSupervisor> driven;
  std::unique_ptr<Failover> failover;
  std::string word;
  std::string said_while;
  std::atomic<int> words{0};
};

TEST_F(FailoverTest, InModeRunTheProgramRunsWhileTheNodeIsActive) {
  failover_options.promote = says("promote");
  failover_options.demote = says("demote");
  begin(kProgram);
  EXPECT_EQ(driven->supervisor.program(), 0);
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  ASSERT_TRUE(programStarted());
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  EXPECT_FALSE(programRuns());
  ASSERT_TRUE(failover->promote(lease(9)).isOk());
  ASSERT_TRUE(eventually([this] { return folder.read("epochs") == "7\n9\n"; }));
  failover->demote({Demotion::Cause::kShutdown, 9, seconds(60)});
  EXPECT_EQ(folder.read("said"),
            "promote 7 promotion\ndemote 7 drain\n"
            "promote 9 promotion\ndemote 9 shutdown\n");
  EXPECT_EQ(words, 0);
  EXPECT_FALSE(driven->availability.inOutage());
}

TEST_F(FailoverTest, OverItsConnectionTheProgramGoesOn) {
  failover_options.mode = Mode::kSidecar;
  begin(kProgram);
  ASSERT_TRUE(programStarted());
  const pid_t pid = folder.pid("pid");
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  EXPECT_TRUE(eventually([this] { return channel.renewals > 0; }));
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  EXPECT_EQ(channel.said, (std::vector<std::string>{"promote 7", "demote 7 drain"}));
  EXPECT_EQ(folder.pid("pid"), pid);
  EXPECT_TRUE(isRunning(pid));
}

TEST_F(FailoverTest, WhoCanNotBeToldToStopIsKilled) {
  failover_options.mode = Mode::kSidecar;
  begin(kProgram, /*backoff_ms=*/60'000);
  ASSERT_TRUE(programStarted());
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  channel.demoted = {Code::kTimeout, "the connection was lost"};
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  EXPECT_FALSE(programRuns());
}

TEST_F(FailoverTest, WhoWasNotToldOfAPromotionIsLeftAlone) {
  failover_options.mode = Mode::kSidecar;
  begin(kProgram);
  ASSERT_TRUE(programStarted());
  channel.promoted = {Code::kUnavailable, "the application is not connected"};
  EXPECT_EQ(failover->promote(lease(7)).code(), Code::kUnavailable);
  EXPECT_EQ(channel.said, (std::vector<std::string>{"promote 7"}));
  EXPECT_TRUE(programRuns());
  // One that may have become active is told to stop.
  channel.promoted = {Code::kTimeout, "no answer"};
  EXPECT_FALSE(failover->promote(lease(8)).isOk());
  EXPECT_EQ(channel.said.back(), "demote 8 promotion-failed");
  EXPECT_TRUE(programRuns());
}

TEST_F(FailoverTest, ADemotionThatHasNoTimeLeavesNothingAlive) {
  begin(kStubborn);
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  ASSERT_TRUE(eventually([this] { return folder.pid("far") != 0 && folder.pid("pid") != 0; }));
  failover->demote({Demotion::Cause::kLeaseOver, 7, milliseconds(200)});
  EXPECT_FALSE(programRuns());
  EXPECT_FALSE(isRunning(folder.pid("far")));
}

TEST_F(FailoverTest, AFailedPromotionIsUndone) {
  failover_options.promote = says("promote", "exit 3");
  failover_options.demote = says("demote");
  begin(kProgram);
  const Status status = failover->promote(lease(7));
  EXPECT_FALSE(status.isOk());
  EXPECT_NE(status.text().find("exited with status 3"), std::string::npos) << status.text();
  EXPECT_EQ(folder.read("said"), "promote 7 promotion\ndemote 7 promotion-failed\n");
  EXPECT_EQ(folder.read("epochs"), "");
  EXPECT_EQ(words, 0);
}

TEST_F(FailoverTest, APromotionDoesNotOutliveItsLease) {
  failover_options.promote = says("promote", daemonised("far") + "trap '' TERM; sleep 1000");
  begin(kProgram);
  const Lease held = lease(7);
  std::thread soon([this] {
    EXPECT_TRUE(eventually([this] { return folder.pid("far") != 0; }));
    state->use_until_ns = 0;
  });
  EXPECT_EQ(failover->promote(held).code(), Code::kTimeout);
  soon.join();
  EXPECT_FALSE(isRunning(folder.pid("far")));
}

TEST_F(FailoverTest, ACrashIsToldWhenNothingIsLeft) {
  failover_options.demote = says("demote");
  begin(daemonised("far") + kProgram);
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  ASSERT_TRUE(programStarted());
  ASSERT_TRUE(eventually([this] { return folder.pid("far") != 0; }));
  kill(folder.pid("pid"), SIGKILL);
  ASSERT_TRUE(eventually([this] { return words == 1; }));
  EXPECT_EQ(word, "was ended by signal 9 (Killed)");
  // The executable for demotion came first: an address that it takes back must not stay behind.
  EXPECT_EQ(said_while, "demote 7 crash\n");
  EXPECT_FALSE(isRunning(folder.pid("far")));
  // A demotion that comes late has nothing to do.
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  EXPECT_EQ(folder.read("said"), "demote 7 crash\n");
  ASSERT_TRUE(eventually([this] { return !driven->availability.inOutage(); }));
  EXPECT_TRUE(failover->promote(lease(8)).isOk());
}

TEST_F(FailoverTest, InModeAlwaysTheExecutablesTellTheProgram) {
  failover_options.mode = Mode::kAlways;
  failover_options.promote = says("promote", "echo $MUSTER_PID > told");
  failover_options.demote = says("demote");
  begin(kProgram);
  ASSERT_TRUE(programStarted());
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  EXPECT_EQ(folder.pid("told"), folder.pid("pid"));
  const pid_t pid = folder.pid("pid");
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  EXPECT_TRUE(isRunning(pid));
  EXPECT_EQ(folder.read("said"), "promote 7 promotion\ndemote 7 drain\n");
  EXPECT_EQ(folder.read("epochs"), "\n");  // the program has no epoch of its own
}

TEST_F(FailoverTest, ADemotionThatHangsCostsTheProgramItsLife) {
  failover_options.mode = Mode::kAlways;
  failover_options.promote = says("promote");
  failover_options.demote = says("demote", "trap '' TERM; while :; do sleep 1000; done");
  begin(kStubborn, 10, Duration::millis(100));
  ASSERT_TRUE(eventually([this] { return folder.pid("far") != 0 && folder.pid("pid") != 0; }));
  const pid_t pid = folder.pid("pid");
  const pid_t far = folder.pid("far");
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  failover->demote({Demotion::Cause::kLeaseOver, 7, milliseconds(300)});
  EXPECT_FALSE(isRunning(pid));
  EXPECT_FALSE(isRunning(far));
  // And it comes back as a standby's.
  EXPECT_TRUE(eventually([&] { return folder.pid("pid") != pid && programRuns(); }));
  EXPECT_EQ(words, 0);
}

TEST_F(FailoverTest, AStandbyThatDoesNotRunIsNotPromoted) {
  failover_options.mode = Mode::kAlways;
  failover_options.promote = says("promote");
  failover_options.demote = says("demote");
  begin("exit 1", 100'000);
  ASSERT_TRUE(eventually([this] { return driven->supervisor.program() == 0; }));
  EXPECT_EQ(failover->promote(lease(7)).code(), Code::kUnavailable);
  EXPECT_EQ(folder.read("said"), "");
}

TEST_F(FailoverTest, TheTokenIsClaimedBeforeAnythingRuns) {
  failover_options.fence_file = folder.file("fence");
  failover_options.promote = says("promote", "cp fence seen");
  begin(kProgram);
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  EXPECT_EQ(folder.read("seen"), "7\n" + kInstance + "\n");
  failover->demote({Demotion::Cause::kDrain, 7, seconds(60)});
  ASSERT_TRUE(FileFence(folder.file("fence")).claim(9, std::string(32, 'b')).isOk());
  EXPECT_EQ(failover->promote(lease(8)).code(), Code::kConflict);
  EXPECT_EQ(folder.read("said"), "promote 7 promotion\n");
}

TEST_F(FailoverTest, HealthIsAskedAfterWithRoleAndEpoch) {
  begin(kProgram);
  const auto variable = [this](const std::string& name) {
    const auto standing = failover->standing(Duration::seconds(5));
    for (const auto& [key, value] : standing->spec.environment) {
      if (key == name) return value;
    }
    return std::string("none");
  };
  EXPECT_EQ(variable("MUSTER_ROLE"), "standby");
  EXPECT_EQ(variable("MUSTER_EPOCH"), "0");
  ASSERT_TRUE(failover->promote(lease(7)).isOk());
  EXPECT_EQ(variable("MUSTER_ROLE"), "active");
  EXPECT_EQ(variable("MUSTER_EPOCH"), "7");
  EXPECT_EQ(variable("MUSTER_INSTANCE"), kInstance);
  EXPECT_EQ(variable("MUSTER_ACTION"), "health");
  EXPECT_EQ(variable("MUSTER_LEASE_DEADLINE_MS"), "5000");
  EXPECT_EQ(failover->describe(), "active under epoch 7");
}

TEST_F(FailoverTest, WhatWasActiveBeforeTheAgentIsDemotedFirst) {
  failover_options.mode = Mode::kAlways;
  failover_options.promote = says("promote");
  failover_options.demote = says("demote");
  begin(kProgram);
  ASSERT_TRUE(programStarted());
  failover->settle();
  EXPECT_EQ(folder.read("said"), "demote 0 agent-start\n");
  EXPECT_TRUE(programRuns());
}

TEST_F(FailoverTest, TheKeeperKnowsTheLease) {
  begin(kProgram);
  EXPECT_FALSE(watch.isOver());
  ASSERT_TRUE(failover->promote(lease(7, Duration::millis(700))).isOk());
  // Nobody renews it.
  EXPECT_TRUE(eventually([this] { return watch.isOver(); }));
  failover->demote({Demotion::Cause::kLeaseOver, 7, milliseconds(50)});
  EXPECT_FALSE(watch.isOver());
}

}  // namespace
}  // namespace muster::agent
