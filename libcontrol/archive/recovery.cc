// What a keeper finds at its start.
#include <algorithm>
#include <utility>

#include "libcontrol/archive/keeper.h"

namespace muster::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMending = ".mending";
constexpr const char* kDamaged = ".damaged";
constexpr int kPackLevel = 1;

void setAside(const fs::path& file) {
  std::error_code ignored;
  fs::rename(file, file.string() + kDamaged, ignored);
  removeDatabase(file);
}

// Copies one block with a new index.
Status copyBlock(SegmentReader& from, const BlockEntry& entry, SegmentWriter& to) {
  const auto block = from.block(entry.row);
  if (!block) return block.status();
  BlockWriter packer;
  packer.add(**block);
  IndexWriter index;
  index.build(packer.texts());
  SegmentWriter::Packed packed;
  packed.entry.commit = entry.commit;
  packed.entry.summary = packer.summary();
  packed.words = index.words();
  packed.grams = index.grams();
  const std::string loggers = packer.loggers();
  packed.loggers = loggers;
  packed.bytes = packer.pack(kPackLevel);
  return to.append(packed);
}

}  // namespace

fs::path mendMark(const fs::path& segment) {
  return segment.string() + ".mend";
}

Result<std::string> mendSegment(const fs::path& file) {
  const fs::path mending = file.string() + kMending;
  removeDatabase(mending);
  size_t good = 0;
  size_t bad = 0;
  {
    auto to = SegmentWriter::open(mending);
    if (!to) return to.status();
    auto from = SegmentReader::open(file);
    std::vector<BlockEntry> entries;
    if (from) entries = (*from)->readableEntries();
    if (Status begun = (*to)->begin(); !begun) return begun;
    for (const BlockEntry& entry : entries) {
      const Status copied = copyBlock(**from, entry, **to);
      // A full disk is no damage: the next start tries again.
      if (copied.code() == Code::kResourceExhausted) return copied;
      copied ? ++good : ++bad;
    }
    if (Status done = (*to)->commit(); !done) return done;
  }
  setAside(file);
  std::error_code error;
  fs::rename(mending, file, error);
  if (error) return Status(Code::kUnavailable, mending.string() + ": " + error.message());
  fs::remove(mendMark(file), error);
  return file.filename().string() + " was damaged: of its blocks " + std::to_string(good) +
         " could be read and are kept, " + std::to_string(bad) + " could not; the old file is " +
         file.filename().string() + kDamaged;
}

Keeper::Keeper(KeeperOptions options, FileLock lock)
    : options_(std::move(options)), lock_(std::move(lock)) {}

Result<std::unique_ptr<Keeper>> Keeper::open(KeeperOptions options) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error) {
    return Status(Code::kUnavailable, options.folder.string() + ": " + error.message());
  }
  fs::permissions(options.folder, fs::perms::owner_all, error);
  auto lock =
      FileLock::tryAcquire(options.folder / "lock", "the log in " + options.folder.string());
  if (!lock) return lock.status();
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(options), std::move(lock).value()));
  if (Status done = keeper->recover(); !done) return done;
  return keeper;
}

Status Keeper::recover() {
  HeadState head;
  bool is_new = !fs::exists(headFile());
  Status opened = openHead(head);
  if (opened.code() == Code::kDataLoss) {
    setAside(headFile());
    head = {};
    is_new = true;
    problem("the head was damaged and is set aside: " + opened.text());
    opened = openHead(head);
  }
  if (!opened) return opened;
  if (!head.damage.empty()) {
    problem("the head was damaged and is made anew of what can be read; sources are read anew: " +
            head.damage);
  }
  commit_ = head.commit;
  if (Status done = recoverSegments(is_new); !done) return done;
  const bool any = std::any_of(levels_.begin(), levels_.end(),
                               [](const LevelState& state) { return !state.segments.empty(); });
  if (is_new && any && problems_.empty()) {
    problem("the head was missing: what was in no segment yet is lost, and sources are read anew");
  }
  if (Status synced = syncFolder(options_.folder); !synced) return synced;
  const bool damaged = !head.damage.empty();
  adopt(std::move(head));
  if (damaged) {
    if (Status made = remakeHead(); !made) return made;
  }
  tidy();
  publish();
  return Status::ok();
}

