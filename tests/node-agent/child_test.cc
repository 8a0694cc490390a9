#include "node-agent/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "node-agent/role_environment.h"
#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

using test::eventually;
using test::ScratchFolder;

std::string endOf(const ChildSpec& spec) {
  auto child = startChild(spec);
  if (!child) return child.status().text();
  siginfo_t info{};
  EXPECT_TRUE(eventually([&] { return hasEnded(*child, info); }));
  reap(*child);
  return describeExit(info);
}

TEST(Child, SaysHowItEnded) {
  EXPECT_EQ(endOf({{"sh", "-c", "exit 3"}, {}, -1}), "exited with status 3");
  EXPECT_EQ(endOf({{"sh", "-c", "kill -SEGV $$"}, {}, -1}),
            "was ended by signal 11 (Segmentation fault)");
}

TEST(Child, ItsOutputsCanGoToDifferentPlaces) {
  int out[2];
  int error[2];
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(error, O_CLOEXEC), 0);
  EXPECT_EQ(endOf({{"sh", "-c", "echo out; echo error >&2"}, {}, -1, out[1], error[1]}),
            "exited with status 0");
  char text[16] = {};
  EXPECT_EQ(read(out[0], text, sizeof text), 4);
  EXPECT_EQ(std::string(text), "out\n");
  EXPECT_EQ(read(error[0], text, sizeof text), 6);
  EXPECT_EQ(std::string(text), "error\n");
  for (const int fd : {out[0], out[1], error[0], error[1]}) close(fd);
}

TEST(Child, AProgramThatIsNotThereIsNamed) {
  const auto child = startChild({{"/nowhere/program"}, {}, -1});
  ASSERT_FALSE(child.isOk());
  EXPECT_EQ(child.status().code(), Code::kNotFound);
  EXPECT_EQ(child.status().text(),
            "'/nowhere/program' can't be executed: No such file or directory");
}

TEST(Child, HasAGroupOfItsOwnAndPlainSignals) {
  const ScratchFolder folder;
  // A shell can't trap what was ignored when it started.
  signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  EXPECT_EQ(endOf({{folder.script("p",
                                  "ps -o pgid= -p $$ > group; echo $$ >> group\n"
                                  "trap 'echo usr1 >> group' USR1; kill -USR1 $$\n"
                                  "kill -USR2 $$; sleep 100")},
                   {},
                   -1}),
            "was ended by signal 12 (User defined signal 2)");
  sigprocmask(SIG_SETMASK, &before, nullptr);
  signal(SIGUSR1, SIG_DFL);
  std::istringstream in(folder.read("group"));
  pid_t group = 0;
  pid_t pid = 0;
  std::string said;
  in >> group >> pid >> said;
  EXPECT_EQ(group, pid);
  EXPECT_EQ(said, "usr1");
}

TEST(Child, InheritsNoDescriptorBesidesTheStandardOnes) {
  const ScratchFolder folder;
  int open_ends[2];
  ASSERT_EQ(pipe(open_ends), 0);  // not close-on-exec
  EXPECT_EQ(endOf({{folder.script("p", "ls /proc/$$/fd > fds")}, {}, -1}), "exited with status 0");
  close(open_ends[0]);
  close(open_ends[1]);
  std::istringstream in(folder.read("fds"));
  for (int fd = 0; in >> fd;) {
    // The shell itself reads its script through one of its own, 10 or above.
    EXPECT_TRUE(fd <= 2 || fd >= 10 || fd == 3) << fd;
    EXPECT_NE(fd, open_ends[1]);
  }
}

TEST(Child, LearnsItsRoleAndNobodyElses) {
  const ScratchFolder folder;
  setenv("MUSTER_EPOCH", "4", 1);
  setenv("MUSTER_CAUSE", "drain", 1);
  setenv("SITE", "north", 1);
  RoleFacts facts;
  facts.group = "storage";
  facts.node = "node1";
  facts.epoch = 7;
  facts.instance = "ab";
  EXPECT_EQ(endOf({{folder.script("p", "env > env")}, programEnvironment(facts), -1}),
            "exited with status 0");
  unsetenv("MUSTER_EPOCH");
  unsetenv("MUSTER_CAUSE");
  unsetenv("SITE");
  const std::string env = "\n" + folder.read("env");
  for (const char* line : {"MUSTER_GROUP=storage", "MUSTER_NODE=node1", "MUSTER_EPOCH=7",
                           "MUSTER_INSTANCE=ab", "MUSTER_PREVIOUS_EPOCH=0", "SITE=north"}) {
    EXPECT_NE(env.find(std::string("\n") + line + "\n"), std::string::npos) << line << " in" << env;
  }
  EXPECT_EQ(env.find("MUSTER_EPOCH=4"), std::string::npos);
  EXPECT_EQ(env.find("MUSTER_CAUSE"), std::string::npos);
}

TEST(RoleEnvironment, TellsHowMuchTimeIsLeft) {
  RoleFacts facts;
  facts.epoch = 7;
  facts.program = 4711;
  const Environment told = hookEnvironment(facts, "demote", "drain", Duration::millis(2500),
                                           WallTime{1'767'225'600'000});
  const auto valueOf = [&](const std::string& name) {
    for (const auto& [key, value] : told) {
      EXPECT_TRUE(isRoleVariable(key)) << key;
      if (key == name) return value;
    }
    return std::string("(none)");
  };
  EXPECT_EQ(valueOf("MUSTER_ACTION"), "demote");
  EXPECT_EQ(valueOf("MUSTER_CAUSE"), "drain");
  EXPECT_EQ(valueOf("MUSTER_LEASE_DEADLINE_MS"), "2500");
  EXPECT_EQ(valueOf("MUSTER_DEADLINE"), toRfc3339({1'767'225'602'500}));
  EXPECT_EQ(valueOf("MUSTER_PID"), "4711");
  EXPECT_FALSE(isRoleVariable("MUSTER_CLUSTER"));
}

}  // namespace
}  // namespace muster::agent
