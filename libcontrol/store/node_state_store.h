// What a node must remember across restarts, in its state_dir.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/file.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/records.h"

namespace muster::store {

// Groups beside the present one whose highest epoch a node remembers. A node changes its group when
// a person edits its file; more often than this nobody does.
inline constexpr size_t kMaxFormerGroups = 64;

struct FormerGroup {
  std::string group;
  uint64_t highest_epoch = 0;

  bool operator==(const FormerGroup&) const = default;
};

struct NodeState {
  // The group that highest_epoch belongs to: epochs of different groups don't compare.
  std::string group;
  uint64_t highest_epoch = 0;  // seen from any coordinator; lower ones are rejected
  uint64_t grants_version = 0;
  std::string grants;  // the last grants as received: serialised, opaque here, at most 4 MiB
  DrainRow drain;
  // The longest that this node may have promised to accept no grant; 0: it has promised nothing.
  uint64_t promised_ms = 0;
  // The groups that it was in before, the one left last at the end. Kept by the store: save() takes
  // no notice of what is given for these two.
  std::vector<FormerGroup> former{};
  // The highest epoch of those that are no longer remembered: what an unknown group starts from,
  // since it may be one of them.
  uint64_t forgotten_epoch = 0;

  // The highest epoch that this node may have seen in that group.
  uint64_t highestEpochOf(const std::string& wanted) const;

  bool operator==(const NodeState&) const = default;
};

// One process at a time, which is enforced for the one on disk; one thread.
class NodeStateStore {
 public:
  // The folder is made (mode 0700) if it isn't there. Holds a flock on DIR/lock for its lifetime:
  // kConflict if another process has it. kDataLoss if DIR/state is torn or damaged: such a node
  // must not guess its highest epoch, so a person has to remove the file. kRefusedUnsafe if a newer
  // version of this library wrote it. A file of the version before is read, and written anew with
  // the first save().
  // `sync_folder`: see replaceFile().
  static Result<std::unique_ptr<NodeStateStore>> open(const std::filesystem::path& state_dir,
                                                      SyncFolder sync_folder = {});
  // Gone with the object.
  static std::unique_ptr<NodeStateStore> openMemory();

  virtual ~NodeStateStore() = default;

  // As loaded or last saved; all zero at the first start.
  virtual const NodeState& state() const = 0;
  // Replaces the file as a whole: durable (file and folder synced) when it returns ok; on an error
  // state() is unchanged. kConflict if highest_epoch would fall within a group, which it has not
  // left for more than kMaxFormerGroups others; kInvalidArgument if a text is over-long. kDataLoss
  // if nobody can say which state is on disk: every later save() is refused with it as well, since
  // it could lower an epoch, and whoever uses the store opens it anew, mostly by ending the
  // process.
  virtual Status save(const NodeState& state) = 0;
};

}  // namespace muster::store
