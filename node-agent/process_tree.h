// Finds and ends everything that descends from this process, whatever process group or session it
// has moved to.
//
// It rests on PR_SET_CHILD_SUBREAPER (prctl(2)), which becomeSubreaper() sets before the first
// child is made: a descendant whose parent ends becomes our own child instead of init's. So no
// descendant lives when we have no child. Processes that others start on a descendant's behalf
// (systemd, cron, a container engine) are no descendants.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::agent {

struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  char state = 0;            // as in proc(5): R, S, D, T, Z, ...
  uint64_t start_ticks = 0;  // with the pid it names a process for good
  std::string name;
};

// Of one line of /proc/PID/stat; pid 0 if it can't be read.
ProcessEntry parseStat(const std::string& line);
// Every process that /proc shows.
std::vector<ProcessEntry> readProcesses();
// Those that descend from `root`, and those of process group `group` (0: none). Not root itself.
std::vector<ProcessEntry> descendantsOf(const std::vector<ProcessEntry>& all, pid_t root,
                                        pid_t group);

Status becomeSubreaper();

// One pass: SIGKILL to everything that descends from this process or belongs to the group of
// `leader`, then reaps what has ended. `leader`, a child of ours or 0, is reaped last of all: as
// long as it isn't, no stranger can get its number or its group's; then it is set to 0. To be
// repeated until nothing is left, since what is forked during a pass is found by the next.
struct Sweep {
  bool gone = false;  // waitid(2) says that we have no children, and the group is empty
  std::vector<ProcessEntry> left;  // for people
};
Sweep sweepOnce(pid_t& leader);

// "4711 (name, in state D)".
std::string describe(const std::vector<ProcessEntry>& processes);

}  // namespace muster::agent
