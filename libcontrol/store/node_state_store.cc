#include "libcontrol/store/node_state_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

// The file: magic with the format's version, 8 bytes of checksum, then the body. Integers are
// little-endian, texts are preceded by their length in 4 bytes.
constexpr std::string_view kMagic = "muster-node-1\n";
constexpr size_t kHeaderBytes = kMagic.size() + 8;
constexpr size_t kMaxFileBytes = kMaxGrantsBytes + 4096;

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
  std::string file(kMagic);
  putInteger(file, checksum(body));
  return file + body;
}

std::optional<NodeState> parse(std::string_view file) {
  if (file.size() < kHeaderBytes || !file.starts_with(kMagic)) return std::nullopt;
  file.remove_prefix(kMagic.size());
  uint64_t expected = 0;
  if (!takeInteger(file, expected) || checksum(file) != expected) return std::nullopt;
  NodeState state;
  if (!takeInteger(file, state.highest_epoch) || !takeInteger(file, state.grants_version) ||
      !takeText(file, state.group) || !takeText(file, state.grants) || !file.empty()) {
    return std::nullopt;
  }
  return state;
}

class FileNodeStateStore : public NodeStateStore {
 public:
  FileNodeStateStore(FileLock lock, std::filesystem::path file, NodeState state)
      : lock_(std::move(lock)), file_(std::move(file)), state_(std::move(state)) {}

  const NodeState& state() const override { return state_; }
  Status save(const NodeState& state) override {
    if (Status valid = checkNodeState(state, state_); !valid) return valid;
    if (Status written = replaceFile(file_, serialise(state)); !written) return written;
    state_ = state;
    return Status::ok();
  }

 private:
  const FileLock lock_;
  const std::filesystem::path file_;
  NodeState state_;
};

class MemoryNodeStateStore : public NodeStateStore {
 public:
  const NodeState& state() const override { return state_; }
  Status save(const NodeState& state) override {
    Status valid = checkNodeState(state, state_);
    if (valid) state_ = state;
    return valid;
  }

 private:
  NodeState state_;
};

Result<NodeState> load(const std::filesystem::path& file) {
  Result<std::string> bytes = readFile(file, kMaxFileBytes);
  if (!bytes && bytes.status().code() == Code::kNotFound) return NodeState{};
  if (!bytes && bytes.status().code() != Code::kInvalidArgument) return bytes.status();
  std::optional<NodeState> state;
  if (bytes) state = parse(*bytes);
  if (state) return std::move(*state);
  return Status(Code::kDataLoss,
                file.string() +
                    " is damaged, so the highest epoch that this node has seen is not "
                    "known; restore it, or remove it if the coordinator's own records "
                    "are known to be sound");
}

}  // namespace

Result<std::unique_ptr<NodeStateStore>> NodeStateStore::open(
    const std::filesystem::path& state_dir) {
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
      new FileNodeStateStore(std::move(*lock), file, std::move(*state)));
}

std::unique_ptr<NodeStateStore> NodeStateStore::openMemory() {
  return std::make_unique<MemoryNodeStateStore>();
}

}  // namespace muster::store
