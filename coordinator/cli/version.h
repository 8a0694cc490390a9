// `muster version`: this program, the protocol, and the coordinator that is asked.
#pragma once

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"

namespace muster::cli {

// Without a login it tells of this program alone.
Exit runVersion(const Settings& settings);

}  // namespace muster::cli
