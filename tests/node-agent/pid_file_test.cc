// With real processes that are none of the test's descendants.
#include "node-agent/attach/pid_file.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

using test::eventually;
using test::isRunning;
using What = Sighting::What;

class PidFileTest : public testing::Test {
 protected:
  // A daemon that leads a session, with a worker in it; it writes its own pid to the file.
  pid_t startDaemon() {
    std::filesystem::remove(folder_.file("pid"));
    std::filesystem::remove(folder_.file("worker"));
    const std::string script = folder_.script(
        "daemon", "sleep 1000 & echo $! > worker\necho $$ > new; mv new pid\nwait; sleep 1000");
    EXPECT_EQ(std::system(("setsid " + script + " >/dev/null 2>&1 &").c_str()), 0);
    EXPECT_TRUE(eventually([this] { return folder_.pid("pid") != 0; }));
    started_.push_back(folder_.pid("pid"));
    started_.push_back(folder_.pid("worker"));
    return folder_.pid("pid");
  }
  void TearDown() override {
    for (const pid_t pid : started_) kill(pid, SIGKILL);
  }
  void writePid(pid_t pid) { std::ofstream(folder_.file("pid")) << pid << "\n"; }

  test::ScratchFolder folder_;
  PidFile file_{folder_.file("pid")};
  std::vector<pid_t> started_;
};

TEST_F(PidFileTest, AProcessIsSeenAndItsEndToo) {
  const pid_t pid = startDaemon();
  EXPECT_EQ(file_.look(), (Sighting{What::kUp, pid, ""}));
  EXPECT_GE(file_.handle(), 0);
  EXPECT_TRUE(file_.kill().isOk());
  ASSERT_TRUE(eventually([&] { return !isRunning(pid) && !isRunning(folder_.pid("worker")); }));
  const Sighting gone = file_.look();
  EXPECT_EQ(gone.what, What::kGone);
  EXPECT_EQ(gone.why, "process " + std::to_string(pid) + " has ended");
  // And it stays so, although the file is still there.
  EXPECT_EQ(file_.look(), gone);
}

TEST_F(PidFileTest, ItIsNotGoneWhileItsWorkerRuns) {
  const pid_t pid = startDaemon();
  const pid_t worker = folder_.pid("worker");
  (void)file_.look();
  kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !isRunning(pid); }));
  const Sighting down = file_.look();
  EXPECT_EQ(down.what, What::kDown);
  EXPECT_NE(down.why.find(std::to_string(worker)), std::string::npos) << down.why;
  EXPECT_TRUE(file_.kill().isOk());
  ASSERT_TRUE(eventually([&] { return !isRunning(worker); }));
  EXPECT_EQ(file_.look().what, What::kGone);
}

TEST_F(PidFileTest, AnEndIsToldBeforeItsSuccessorIsFollowed) {
  const pid_t first = startDaemon();
  (void)file_.look();
  EXPECT_TRUE(file_.kill().isOk());
  ASSERT_TRUE(eventually([&] { return !isRunning(first) && !isRunning(folder_.pid("worker")); }));
  const pid_t second = startDaemon();
  EXPECT_EQ(file_.look().what, What::kGone);
  EXPECT_EQ(file_.look(), (Sighting{What::kUp, second, ""}));
}

TEST_F(PidFileTest, AFileThatComesToNameAnotherIsFollowed) {
  const pid_t first = startDaemon();
  (void)file_.look();
  const pid_t second = startDaemon();
  ASSERT_NE(first, second);
  EXPECT_EQ(file_.look(), (Sighting{What::kUp, second, ""}));
}

TEST_F(PidFileTest, AnOldFileNamesNobodyWhoIsYounger) {
  const pid_t pid = startDaemon();
  // As after a crash of the machine, when the number has come to mean another process.
  std::filesystem::last_write_time(
      folder_.file("pid"), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const Sighting seen = file_.look();
  EXPECT_EQ(seen.what, What::kGone);
  EXPECT_EQ(seen.why, "process " + std::to_string(pid) + " is younger than the pid file");
  EXPECT_TRUE(file_.kill().isOk());
  EXPECT_TRUE(isRunning(pid));
}

TEST_F(PidFileTest, AFileThatNamesNobody) {
  EXPECT_EQ(file_.look().why, "there is no pid file (No such file or directory)");
  for (const char* text : {"", "x", "0", "1", "-7", "99999999999"}) {
    std::ofstream(folder_.file("pid")) << text;
    PidFile fresh(folder_.file("pid"));
    EXPECT_EQ(fresh.look(), (Sighting{What::kGone, 0, "the pid file names no process"})) << text;
  }
  PidFile own(folder_.file("pid"));
  writePid(getpid());
  EXPECT_EQ(own.look().what, What::kGone);
}

}  // namespace
}  // namespace muster::agent
