// One run of an executable that tells the application of its role, bounded in time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/child.h"
#include "node-agent/line_collector.h"

namespace muster::agent {

struct HookSpec {
  std::string name;  // "promote", "demote" or "health"
  std::vector<std::string> command;
  Environment environment;
  ElapsedTime term_at;  // SIGTERM to its process group
  ElapsedTime kill_at;  // SIGKILL
  // Asked all the while; once it is false SIGKILL comes at once.
  std::function<bool()> allowed = [] { return true; };
  // Gets what it writes, line by line; none: the agent's log.
  std::function<void(const std::string&)> said = {};
};

// Lives on the thread that waits for children. What it leaves behind when it succeeds belongs to
// the program: it ends when that does. When it fails its process group is killed.
class HookRun {
 public:
  static Result<std::unique_ptr<HookRun>> start(HookSpec spec);

  // To be polled for input; -1: not any more.
  int handle() const { return child_.handle.get(); }
  int output() const { return output_.get(); }
  bool isProcess(pid_t pid) const { return pid == child_.pid; }

  void readOutput();
  // Sends the signals that are due. Its outcome once it has ended.
  std::optional<Status> check(ElapsedTime now);
  // When check() is due at the latest, unless something becomes readable.
  ElapsedTime nextDue(ElapsedTime now) const;
  // It was ended and reaped by somebody else.
  Status abandon();

 private:
  explicit HookRun(HookSpec spec);
  void signalGroup(int number);
  Status outcome(const siginfo_t& info) const;

  const HookSpec spec_;
  LineCollector lines_;
  Fd output_;
  Child child_;
  bool terminated_ = false;
  bool killed_ = false;
};

}  // namespace muster::agent
