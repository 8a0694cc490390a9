// The agent's outer process, a program of its own (muster-keeper), so that it takes next to no
// memory: it has one thread and neither configuration nor log nor network. node-agent/run_kept.h
// has what it is for, and how it is started.
#pragma once

#include <sys/types.h>

#include "node-agent/keeper/lease_watch.h"

namespace muster::agent {

// Before the inner process is made: from then on its signals wait for keep(), and this process is a
// subreaper. Both outlast exec.
Status prepareToKeep();

// Waits for the child `inner`, passes signals on to it, and ends all that descends from this
// process when it has ended or its lease is over. Returns what it ended with, 1 if a signal or the
// lease did.
int keep(pid_t inner, const LeaseWatch& watch);

}  // namespace muster::agent
