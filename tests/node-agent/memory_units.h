// systemd's twin in memory: one unit, and the control group that it leaves on a disk of the test's.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "node-agent/attach/unit_manager.h"
#include "tests/node-agent/real_processes.h"

namespace muster::agent::test {

class MemoryUnits : public UnitManager {
 public:
  MemoryUnits() {
    std::filesystem::create_directories(folder.file("storage.service"));
    std::ofstream(folder.file("cgroup.controllers")) << "cpu\n";
    be("inactive", "dead", 0);
  }

  Result<UnitState> state(const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (!reachable) return Status(Code::kUnavailable, "the system's D-Bus: no such file");
    return state_;
  }
  Status start(const std::string& unit, Duration, const std::function<bool()>& allowed) override {
    note("start " + unit);
    if (!allowed()) return {Code::kTimeout, "StartUnit was given up"};
    if (!start_fails.empty()) return {Code::kUnavailable, start_fails};
    be("active", "running", getpid());
    return Status::ok();
  }
  Status stop(const std::string& unit, Duration) override {
    note("stop " + unit);
    if (ignores_stop) return {Code::kTimeout, "StopUnit took too long"};
    be("inactive", "dead", 0);
    return Status::ok();
  }
  Status kill(const std::string& unit) override {
    note("kill " + unit);
    ignores_stop = false;
    be("failed", "failed", 0);
    return Status::ok();
  }

  void be(const std::string& active, const std::string& sub, pid_t pid) {
    be(active, sub, pid, active != "inactive" && active != "failed");
  }
  void be(const std::string& active, const std::string& sub, pid_t pid, bool populated) {
    const std::lock_guard lock(mutex_);
    std::ofstream(folder.file("storage.service/cgroup.events"))
        << "populated " << (populated ? 1 : 0) << "\nfrozen 0\n";
    state_ = {"loaded", active, sub, active == "failed" ? "signal" : "success", pid, ""};
    if (populated) state_.control_group = "/storage.service";
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    state_ = {"not-found", "inactive", "dead", "success", 0, ""};
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  ScratchFolder folder;  // the root of the control groups
  std::atomic<bool> reachable{true};
  std::atomic<bool> ignores_stop{false};
  std::string start_fails;

 private:
  void note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(what);
  }

  std::mutex mutex_;
  UnitState state_;
  std::vector<std::string> asked_;
};

}  // namespace muster::agent::test
