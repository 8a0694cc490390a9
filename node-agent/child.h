// One run of the supervised program, in a process group of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::agent {

// How a run ended, for people: "exited with status 3", "was ended by signal 11 (Segmentation
// fault)".
std::string describeExit(int wait_status);

// Starts it with the agent's own environment, standard streams and no blocked signals. The pid is
// also the process group's. kNotFound if the program can't be executed, with the reason.
Result<pid_t> startChild(const std::vector<std::string>& command);

}  // namespace muster::agent
