// The coordinator's tables and their versions.
#pragma once

#include "libcontrol/base/status.h"
#include "libcontrol/store/database.h"

namespace muster::store {

// Checks that the file is ours and not newer than this program, then brings it to the current
// version. kRefusedUnsafe for a newer one or somebody else's database, kDataLoss for a damaged one.
Status prepareSchema(Database& database);

}  // namespace muster::store
