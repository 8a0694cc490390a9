// Executables that run beside the program: for its log levels, for probes.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/hook_run.h"

namespace muster::agent {

// Lives on the supervisor's thread, which calls what follows in its rounds.
class SideRuns {
 public:
  // `done` is called once, here or later.
  void begin(HookSpec spec, std::function<void(Status)> done);
  // Adds what is to be polled; `ends`: the processes' ends, too.
  void watch(std::vector<pollfd>& watched, bool ends) const;
  // Reads outputs and, with `ends`, tells who has ended.
  void check(ElapsedTime now, bool ends);
  // The latest time for the next check(); ElapsedTime::max(): there is none.
  ElapsedTime nextDue(ElapsedTime now) const;
  bool hasProcess(pid_t pid) const;
  // All of them were ended and reaped by somebody else.
  void abandon();

 private:
  struct Side {
    std::unique_ptr<HookRun> run;
    std::function<void(Status)> done;
  };
  std::vector<Side> sides_;
};

}  // namespace muster::agent
