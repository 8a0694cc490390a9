// With real processes; only what the operating system does can be wrong here.
#include "node-agent/supervisor.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/node-agent/driven_supervisor.h"

namespace muster::agent {
namespace {

using test::daemonised;
using test::DrivenSupervisor;
using test::eventually;
using test::isRunning;
using test::ScratchFolder;

SupervisorOptions quick(std::vector<std::string> command, bool automatic = true) {
  SupervisorOptions options;
  options.command = std::move(command);
  options.automatic = automatic;
  options.restart.backoff_first = Duration::millis(10);
  options.restart.backoff_last = Duration::millis(20);
  options.grace = Duration::millis(100);
  return options;
}

const std::string kStays = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

TEST(Supervisor, StartsAProgramThatEndsAgain) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script("p", "echo run >> runs; sleep 0.01")}));
  ASSERT_TRUE(driven.begin().isOk());
  EXPECT_TRUE(eventually([&] { return folder.read("runs").size() >= 3 * 4; }));
  driven.finish();
  const std::string runs = folder.read("runs");
  EXPECT_EQ(folder.read("runs"), runs);
}

TEST(Supervisor, ACommandThatCanNotBeExecutedIsAFailureAtOnce) {
  DrivenSupervisor driven(quick({"/nowhere/program"}));
  const Status begun = driven.begin();
  EXPECT_EQ(begun.code(), Code::kNotFound);
}

TEST(Supervisor, TheWordIsGivenWhenNothingIsLeftOfTheProgram) {
  const ScratchFolder folder;
  DrivenSupervisor driven(
      quick({folder.script("p", daemonised("far") + "echo $$ > program\nsleep 1000")}, false));
  std::atomic<bool> told{false};
  std::atomic<bool> far_was_running{true};
  std::string why;
  driven.callbacks.gone = [&](const std::string& text) {
    far_was_running = isRunning(folder.pid("far"));
    why = text;
    told = true;
  };
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(driven.supervisor.startProgram({}, [] { return true; }).isOk());
  ASSERT_TRUE(eventually([&] { return folder.pid("far") != 0 && folder.pid("program") != 0; }));
  ASSERT_TRUE(isRunning(folder.pid("far")));
  kill(folder.pid("program"), SIGKILL);
  ASSERT_TRUE(eventually([&] { return told.load(); }));
  EXPECT_FALSE(far_was_running);
  EXPECT_EQ(why, "was ended by signal 9 (Killed)");
  EXPECT_TRUE(driven.availability.inOutage());
}

TEST(Supervisor, ACrashLoopEndsInAHold) {
  const ScratchFolder folder;
  SupervisorOptions options = quick({folder.script("p", "echo run >> runs; exit 1")});
  options.restart.max_restarts = 2;
  DrivenSupervisor driven(options);
  std::atomic<bool> held{false};
  driven.callbacks.unfit = [&](const std::string& why) {
    if (why.find("stays stopped") != std::string::npos) held = true;
  };
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(eventually([&] { return held.load(); }));
  EXPECT_EQ(folder.read("runs"), "run\nrun\nrun\n");
  EXPECT_TRUE(driven.availability.inOutage());
  driven.finish();
  EXPECT_EQ(folder.read("runs"), "run\nrun\nrun\n");
}

TEST(Supervisor, AStartIsRefusedWhileACrashIsFresh) {
  const ScratchFolder folder;
  SupervisorOptions options = quick({folder.script("p", "exit 1")}, false);
  options.restart.backoff_first = Duration::seconds(100);
  options.restart.backoff_last = Duration::seconds(100);
  DrivenSupervisor driven(options);
  std::atomic<bool> gone{false};
  driven.callbacks.gone = [&](const std::string&) { gone = true; };
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(driven.supervisor.startProgram({}, [] { return true; }).isOk());
  ASSERT_TRUE(eventually([&] { return gone.load(); }));
  const Status again = driven.supervisor.startProgram({}, [] { return true; });
  EXPECT_EQ(again.code(), Code::kUnavailable);
  EXPECT_NE(again.text().find("exited with status 1"), std::string::npos) << again.text();
}

