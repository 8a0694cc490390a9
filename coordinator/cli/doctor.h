// `muster doctor`: connects, looks around and says what is not as it should be.
#pragma once

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verbs.h"

namespace muster::cli {

// kFailed if any check failed; what is only to be minded does not count.
Exit runDoctor(const Settings& settings, const Catalogues& catalogues);

}  // namespace muster::cli
