// One process that the agent starts, in a process group of its own.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/status.h"
#include "node-agent/fd.h"

namespace muster::agent {

// Names and values; they replace what the agent's own environment says.
using Environment = std::vector<std::pair<std::string, std::string>>;

struct ChildSpec {
  std::vector<std::string> command;  // looked up in PATH unless it has a slash
  Environment environment;
  // Takes standard output and standard error, and standard input is empty; -1: the agent's own.
  int output = -1;
  // Take standard output, or standard error, alone; -1: the agent's own. Not together with
  // `output`.
  int standard_output = -1;
  int standard_error = -1;
};

struct Child {
  pid_t pid = 0;  // the process group's number, too
  Fd handle;      // a pidfd: readable once the process has ended with all its threads
};

// Starts it with default signals, none of them blocked, and no descriptors but the standard ones.
// The kernel kills it when the calling *thread* ends, so this must be a thread that lives as long
// as the process. Variables of the agent's own (MUSTER_EPOCH and its like, see role_environment.h)
// that the spec doesn't set are taken out. kNotFound if the program can't be executed, with the
// reason.
Result<Child> startChild(const ChildSpec& spec);

// Whether the process has ended, without reaping it, and how.
bool hasEnded(const Child& child, siginfo_t& info);
// After hasEnded().
void reap(const Child& child);

// How it ended, for people: "exited with status 3", "was ended by signal 11 (Segmentation fault)".
std::string describeExit(const siginfo_t& info);

// By number rather than by group or pid: what the handle means can't come to mean another process.
bool sendSignal(const Fd& handle, int number);

}  // namespace muster::agent
