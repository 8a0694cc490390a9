// Carries the node's role over to the program: what onPromote and onDemote do in the agent.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/lease.h"
#include "muster/status.h"
#include "node-agent/health.h"
#include "node-agent/keeper/lease_watch.h"
#include "node-agent/role_environment.h"
#include "node-agent/supervisor.h"

namespace muster::agent {

struct FailoverOptions {
  enum class Mode {
    kRun,      // the program runs only while this node is active
    kAlways,   // it always runs, and the executables tell it
    kSidecar,  // it always runs, and is told over its own connection
    kUnit,     // as kRun, but it is a unit of systemd's
  };
  Mode mode = Mode::kRun;
  std::vector<std::string> promote;  // empty: none
  std::vector<std::string> demote;   // likewise
  Duration timeout = Duration::seconds(20);
  std::string fence_file;  // empty: none
  // With kUnit: gets the role's variables before the unit is started, for its EnvironmentFile=.
  std::string environment_file;  // empty: none
  std::optional<HealthOptions> health;
};

// How a program is told of its role that speaks with the agent itself. Calls block.
class RoleChannel {
 public:
  virtual ~RoleChannel() = default;
  // kUnavailable: it was not told. With any other error it may have become active.
  virtual Status promote(const Lease& lease, Duration within) = 0;
  // Only if it is ok is the program surely not active any more.
  virtual Status demote(uint64_t epoch, const std::string& cause, Duration within) = 0;
  // Often, while it is active. Must not block.
  virtual void renewed(const Lease& lease) = 0;
};

// promote() and demote() run on the library's application thread, one at a time, and block.
// programGone() and tick() run on the supervisor's. All references must outlive it.
class Failover {
 public:
  // Gives the supervisor's word; see Node::applicationGone().
  using Word = std::function<void(const std::string& why)>;

  // `supervisor` runs the executables; the application is its program, or one that others run.
  Failover(FailoverOptions options, std::string group, std::string node, Application& application,
           Supervisor& supervisor, LeaseWatch& watch, Clock& clock, Word word,
           RoleChannel* channel = nullptr);

  Status promote(const Lease& lease);
  void demote(const Demotion& demotion);
  // For an application that others run, and that may have been active when an agent before this one
  // ended: it is no longer when this returns. Before the node starts, on any thread.
  void settle();

  void programGone(const std::string& why);
  void tick();
  // Whether the program is to be running now: at a standby it isn't, in modes kRun and kUnit.
  bool runsProgram();
  // For people: "standby", "active under epoch 7".
  std::string describe();
  // For the executable that is asked after health.
  std::optional<HealthCheck::Standing> standing(Duration timeout);

 private:
  Status becomeActive(const Lease& lease);
  void undo(const Lease& lease);
  HookSpec hook(const std::string& action, const std::string& cause, Duration remaining,
                ElapsedTime term_at, ElapsedTime kill_at);
  Status tell(HookSpec spec);
  void giveWord(const std::string& why);  // under mutex_
  void stopRun(ElapsedTime now, Duration within, const std::string& cause);
  void stopAlways(ElapsedTime now, Duration within, const std::string& cause);

  // Whether the program runs at a standby, too.
  bool isAlways() const {
    return options_.mode == FailoverOptions::Mode::kAlways ||
           options_.mode == FailoverOptions::Mode::kSidecar;
  }

  const FailoverOptions options_;
  Application& application_;
  Supervisor& supervisor_;
  LeaseWatch& watch_;
  Clock& clock_;
  const Word word_;
  RoleChannel* const channel_;  // null but in mode kSidecar
  RoleFacts facts_;             // the application thread's, and programGone()'s while that is idle
  bool executables_ = false;    // whether promote() got as far as to run something

  std::mutex mutex_;
  std::condition_variable settled_;  // no longer kCrashed
  // Under mutex_: what is held, from promote()'s begin to the program's end.
  std::optional<Lease> lease_;
  enum class Role {
    kStandby,
    kStarting,  // promote() runs
    kActive,
    kStopping,  // demote() runs
    kCrashed,   // the program is gone, and the executable for demotion still runs
  };
  Role role_ = Role::kStandby;
  bool program_gone_ = false;  // since promote() began
};

}  // namespace muster::agent
