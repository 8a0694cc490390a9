// `muster watch`: the cluster live on a terminal.
#pragma once

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verbs.h"

namespace muster::cli {

// Until q or a signal. kUsage if there is no terminal that can place its cursor.
Exit runWatch(const Settings& settings, const Catalogues& catalogues);

}  // namespace muster::cli
