// How a run ends: its exit code, and what is printed of an error.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/base/status.h"

namespace muster::cli {

// The exit codes of the CLI.
enum class Exit {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotAuthorised = 3,
  kUnreachable = 4,  // or timed out
  kRefusedUnsafe = 5,
};
Exit exitFor(const Status& status);

// Prints an error where it belongs (standard error, or as JSON on standard output) and returns its
// exit code.
Exit report(bool json, const Status& status, const std::vector<Status>& errors = {});

}  // namespace muster::cli
