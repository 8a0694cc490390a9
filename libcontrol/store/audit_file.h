// An audit trail in a file of its own, for whoever keeps nothing else in a database: a node.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::store {

struct AuditFileOptions {
  size_t capacity = limits::kMaxNodeAuditEntries;
  // How long a call may wait for somebody who reads the file beside us; the caller renews leases
  // on the same thread.
  Duration busy_timeout = Duration::millis(250);
};

// Makes the file (mode 0600) if it isn't there; its folder must exist, and whoever calls makes sure
// that it belongs to one process. kDataLoss if it is not a database or a damaged one,
// kRefusedUnsafe if a newer version of this library wrote it. One thread at a time.
Result<std::unique_ptr<AuditStore>> openAuditFile(const std::filesystem::path& file,
                                                  const AuditFileOptions& options = {});

}  // namespace muster::store
