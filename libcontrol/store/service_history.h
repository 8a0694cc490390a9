// What services have counted, kept across restarts in a file of its own: of a node's services, and
// of the groups' at the coordinator.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/level_record.h"

namespace muster::store {

struct ServiceHistoryRow {
  std::string group;  // empty: a node's own
  std::string service;
  WallTime saved_at;
  std::string state;  // opaque, at most limits::kMaxHistoryRecordBytes

  bool operator==(const ServiceHistoryRow&) const = default;
};

// One thread at a time. Figures, not facts: a save is whole or not at all, whatever ends the
// process, but after a power cut the last ones may be missing.
class ServiceHistoryStore {
 public:
  virtual ~ServiceHistoryStore() = default;
  // By group and service.
  virtual Result<std::vector<ServiceHistoryRow>> load() = 0;
  // Inserts or replaces each, all or none; others stay. kInvalidArgument for a name that is empty
  // (of a service) or over-long, or an over-long state.
  virtual Status save(const std::vector<ServiceHistoryRow>& rows) = 0;
  // Forgets what was saved last before then: services that are no more.
  virtual Status forgetBefore(WallTime then) = 0;
  // What the services did by day, in the same place; null: this one keeps none of it.
  virtual LevelRecordStore* record() { return nullptr; }
};

// Makes the file (mode 0600) if it isn't there; its folder must exist, and whoever calls makes sure
// that it belongs to one process. kDataLoss if it is not a database or a damaged one,
// kRefusedUnsafe if a newer version of this library wrote it.
Result<std::unique_ptr<ServiceHistoryStore>> openServiceHistory(
    const std::filesystem::path& file, Duration busy_timeout = Duration::millis(250));
// Gone with the object.
std::unique_ptr<ServiceHistoryStore> openMemoryServiceHistory();

// The file, or, with `problem` told, what can be used instead: a new file if it is damaged (the old
// one is kept as FILE.damaged), and memory alone if nothing else helps. A level that begins anew is
// better than a service that doesn't start.
std::unique_ptr<ServiceHistoryStore> openServiceHistoryOrNew(const std::filesystem::path& file,
                                                             Status& problem);

}  // namespace muster::store
