#include "node-agent/attach/control_group.h"

#include <gtest/gtest.h>

#include "tests/node-agent/real_processes.h"

namespace muster::agent {
namespace {

class ControlGroupTest : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_.file(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  bool isEmpty(const std::string& path) { return isControlGroupEmpty(path, folder_.file("")); }

  test::ScratchFolder folder_;
};

TEST_F(ControlGroupTest, TheUnifiedHierarchyTellsItself) {
  write("cgroup.controllers", "cpu\n");
  write("system.slice/a.service/cgroup.events", "populated 1\nfrozen 0\n");
  write("system.slice/b.service/cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_FALSE(isEmpty("/system.slice/a.service"));
  EXPECT_TRUE(isEmpty("/system.slice/b.service"));
  EXPECT_TRUE(isEmpty("/system.slice/gone.service"));
  EXPECT_TRUE(isEmpty(""));
  // Everything is in the root, so it says nothing of a unit.
  EXPECT_FALSE(isEmpty("/"));
}

TEST_F(ControlGroupTest, OlderHierarchiesListTheirProcesses) {
  write("systemd/a.service/cgroup.procs", "");
  write("systemd/a.service/worker/cgroup.procs", "4711\n");
  write("systemd/b.service/cgroup.procs", "");
  EXPECT_FALSE(isEmpty("/a.service"));
  EXPECT_TRUE(isEmpty("/b.service"));
}

TEST_F(ControlGroupTest, WithoutAnyHierarchyNobodyCanSay) {
  EXPECT_FALSE(isEmpty("/a.service"));
}

}  // namespace
}  // namespace muster::agent
