// A process that is not ours, such that its number can't come to mean another one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "node-agent/fd.h"
#include "node-agent/process_tree.h"

namespace muster::agent {

// With a handle (pidfd_open(2)), taken before what /proc says of it was read.
struct ProcessMark {
  ProcessEntry entry;
  Fd handle;  // readable once it has ended

  bool hasEnded() const;
};

// None if there is no such process, or it has ended already.
std::optional<ProcessMark> markProcess(pid_t pid);
// When it was started, in seconds since the epoch; by the clock as it is set now.
double startedAt(const ProcessEntry& entry);
// Whether a process of that number and start is there and is no zombie.
bool stillRuns(const ProcessEntry& entry);
// SIGKILL, unless the number means another process by now.
void killMarked(const ProcessEntry& entry);

}  // namespace muster::agent