TEST(Supervisor, StoppingTakesTheWholeFamilyWhateverItIgnores) {
  const ScratchFolder folder;
  DrivenSupervisor driven(
      quick({folder.script("p", "trap '' TERM\n" + daemonised("far") +
                                    "echo $$ > program\nwhile :; do sleep 1000; done")},
            false));
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(driven.supervisor.startProgram({}, [] { return true; }).isOk());
  ASSERT_TRUE(eventually([&] { return folder.pid("far") != 0 && folder.pid("program") != 0; }));
  driven.supervisor.stopProgram(ElapsedTime::max());
  EXPECT_FALSE(isRunning(folder.pid("far")));
  EXPECT_FALSE(isRunning(folder.pid("program")));
  EXPECT_EQ(driven.supervisor.program(), 0);
  // Told to stop is no crash.
  EXPECT_FALSE(driven.availability.inOutage());
  EXPECT_TRUE(driven.supervisor.startProgram({}, [] { return true; }).isOk());
}

TEST(Supervisor, AnOrderlyEndIsGivenItsTime) {
  const ScratchFolder folder;
  SupervisorOptions options =
      quick({folder.script("p",
                           "trap 'sleep 0.1; echo saved > state; exit 0' TERM\necho > up\n"
                           "while :; do sleep 0.02; done")},
            false);
  options.grace = Duration::seconds(60);
  DrivenSupervisor driven(options);
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(driven.supervisor.startProgram({}, [] { return true; }).isOk());
  ASSERT_TRUE(eventually([&] { return folder.read("up") == "\n"; }));
  driven.supervisor.stopProgram(ElapsedTime::max());
  EXPECT_EQ(folder.read("state"), "saved\n");
}

TEST(Supervisor, AProgramThatStandsStillIsAnOutageAndCanBeEnded) {
  const ScratchFolder folder;
  SupervisorOptions options = quick({folder.script("p", "echo $$ > program; " + kStays)});
  options.grace = Duration::seconds(60);  // it must heed SIGTERM, not SIGKILL
  DrivenSupervisor driven(options);
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(eventually([&] { return folder.pid("program") != 0; }));
  kill(folder.pid("program"), SIGSTOP);
  EXPECT_TRUE(eventually([&] { return driven.availability.inOutage(); }));
  kill(folder.pid("program"), SIGCONT);
  EXPECT_TRUE(eventually([&] { return !driven.availability.inOutage(); }));
  kill(folder.pid("program"), SIGSTOP);
  EXPECT_TRUE(eventually([&] { return driven.availability.inOutage(); }));
  driven.finish();
  EXPECT_FALSE(isRunning(folder.pid("program")));
}

TEST(Supervisor, PassesSignalsOnToTheGroup) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script(
      "p",
      "trap 'echo hup >> got' HUP; trap 'echo usr1 >> got' USR1; trap 'exit 0' TERM\n"
      "echo > up\nwhile :; do sleep 0.02; done")}));
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(eventually([&] { return folder.read("up") == "\n"; }));
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return folder.read("got") == "hup\n"; }));
  kill(getpid(), SIGUSR1);
  EXPECT_TRUE(eventually([&] { return folder.read("got") == "hup\nusr1\n"; }));
}

TEST(Supervisor, OnSigtermItAsksForTheEndOnce) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script("p", kStays)}));
  std::atomic<int> asked{0};
  driven.callbacks.stop_asked = [&] { ++asked; };
  ASSERT_TRUE(driven.begin().isOk());
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(eventually([&] { return asked == 1; }));
  kill(getpid(), SIGINT);
  driven.finish();
  EXPECT_EQ(asked, 1);
}

TEST(Supervisor, AnExecutableIsHeardAndJudged) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script("p", kStays)}));
  ASSERT_TRUE(driven.begin().isOk());
  HookSpec spec;
  spec.name = "promote";
  spec.term_at = spec.kill_at = ElapsedTime::max();
  spec.environment = {{"MUSTER_EPOCH", "7"}};
  spec.command = {folder.script("good", "echo \"$1 $MUSTER_EPOCH\" > heard"), "word"};
  EXPECT_TRUE(driven.supervisor.runHook(spec).isOk());
  EXPECT_EQ(folder.read("heard"), "word 7\n");

  spec.command = {folder.script("bad", "exit 4")};
  const Status bad = driven.supervisor.runHook(spec);
  EXPECT_NE(bad.text().find("exited with status 4"), std::string::npos) << bad.text();

  spec.command = {folder.file("missing")};
  EXPECT_EQ(driven.supervisor.runHook(spec).code(), Code::kNotFound);
}

