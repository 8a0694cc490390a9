// What a new coordinator begins with.
#pragma once

#include "coordinator/config.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// Fills a store that nobody has a role in; leaves any other as it is. What failed or was cut short
// is mended by the next call.
Status fillIfNew(store::CoordinatorStore& store, const Bootstrap& from, WallTime now);

}  // namespace muster::coordinator
