#include "libcontrol/store/node_state_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

// The file: a magic word with the format's version, a line feed, 8 bytes of checksum, then the
// body. Integers are little-endian, texts are preceded by their length in 4 bytes. Version 2 added
// the drain mark and the former groups at the end of the body.
constexpr std::string_view kMagic = "muster-node-";
constexpr int kVersion = 3;
// A version of more digits is damage.
constexpr size_t kMaxVersionDigits = 4;
constexpr size_t kMaxFileBytes = kMaxGrantsBytes + 16 * 1024;

// FNV-1a: finds a torn or overwritten file; nobody is kept from forging one who may write here.
uint64_t checksum(std::string_view bytes) {
  uint64_t hash = 14695981039346656037u;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<uint8_t>(byte)) * 1099511628211u;
  }
  return hash;
}

template <typename Integer>
void putInteger(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void putText(std::string& out, std::string_view text) {
  putInteger(out, static_cast<uint32_t>(text.size()));
  out += text;
}

template <typename Integer>
bool takeInteger(std::string_view& in, Integer& value) {
  if (in.size() < sizeof value) return false;
  value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value |= static_cast<Integer>(static_cast<uint8_t>(in[i])) << (8 * i);
  }
  in.remove_prefix(sizeof value);
  return true;
}

bool takeText(std::string_view& in, std::string& text) {
  uint32_t size = 0;
  if (!takeInteger(in, size) || in.size() < size) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

std::string serialise(const NodeState& state) {
  std::string body;
  putInteger(body, state.highest_epoch);
  putInteger(body, state.grants_version);
  putText(body, state.group);
  putText(body, state.grants);
  putInteger(body, static_cast<uint8_t>(state.drain.drained));
  putInteger(body, static_cast<uint64_t>(state.drain.changed_at.unix_ms));
  putText(body, state.drain.by);
  putText(body, state.drain.reason);
  putInteger(body, state.forgotten_epoch);
  putInteger(body, static_cast<uint32_t>(state.former.size()));
  for (const FormerGroup& former : state.former) {
    putInteger(body, former.highest_epoch);
    putText(body, former.group);
  }
  putInteger(body, state.promised_ms);
  std::string file(kMagic);
  file += std::to_string(kVersion) + "\n";
  putInteger(file, checksum(body));
  return file + body;
}

// The version that the file's first line names, which is then taken off; nothing if it is no such
// line.
std::optional<int> takeVersion(std::string_view& file) {
  if (!file.starts_with(kMagic)) return std::nullopt;
  file.remove_prefix(kMagic.size());
  const size_t digits = std::min(file.find('\n'), file.size());
  if (digits == 0 || digits > kMaxVersionDigits || digits == file.size()) return std::nullopt;
  int version = 0;
  for (const char c : file.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    version = version * 10 + (c - '0');
  }
  file.remove_prefix(digits + 1);
  return version;
}

bool takeDrain(std::string_view& in, DrainRow& drain) {
  uint8_t drained = 0;
  uint64_t changed_at_ms = 0;
  if (!takeInteger(in, drained) || !takeInteger(in, changed_at_ms) || !takeText(in, drain.by) ||
      !takeText(in, drain.reason)) {
    return false;
  }
  drain.drained = drained != 0;
  drain.changed_at.unix_ms = static_cast<int64_t>(changed_at_ms);
  return drained <= 1;
}

bool takeFormer(std::string_view& in, NodeState& state) {
  uint32_t size = 0;
  if (!takeInteger(in, state.forgotten_epoch) || !takeInteger(in, size)) return false;
  if (size > kMaxFormerGroups) return false;
  state.former.resize(size);
  for (FormerGroup& former : state.former) {
    if (!takeInteger(in, former.highest_epoch) || !takeText(in, former.group)) return false;
  }
  return true;
}

// The one that is left comes to the end of the list, the one that is entered is taken off it.
Result<NodeState> withHistory(NodeState next, const NodeState& before) {
  next.former = before.former;
  next.forgotten_epoch = before.forgotten_epoch;
  if (next.group == before.group) return next;
  const uint64_t seen = before.highestEpochOf(next.group);
  if (next.highest_epoch < seen) {
    return Status(Code::kConflict,
                  "epoch " + std::to_string(next.highest_epoch) + " is below " +
                      std::to_string(seen) + ", which this node may have seen in " + next.group,
                  "highest_epoch");
  }
  std::erase_if(next.former, [&](const FormerGroup& f) { return f.group == next.group; });
  if (before.highest_epoch == 0) return next;
  next.former.push_back({before.group, before.highest_epoch});
  if (next.former.size() > kMaxFormerGroups) {
    next.forgotten_epoch = std::max(next.forgotten_epoch, next.former.front().highest_epoch);
    next.former.erase(next.former.begin());
  }
  return next;
}

// What follows the first line.
std::optional<NodeState> parse(std::string_view file, int version) {
  uint64_t expected = 0;
  if (!takeInteger(file, expected) || checksum(file) != expected) return std::nullopt;
  NodeState state;
  if (!takeInteger(file, state.highest_epoch) || !takeInteger(file, state.grants_version) ||
      !takeText(file, state.group) || !takeText(file, state.grants)) {
    return std::nullopt;
  }
  if (version >= 2 && !(takeDrain(file, state.drain) && takeFormer(file, state))) {
    return std::nullopt;
  }
  if (version >= 3 && !takeInteger(file, state.promised_ms)) return std::nullopt;
  if (!file.empty()) return std::nullopt;
  return state;
}

class FileNodeStateStore : public NodeStateStore {
 public:
  FileNodeStateStore(FileLock lock, std::filesystem::path file, NodeState state,
                     SyncFolder sync_folder)
      : lock_(std::move(lock)),
        file_(std::move(file)),
        state_(std::move(state)),
        sync_folder_(std::move(sync_folder)) {}

  const NodeState& state() const override { return state_; }
  Status save(const NodeState& state) override {
    if (!unknown_) return unknown_;
    if (Status valid = checkNodeState(state, state_); !valid) return valid;
    Result<NodeState> next = withHistory(state, state_);
    if (!next) return next.status();
    Status written = replaceFile(file_, serialise(*next), sync_folder_);
    if (written) state_ = std::move(*next);
    if (written.code() == Code::kDataLoss) unknown_ = written;
    return written;
  }

 private:
  const FileLock lock_;
  const std::filesystem::path file_;
  NodeState state_;
  const SyncFolder sync_folder_;
  Status unknown_;  // why nobody can say what is on disk; ok as long as that is known
};

class MemoryNodeStateStore : public NodeStateStore {
 public:
  const NodeState& state() const override { return state_; }
  Status save(const NodeState& state) override {
    if (Status valid = checkNodeState(state, state_); !valid) return valid;
    Result<NodeState> next = withHistory(state, state_);
    if (next) state_ = std::move(*next);
    return next.status();
  }

 private:
  NodeState state_;
};

Result<NodeState> load(const std::filesystem::path& file) {
  const Result<std::string> bytes = readFile(file, kMaxFileBytes);
  if (!bytes && bytes.status().code() == Code::kNotFound) return NodeState{};
  if (!bytes && bytes.status().code() != Code::kInvalidArgument) return bytes.status();
  if (bytes) {
    std::string_view rest = *bytes;
    const std::optional<int> version = takeVersion(rest);
    if (version && *version > kVersion) {
      return Status(Code::kRefusedUnsafe, file.string() + " has the format version " +
                                              std::to_string(*version) +
                                              ", and this program knows up to " +
                                              std::to_string(kVersion) + "; run the newer program");
    }
    std::optional<NodeState> state;
    if (version && *version >= 1) state = parse(rest, *version);
    if (state) return std::move(*state);
  }
  return Status(Code::kDataLoss,
                file.string() +
                    " is damaged, so the highest epoch that this node has seen is not "
                    "known; restore it, or remove it if the coordinator's own records "
                    "are known to be sound");
}

}  // namespace

uint64_t NodeState::highestEpochOf(const std::string& wanted) const {
  if (wanted == group) return highest_epoch;
  for (const FormerGroup& known : former) {
    if (known.group == wanted) return known.highest_epoch;
  }
  return forgotten_epoch;
}

Result<std::unique_ptr<NodeStateStore>> NodeStateStore::open(const std::filesystem::path& state_dir,
                                                             SyncFolder sync_folder) {
  if (::mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return Status(Code::kUnavailable, "cannot make the state folder " + state_dir.string() + ": " +
                                          std::strerror(errno));
  }
  const std::string what = "the state folder " + state_dir.string();
  Result<FileLock> lock = FileLock::tryAcquire(state_dir / "lock", what);
  if (!lock) return lock.status();
  const std::filesystem::path file = state_dir / "state";
  Result<NodeState> state = load(file);
  if (!state) return state.status();
  return std::unique_ptr<NodeStateStore>(
      new FileNodeStateStore(std::move(*lock), file, std::move(*state), std::move(sync_folder)));
}

std::unique_ptr<NodeStateStore> NodeStateStore::openMemory() {
  return std::make_unique<MemoryNodeStateStore>();
}

}  // namespace muster::store