TEST(Supervisor, AnExecutableThatHangsIsEnded) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script("p", kStays)}));
  ASSERT_TRUE(driven.begin().isOk());
  HookSpec spec;
  spec.name = "demote";
  spec.command = {folder.script("hang", "trap '' TERM; echo $$ > hook; while :; do sleep 9; done")};
  const ElapsedTime now = driven.clock.elapsed();
  spec.term_at = now + Duration::millis(300);
  spec.kill_at = now + Duration::millis(400);
  EXPECT_EQ(driven.supervisor.runHook(spec).code(), Code::kTimeout);
  EXPECT_FALSE(isRunning(folder.pid("hook")));

  std::atomic<bool> allowed{true};
  spec.term_at = spec.kill_at = ElapsedTime::max();
  spec.allowed = [&] { return allowed.load(); };
  std::thread soon([&] {
    EXPECT_TRUE(eventually([&] { return isRunning(folder.pid("hook")); }));
    allowed = false;
  });
  EXPECT_EQ(driven.supervisor.runHook(spec).code(), Code::kTimeout);
  soon.join();
  EXPECT_NE(driven.supervisor.program(), 0);
}

TEST(Supervisor, AnExecutableEndsWithTheProgram) {
  const ScratchFolder folder;
  DrivenSupervisor driven(quick({folder.script("p", "echo $$ > program; " + kStays)}));
  ASSERT_TRUE(driven.begin().isOk());
  ASSERT_TRUE(eventually([&] { return folder.pid("program") != 0; }));
  HookSpec spec;
  spec.name = "promote";
  spec.term_at = spec.kill_at = ElapsedTime::max();
  spec.command = {folder.script("kills", "kill -KILL $(cat program); sleep 1000")};
  EXPECT_EQ(driven.supervisor.runHook(spec).code(), Code::kConflict);
  EXPECT_TRUE(eventually([&] { return driven.supervisor.program() != 0; }));
}

// What asks after health, begun on the supervisor's own thread.
class ProbeTest : public testing::Test {
 protected:
  void begin() {
    SupervisorOptions options;
    options.command = {folder_.script("program", "echo $$ > pid; exec sleep 1000")};
    driven_ = std::make_unique<DrivenSupervisor>(options);
    driven_->callbacks.tick = [this] {
      if (std::exchange(begun_, true)) return;
      driven_->supervisor.runBeside(spec_, [this](const Status& status) {
        status_ = status;
        done_ = true;
      });
    };
    spec_.name = "health";
    spec_.term_at = spec_.kill_at = driven_->clock.elapsed() + Duration::seconds(100);
    spec_.line = [this](const std::string& line) { said_ = line; };
    ASSERT_TRUE(driven_->begin().isOk());
  }

  ScratchFolder folder_;
  HookSpec spec_;
  bool begun_ = false;
  std::string said_;
  Status status_;
  std::atomic<bool> done_{false};
  std::unique_ptr<DrivenSupervisor> driven_;
};

TEST_F(ProbeTest, RunsBesideAnotherExecutableAndSaysWhy) {
  spec_.command = {
      folder_.script("health", "while [ ! -e promoted ]; do sleep 0.01; done; echo lags; exit 1")};
  begin();
  HookSpec promote;
  promote.name = "promote";
  promote.command = {folder_.script("promote", "touch promoted")};
  promote.term_at = promote.kill_at = driven_->clock.elapsed() + Duration::seconds(100);
  EXPECT_TRUE(driven_->supervisor.runHook(promote).isOk());
  ASSERT_TRUE(eventually([this] { return done_.load(); }));
  EXPECT_EQ(status_.code(), Code::kUnavailable);
  EXPECT_EQ(said_, "lags");
}

TEST_F(ProbeTest, EndsWithTheProgramAndSaysNothingThen) {
  spec_.command = {folder_.script("health", "echo $$ > asked; exec sleep 1000")};
  begin();
  ASSERT_TRUE(eventually([this] { return folder_.pid("asked") != 0 && folder_.pid("pid") != 0; }));
  kill(folder_.pid("pid"), SIGKILL);
  ASSERT_TRUE(eventually([this] { return done_.load(); }));
  EXPECT_EQ(status_.code(), Code::kConflict);
  EXPECT_FALSE(isRunning(folder_.pid("asked")));
}

}  // namespace
}  // namespace muster::agent
