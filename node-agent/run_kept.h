// The agent as two processes: an inner one that does the work, and an outer one that sees to it
// that nothing of the program outlives the inner one or its lease.
//
// The outer process ("keeper") is the one that users start, signal and wait for. It has one thread,
// talks to nobody, and is a subreaper (process_tree.h): when the inner process is killed, all that
// descends from it becomes the keeper's, which ends it. When the inner process stands still
// (SIGSTOP) it can't heed the end of its lease; the keeper then does. When the keeper is killed the
// inner process gets SIGTERM and ends in order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node-agent/keeper/lease_watch.h"

namespace muster::agent {

// muster-keeper, which lies beside this program.
std::string keeperProgram();

// Forks. `inner` runs in the child and its result is returned there; it tells the keeper of its
// lease. The process that called turns into the keeper program, with `arguments` for lists of
// processes, and so it ends with what the inner one ended with, or with 1 if that was ended by a
// signal. If there can be no keeper the child isn't made, or is told to end, and 1 is returned. To
// be called before any thread is made.
int runKept(const std::string& keeper, const std::vector<std::string>& arguments,
            const std::function<int(LeaseWatch&)>& inner);

}  // namespace muster::agent
