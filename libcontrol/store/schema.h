// The tables of the databases and their versions.
#pragma once

#include <cstdint>
#include <span>

#include "libcontrol/base/status.h"
#include "libcontrol/store/database.h"

namespace muster::store {

// One kind of file.
struct Schema {
  int64_t application_id;              // in SQLite's header: says whose file this is
  const char* owner;                   // "a coordinator's", for texts
  std::span<const char* const> steps;  // element n brings version n to n + 1
};
const Schema& coordinatorSchema();
const Schema& auditTrailSchema();  // an audit trail by itself

// The version of a file of ours, which a new one has not: kRefusedUnsafe for a newer one or
// somebody else's database.
Result<int64_t> knownVersion(Database& database, const Schema& schema);

// Checks that the file is ours and not newer than this program, then brings it to the current
// version. kRefusedUnsafe for a newer one or somebody else's database, kDataLoss for a damaged one.
Status prepareSchema(Database& database, const Schema& schema = coordinatorSchema());

}  // namespace muster::store
