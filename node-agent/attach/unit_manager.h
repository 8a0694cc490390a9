// What the agent asks of systemd (org.freedesktop.systemd1(5)).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::agent {

struct UnitState {
  std::string load;           // LoadState: "loaded", "not-found", ...
  std::string active;         // ActiveState: "active", "inactive", "failed", "activating", ...
  std::string sub;            // SubState: "running", "dead", "auto-restart", ...
  std::string result;         // Result: "success", "exit-code", "signal", ...
  pid_t main_pid = 0;         // MainPID
  std::string control_group;  // ControlGroup: its path under the hierarchy's root; empty: none
};

// Any thread.
class UnitManager {
 public:
  virtual ~UnitManager() = default;

  // kUnavailable if systemd can't be asked.
  virtual Result<UnitState> state(const std::string& unit) = 0;
  // Start a job that replaces others of the unit, and wait for its end. kUnavailable with the job's
  // result if it was not "done"; kTimeout if it took longer than `limit` or `allowed` came to say
  // no.
  virtual Status start(const std::string& unit, Duration limit,
                       const std::function<bool()>& allowed) = 0;
  virtual Status stop(const std::string& unit, Duration limit) = 0;
  // SIGKILL to every process of the unit's control group. OK if there is none.
  virtual Status kill(const std::string& unit) = 0;
};

}  // namespace muster::agent
