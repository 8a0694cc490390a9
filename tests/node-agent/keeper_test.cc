// The agent's two processes, with a third one that plays the user.
#include "node-agent/keeper/keeper.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "node-agent/child.h"
#include "node-agent/process_tree.h"
#include "node-agent/run_kept.h"
#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

using test::daemonised;
using test::eventually;
using test::isRunning;
using test::ScratchFolder;

class KeeperTest : public testing::Test {
 protected:
  void TearDown() override {
    if (keeper_ == 0) return;
    kill(keeper_, SIGKILL);
    waitpid(keeper_, nullptr, 0);
  }

  // A keeper whose inner process runs `inner`, with a program that has left its family.
  void start(const std::function<int(LeaseWatch&)>& inner) {
    keeper_ = fork();
    ASSERT_GE(keeper_, 0);
    if (keeper_ != 0) return;
    const int code = runKept(MUSTER_KEEPER, {"run"}, [&](LeaseWatch& watch) {
      const auto child =
          startChild({{folder_.script("p", daemonised("far") + "exec sleep 1000")}, {}, -1});
      if (!child) return 99;
      while (folder_.pid("far") == 0) usleep(5000);
      writePid("inner");
      return inner(watch);
    });
    _exit(code);
  }
  void writePid(const std::string& name) {
    std::ofstream(folder_.file(name)) << getpid() << "\n" << std::flush;
  }
  bool isUp() {
    return eventually([this] { return folder_.pid("inner") != 0; });
  }
  int endOfKeeper() {
    int status = 0;
    waitpid(keeper_, &status, 0);
    keeper_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static int sleepForEver(LeaseWatch&) {
    for (;;) pause();
  }

  ScratchFolder folder_;
  pid_t keeper_ = 0;
};

TEST_F(KeeperTest, EndsAsTheInnerProcessDoesAndLeavesNothing) {
  start([](LeaseWatch&) { return 5; });
  EXPECT_EQ(endOfKeeper(), 5);
  EXPECT_NE(folder_.pid("far"), 0);
  EXPECT_FALSE(isRunning(folder_.pid("far")));
}

TEST_F(KeeperTest, NothingOutlivesAKilledInnerProcess) {
  start(sleepForEver);
  ASSERT_TRUE(isUp());
  ASSERT_TRUE(isRunning(folder_.pid("far")));
  kill(folder_.pid("inner"), SIGKILL);
  EXPECT_EQ(endOfKeeper(), 1);
  EXPECT_FALSE(isRunning(folder_.pid("far")));
}

TEST_F(KeeperTest, TheLeaseOfAnInnerProcessThatStandsStillEndsAllTheSame) {
  start([](LeaseWatch& watch) {
    watch.endsIn(Duration::seconds(1));
    raise(SIGSTOP);
    return 0;
  });
  EXPECT_EQ(endOfKeeper(), 1);
  EXPECT_NE(folder_.pid("far"), 0);
  EXPECT_FALSE(isRunning(folder_.pid("far")));
  EXPECT_FALSE(isRunning(folder_.pid("inner")));
}

TEST_F(KeeperTest, AStandbyThatStandsStillIsLeftAlone) {
  start([](LeaseWatch& watch) {
    watch.endsIn(Duration::seconds(-1));
    watch.clear();
    raise(SIGSTOP);
    return 7;
  });
  ASSERT_TRUE(isUp());
  const auto stopped = [this] {
    for (const ProcessEntry& entry : readProcesses()) {
      if (entry.pid == folder_.pid("inner")) return entry.state == 'T';
    }
    return false;
  };
  ASSERT_TRUE(eventually(stopped));
  kill(folder_.pid("inner"), SIGCONT);
  EXPECT_EQ(endOfKeeper(), 7);
}

TEST_F(KeeperTest, PassesSignalsOn) {
  start([](LeaseWatch&) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGUSR1, SIGTERM}) sigaddset(&set, number);
    int first = 0;
    int second = 0;
    sigwait(&set, &first);
    sigwait(&set, &second);
    return first == SIGUSR1 && second == SIGTERM ? 42 : 1;
  });
  ASSERT_TRUE(isUp());
  kill(keeper_, SIGUSR1);
  kill(keeper_, SIGTERM);
  EXPECT_EQ(endOfKeeper(), 42);
}

TEST_F(KeeperTest, WhenItIsKilledTheInnerProcessIsToldToEnd) {
  start([this](LeaseWatch&) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int number = 0;
    sigwait(&set, &number);
    writePid("told");
    kill(folder_.pid("far"), SIGKILL);
    return 0;
  });
  ASSERT_TRUE(isUp());
  kill(keeper_, SIGKILL);
  EXPECT_EQ(endOfKeeper(), -1);
  EXPECT_TRUE(eventually([this] { return folder_.pid("told") == folder_.pid("inner"); }));
  EXPECT_TRUE(eventually([this] { return !isRunning(folder_.pid("far")); }));
}

}  // namespace
}  // namespace muster::agent
