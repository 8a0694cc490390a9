#include "coordinator/local/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/local/files.h"
#include "tests/coordinator/local/scratch_folder.h"

namespace muster::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProcessTest : public ::testing::Test {
 protected:
  ProcessSpec shell(const std::string& script) const {
    ProcessSpec spec;
    spec.name = "shell";
    spec.argv = {"/bin/sh", "-c", script};
    spec.log_file = folder_.path() / "log";
    spec.working_dir = folder_.path();
    return spec;
  }
  ProcessId startShell(const std::string& script) const {
    auto started = startProcess(shell(script), [](const ProcessId&) { return Status::ok(); });
    EXPECT_TRUE(started.isOk()) << started.status().text();
    return started ? *started : ProcessId{};
  }
  std::string log() const { return readFile(folder_.path() / "log", 65536).value(); }

  ScratchFolder folder_;
};

TEST_F(ProcessTest, RecognisesItselfAndNoOther) {
  const auto self = identify(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(isRunning(*self));
  EXPECT_FALSE(isRunning({self->pid, self->start_ticks + 1}));
  EXPECT_FALSE(isRunning({}));
  EXPECT_FALSE(identify(0));
}

TEST_F(ProcessTest, ReusedPidIsNotSignalled) {
  const ProcessId bystander = startShell("exec sleep 60");
  ProcessId earlier = bystander;
  earlier.start_ticks -= 1;
  EXPECT_THAT(endProcesses({earlier}, Duration::seconds(1)), ElementsAre(Ending::kWasNotRunning));
  EXPECT_TRUE(isRunning(bystander));
  EXPECT_THAT(endProcesses({bystander}, Duration::seconds(10)), ElementsAre(Ending::kTerminated));
  EXPECT_FALSE(isRunning(bystander));
}

TEST_F(ProcessTest, KillsWhatDoesNotHeedTheRequest) {
  const ProcessId stubborn =
      startShell("trap '' TERM; echo ready; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done");
  while (log().find("ready") == std::string::npos) usleep(1000);
  EXPECT_THAT(endProcesses({stubborn}, Duration::millis(50)), ElementsAre(Ending::kKilled));
  EXPECT_FALSE(isRunning(stubborn));
}

TEST_F(ProcessTest, ZombieCountsAsEndedAndTellsHow) {
  const ProcessId child = startShell("exit 3");
  while (isRunning(child)) usleep(1000);
  EXPECT_EQ(reapAndDescribe(child), "exited with status 3");
  EXPECT_EQ(reapAndDescribe(child), "ended");
}

TEST_F(ProcessTest, RunsOnlyWhenOnRecord) {
  ProcessId seen;
  const auto refused = startProcess(shell("echo ran"), [&](const ProcessId& id) {
    seen = id;
    EXPECT_TRUE(isRunning(id));
    return Status(Code::kInternal, "the record is full");
  });
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.status().text(), "the record is full");
  EXPECT_FALSE(isRunning(seen));
  EXPECT_EQ(log(), "");
}

TEST_F(ProcessTest, NeverRunsWhenItsStarterDies) {
  const pid_t starter = fork();
  if (starter == 0) {
    const auto started = startProcess(shell("echo ran"), [](const ProcessId&) -> Status {
      _exit(0);  // as by SIGKILL, between fork() and the record
    });
    _exit(started ? 1 : 2);
  }
  ASSERT_EQ(waitpid(starter, nullptr, 0), starter);
  usleep(200'000);
  EXPECT_EQ(log(), "");
}

TEST_F(ProcessTest, EndsWithItsStarterIfAsked) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const pid_t starter = fork();
  if (starter == 0) {
    auto spec = shell("exec sleep 60");
    spec.end_with_parent = true;
    const auto started = startProcess(spec, [](const ProcessId&) { return Status::ok(); });
    const ProcessId id = started ? *started : ProcessId{};
    _exit(write(fds[1], &id, sizeof id) == sizeof id ? 0 : 1);
  }
  ProcessId child;
  ASSERT_EQ(read(fds[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_EQ(waitpid(starter, nullptr, 0), starter);
  for (int i = 0; i < 1000 && isRunning(child); ++i) usleep(5000);
  EXPECT_FALSE(isRunning(child));
  close(fds[0]);
  close(fds[1]);
}

TEST_F(ProcessTest, SaysWhatCouldNotBeExecuted) {
  auto spec = shell("");
  spec.argv = {"/no/such/program"};
  const auto started = startProcess(spec, [](const ProcessId&) { return Status::ok(); });
  ASSERT_FALSE(started.isOk());
  EXPECT_THAT(started.status().text(), HasSubstr("cannot start shell: executing"));
  EXPECT_THAT(started.status().text(), HasSubstr("/no/such/program"));
}

TEST_F(ProcessTest, GivesItNothingButItsLog) {
  // Without O_CLOEXEC, as a careless library would open it.
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  signal(SIGPIPE, SIG_IGN);
  const Status done =
      runToEnd(shell("ls /proc/self/fd | tr '\\n' ' '; grep SigIgn /proc/self/status; "
                     "readlink /proc/self/fd/0; cut -d' ' -f 6 /proc/self/stat"),
               Duration::seconds(10));
  signal(SIGPIPE, SIG_DFL);
  close(fds[0]);
  close(fds[1]);
  ASSERT_TRUE(done.isOk()) << done.text();
  // 3 is ls's own, for the folder it lists.
  EXPECT_THAT(log(), HasSubstr("0 1 2 3 SigIgn:\t0000000000000000"));
  EXPECT_THAT(log(), HasSubstr("/dev/null"));
}

TEST_F(ProcessTest, ToolsHaveALimitAndTellWhatTheyWrote) {
  const Status failed = runToEnd(shell("echo bad input; exit 4"), Duration::seconds(10));
  EXPECT_EQ(failed.text(), "shell exited with status 4; it wrote:\nbad input");
  const Status slow = runToEnd(shell("exec sleep 60"), Duration::millis(50));
  EXPECT_THAT(slow.text(), HasSubstr("did not end in time"));
}

}  // namespace
}  // namespace muster::local
