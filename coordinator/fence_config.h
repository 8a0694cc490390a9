// How a lost holder is fenced.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/base/clock.h"

namespace muster::coordinator {

struct FenceConfig {
  // Ends with exit code 0 only if the process it was asked about is dead for certain, or can't
  // reach the resource any more.
  std::vector<std::string> command;
  Duration after = Duration::seconds(1);  // so long a holder is lost before it is fenced
  Duration timeout = Duration::seconds(30);
};

}  // namespace muster::coordinator
