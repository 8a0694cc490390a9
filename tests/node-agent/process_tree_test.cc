#include "node-agent/process_tree.h"

#include <gtest/gtest.h>

#include <set>

#include "node-agent/child.h"
#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

using test::daemonised;
using test::eventually;
using test::isRunning;
using test::ScratchFolder;

std::string statLine(pid_t pid, const std::string& name, char state, pid_t parent, pid_t group) {
  std::string line = std::to_string(pid) + " (" + name + ") " + state + " " +
                     std::to_string(parent) + " " + std::to_string(group);
  for (int field = 6; field < 22; ++field) line += " 0";
  return line + " 777 0 0";
}

TEST(ProcessTree, ANameMayLookLikeTheRestOfTheLine) {
  const ProcessEntry entry = parseStat(statLine(42, "a) R 1 (b", 'S', 7, 9));
  EXPECT_EQ(entry.pid, 42);
  EXPECT_EQ(entry.name, "a) R 1 (b");
  EXPECT_EQ(entry.state, 'S');
  EXPECT_EQ(entry.parent, 7);
  EXPECT_EQ(entry.group, 9);
  EXPECT_EQ(entry.start_ticks, 777u);
}

TEST(ProcessTree, WhatCanNotBeReadIsNoProcess) {
  for (const char* line : {"", "42", "42 (sh", "42 (sh) S 1", ")("}) {
    EXPECT_EQ(parseStat(line).pid, 0) << line;
  }
}

TEST(ProcessTree, DescendantsAreFoundInAnyOrderAndMembersOfTheGroupToo) {
  const auto process = [](pid_t pid, pid_t parent, pid_t group) {
    ProcessEntry entry;
    entry.pid = pid;
    entry.parent = parent;
    entry.group = group;
    return entry;
  };
  // 10 -> 20 -> 15, listed the wrong way round; 30 is a stranger in group 20, 40 only a stranger.
  const std::vector<ProcessEntry> all = {process(15, 20, 15), process(20, 10, 20),
                                         process(30, 1, 20), process(40, 1, 40),
                                         process(10, 1, 10)};
  std::set<pid_t> found;
  for (const ProcessEntry& entry : descendantsOf(all, 10, 20)) found.insert(entry.pid);
  EXPECT_EQ(found, (std::set<pid_t>{15, 20, 30}));
  found.clear();
  for (const ProcessEntry& entry : descendantsOf(all, 10, 0)) found.insert(entry.pid);
  EXPECT_EQ(found, (std::set<pid_t>{15, 20}));
}

TEST(ProcessTree, NothingOfAProgramIsLeftHoweverFarItWent) {
  ASSERT_TRUE(becomeSubreaper().isOk());
  const ScratchFolder folder;
  auto child = startChild(
      {{folder.script("p", daemonised("far") + "(sleep 1000 & echo $! > near)\nsleep 1000")},
       {},
       -1});
  ASSERT_TRUE(child.isOk()) << child.status().text();
  ASSERT_TRUE(eventually([&] { return folder.pid("far") != 0 && folder.pid("near") != 0; }));
  const pid_t far = folder.pid("far");
  const pid_t near = folder.pid("near");
  ASSERT_TRUE(isRunning(far));
  // It has left the group: a signal to that would not reach it.
  for (const ProcessEntry& entry : readProcesses()) {
    if (entry.pid == far) {
      EXPECT_NE(entry.group, child->pid);
    }
  }
  pid_t leader = child->pid;
  EXPECT_TRUE(eventually([&] { return sweepOnce(leader).gone; }));
  EXPECT_EQ(leader, 0);
  EXPECT_FALSE(isRunning(far));
  EXPECT_FALSE(isRunning(near));
  EXPECT_FALSE(isRunning(child->pid));
}

TEST(ProcessTree, WithoutAChildEverythingIsGone) {
  ASSERT_TRUE(becomeSubreaper().isOk());
  pid_t nobody = 0;
  EXPECT_TRUE(sweepOnce(nobody).gone);
}

TEST(ProcessTree, IsDescribedForPeople) {
  ProcessEntry entry;
  entry.pid = 4711;
  entry.name = "tar";
  entry.state = 'D';
  EXPECT_EQ(describe({entry}), "4711 (tar, in state D)");
  EXPECT_NE(describe(std::vector<ProcessEntry>(8, entry)).find("and 3 more"), std::string::npos);
}

}  // namespace
}  // namespace muster::agent