Status Keeper::openHead(HeadState& state) {
  auto head = Head::open(headFile(), packer_);
  if (!head) return head.status();
  auto loaded = (*head)->load();
  if (!loaded) return loaded.status();
  head_ = std::move(head).value();
  state = std::move(loaded).value();
  return Status::ok();
}

Status Keeper::recoverSegments(bool without_head) {
  std::vector<SegmentName> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    const std::string file = entry.path().filename().string();
    if (const auto name = SegmentName::parse(file)) names.push_back(*name);
    if (file.ends_with(kMending)) removeDatabase(entry.path());
  }
  if (error) return {Code::kUnavailable, options_.folder.string() + ": " + error.message()};
  std::sort(names.begin(), names.end());
  for (const SegmentName& name : names) {
    if (Status done = recoverSegment(name, without_head); !done) return done;
  }
  return Status::ok();
}

// Fails only where going on would do harm: what is not taken back now counts later.
Status Keeper::recoverSegment(const SegmentName& name, bool without_head) {
  LevelState& state = levels_[static_cast<size_t>(name.level)];
  state.next_number = std::max(state.next_number, name.number + 1);
  SegmentInfo info;
  info.name = name;
  info.file = options_.folder / name.file();
  Result<Contents> contents = contentsOf(info.file, without_head);
  if (fs::exists(mendMark(info.file)) || contents.status().code() == Code::kDataLoss) {
    const auto mended = mendSegment(info.file);
    if (mended.status().code() == Code::kResourceExhausted) return mended.status();
    problem(mended ? *mended : info.file.string() + " can't be mended: " + mended.status().text());
    if (!mended) return Status::ok();
    contents = contentsOf(info.file, without_head);
  }
  if (!contents) {
    problem(info.file.string() + " can't be read: " + contents.status().text());
    return Status::ok();
  }
  if (contents->summary.lines == 0) {
    removeDatabase(info.file);
    return Status::ok();
  }
  if (contents->beyond) {
    auto writer = SegmentWriter::open(info.file);
    if (!writer) return writer.status();
    if (Status done = (*writer)->takeBack(commit_); !done) return done;
  }
  info.summary = contents->summary;
  info.bytes = databaseBytes(info.file);
  state.blocked = std::max(state.blocked, info.summary.last);
  state.segments.push_back(std::make_shared<SegmentInfo>(std::move(info)));
  state.goes_on = true;
  return Status::ok();
}

// Without a head all that stands in a segment counts.
Result<Keeper::Contents> Keeper::contentsOf(const fs::path& file, bool without_head) {
  Contents out;
  auto reader = SegmentReader::open(file);
  if (!reader) return reader.status();
  const auto entries = (*reader)->entries();
  if (!entries) return entries.status();
  for (const BlockEntry& entry : **entries) {
    if (without_head) commit_ = std::max(commit_, entry.commit);
    if (entry.commit > commit_) {
      out.beyond = true;
    } else {
      out.summary.add(entry.summary);
    }
  }
  return out;
}

void Keeper::adopt(HeadState head) {
  last_id_ = head.last_id;
  shed_ = head.shed;
  places_ = std::move(head.places);
  for (size_t level = 0; level < kLevels; ++level) {
    LevelState& state = levels_[level];
    last_id_ = std::max(last_id_, state.blocked);
    for (ChunkPtr& chunk : head.pending[level]) {
      last_id_ = std::max(last_id_, chunk->summary.last);
      // Of a damaged head only: it was to be dropped from it.
      if (chunk->summary.last <= state.blocked) continue;
      state.pending_bytes += chunk->summary.text_bytes;
      state.pending.push_back({std::move(chunk), true});
    }
  }
}

}  // namespace muster::archive
