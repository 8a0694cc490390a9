#include "libcontrol/archive/keeper.h"
#include "libcontrol/archive/limits.h"

#include <algorithm>
#include <utility>

namespace muster::archive {
namespace {

// Of zstd: with the index beside them, blocks of a higher one save next to nothing.
constexpr int kPackLevel = 1;

}  // namespace

Keeper::~Keeper() = default;

std::filesystem::path Keeper::headFile() const {
  return options_.folder / "head.sqlite";
}

void Keeper::problem(const std::string& text) {
  problems_.push_back({options_.clock->wall(), text});
}

std::vector<Problem> Keeper::takeProblems() {
  return std::exchange(problems_, {});
}

void Keeper::absorb(Batch batch) {
  for (size_t level = 0; level < kLevels; ++level) absorb(level, batch.records);
  if (!batch.records.empty()) last_id_ = batch.records.back().id;
  for (LogPosition& position : batch.positions) {
    new_places_[position.source] = std::move(position.place);
  }
  for (size_t level = 0; level < kLevels; ++level) shed_[level] += batch.shed[level];
}

// Those of that level, as chunks. They stay in memory until a block is full, and as chunks they
// take a third of what records of their own take.
void Keeper::absorb(size_t level, const std::vector<KeptRecord>& records) {
  const auto finish = [&] {
    if (packer_.empty()) return;
    auto chunk = std::make_shared<Chunk>();
    chunk->summary = packer_.summary();
    chunk->records = packer_.block();
    levels_[level].pending_bytes += chunk->summary.text_bytes;
    levels_[level].pending.push_back({std::move(chunk), false});
    packer_.clear();
  };
  packer_.clear();
  for (const KeptRecord& kept : records) {
    if (static_cast<size_t>(kept.record.level) != level) continue;
    packer_.add(kept);
    if (packer_.summary().text_bytes >= options_.block_bytes) finish();
  }
  finish();
}

Status Keeper::commit() {
  for (size_t level = 0; level < kLevels; ++level) {
    if (Status written = writeBlocks(level); !written) return written;
  }
  Status applied = applyToHead();
  if (applied.code() == Code::kDataLoss) {
    problem("the head was damaged and is made anew from memory, nothing is lost: " +
            applied.text());
    applied = remakeHead();
  }
  if (!applied) return applied;
  publish();
  for (size_t level = 0; level < kLevels; ++level) {
    if (levels_[level].writer != nullptr && levels_[level].writer->bytes() >= segmentBytes(level))
      seal(level);
  }
  return Status::ok();
}

// A segment that turns out to be damaged is left to the next start, and a new one begun.
Status Keeper::writeBlocks(size_t level) {
  Status written = writeBlocksOnce(level);
  if (written.code() != Code::kDataLoss) return written;
  problem("writing went on in a new segment: " + written.text());
  const LevelState& state = levels_[level];
  if (!state.segments.empty()) (void)replaceFile(mendMark(state.segments.back()->file), "");
  levels_[level].writer.reset();
  return writeBlocksOnce(level);
}

Status Keeper::writeBlocksOnce(size_t level) {
  LevelState& state = levels_[level];
  if (state.pending_bytes < options_.block_bytes) return Status::ok();
  if (Status opened = openWriter(level); !opened) return opened;
  if (Status begun = state.writer->begin(); !begun) {
    state.writer->abandon();
    return begun;
  }
  Summary summary;
  size_t done = 0;
  size_t bytes = state.pending_bytes;
  while (bytes >= options_.block_bytes) {
    const Summary before = summary;
    const auto next = appendBlock(level, done, summary);
    if (!next) {
      state.writer->abandon();
      return next.status();
    }
    done = *next;
    bytes -= summary.text_bytes - before.text_bytes;
  }
  const Status committed = state.writer->commit();
  if (!committed) return committed;
  state.blocked = state.pending[done - 1].chunk->summary.last;
  state.pending.erase(state.pending.begin(), state.pending.begin() + static_cast<long>(done));
  state.pending_bytes = bytes;
  auto info = std::make_shared<SegmentInfo>(*state.segments.back());
  info->summary.add(summary);
  info->bytes = state.writer->bytes();
  state.segments.back() = std::move(info);
  return Status::ok();
}

// A block of the chunks from that one on; the chunk behind it.
Result<size_t> Keeper::appendBlock(size_t level, size_t from, Summary& summary) {
  const LevelState& state = levels_[level];
  packer_.clear();
  while (from < state.pending.size() && packer_.summary().text_bytes < options_.block_bytes) {
    packer_.add(*state.pending[from++].chunk->records);
  }
  index_.build(packer_.texts());
  SegmentWriter::Packed packed;
  packed.entry.commit = commit_ + 1;
  packed.entry.summary = packer_.summary();
  packed.words = index_.words();
  packed.grams = index_.grams();
  const std::string loggers = packer_.loggers();
  packed.loggers = loggers;
  packed.bytes = packer_.pack(kPackLevel);
  if (Status appended = state.writer->append(packed); !appended) return appended;
  summary.add(packer_.summary());
  return from;
}

uint64_t Keeper::segmentBytes(size_t level) const {
  return std::clamp(options_.retention[level].max_bytes / limits::kArchiveSegmentsALevel,
                    limits::kMinArchiveSegmentBytes, limits::kMaxArchiveSegmentBytes);
}

Status Keeper::openWriter(size_t level) {
  LevelState& state = levels_[level];
  if (state.writer != nullptr || reopenLast(level)) return Status::ok();
  auto info = std::make_shared<SegmentInfo>();
  info->name = {static_cast<Severity>(level), state.next_number};
  info->file = options_.folder / info->name.file();
  auto writer = SegmentWriter::open(info->file);
  const Status made = writer ? syncFolder(options_.folder) : writer.status();
  if (!made) {
    removeDatabase(info->file);
    return made;
  }
  ++state.next_number;
  state.writer = std::move(writer).value();
  state.segments.push_back(std::move(info));
  return Status::ok();
}

bool Keeper::reopenLast(size_t level) {
  LevelState& state = levels_[level];
  const bool goes_on = std::exchange(state.goes_on, false) && !state.segments.empty() &&
                       state.segments.back()->bytes < segmentBytes(level);
  if (!goes_on) return false;
  auto writer = SegmentWriter::open(state.segments.back()->file);
  if (!writer) return false;
  state.writer = std::move(writer).value();
  return true;
}

void Keeper::seal(size_t level) {
  LevelState& state = levels_[level];
  state.writer.reset();
  auto info = std::make_shared<SegmentInfo>(*state.segments.back());
  info->bytes = databaseBytes(info->file);
  state.segments.back() = std::move(info);
  publish();
}

Status Keeper::applyToHead() {
  HeadChange change;
  change.commit = commit_ + 1;
  change.last_id = last_id_;
  change.shed = shed_;
  change.places = new_places_;
  for (size_t level = 0; level < kLevels; ++level) {
    change.blocked[level] = levels_[level].blocked;
    for (const Pending& pending : levels_[level].pending) {
      if (!pending.in_head) change.add[level].push_back(pending.chunk);
    }
  }
  if (Status applied = head_->apply(change); !applied) return applied;
  commit_ = change.commit;
  for (const auto& [source, place] : new_places_) {
    places_[source] = place;
    changed_places_[source] = place;
  }
  new_places_.clear();
  for (LevelState& state : levels_) {
    for (Pending& pending : state.pending) pending.in_head = true;
  }
  return Status::ok();
}

// Of what is in memory.
Status Keeper::remakeHead() {
  head_.reset();
  std::error_code ignored;
  std::filesystem::rename(headFile(), headFile().string() + ".damaged", ignored);
  removeDatabase(headFile());
  auto head = Head::open(headFile(), packer_);
  if (!head) return head.status();
  head_ = std::move(head).value();
  for (LevelState& state : levels_) {
    for (Pending& pending : state.pending) pending.in_head = false;
  }
  for (const auto& [source, place] : places_) new_places_.emplace(source, place);
  return applyToHead();
}

uint64_t Keeper::levelBytes(size_t level) const {
  uint64_t out = 0;
  for (const SegmentPtr& segment : levels_[level].segments) out += segment->bytes;
  return out;
}

void Keeper::tidy() {
  const WallTime now = options_.clock->wall();
  bool changed = false;
  for (size_t level = 0; level < kLevels; ++level) {
    const Retention& retention = options_.retention[level];
    LevelState& state = levels_[level];
    while (state.segments.size() > 1 && levelBytes(level) > retention.max_bytes) {
      dropOldest(level);
      changed = true;
    }
    if (retention.max_age == Duration::max()) continue;
    const WallTime before{now.unix_ms - retention.max_age.toMillis()};
    while (!state.segments.empty() && state.segments.front()->summary.newest < before &&
           state.segments.front()->summary.lines > 0) {
      dropOldest(level);
      changed = true;
    }
    forgetOldPending(level, before);
  }
  if (changed) publish();
}

void Keeper::dropOldest(size_t level) {
  LevelState& state = levels_[level];
  if (state.segments.size() == 1) state.writer.reset();
  const std::filesystem::path file = state.segments.front()->file;
  state.segments.erase(state.segments.begin());
  removeDatabase(file);
  std::error_code ignored;
  std::filesystem::remove(mendMark(file), ignored);
}

// Only where no segment stands before them any more; they leave the head with the next commit.
void Keeper::forgetOldPending(size_t level, WallTime before) {
  LevelState& state = levels_[level];
  while (state.segments.empty() && !state.pending.empty() && state.pending.front().in_head &&
         state.pending.front().chunk->summary.newest < before) {
    const Summary& summary = state.pending.front().chunk->summary;
    state.blocked = summary.last;
    state.pending_bytes -= summary.text_bytes;
    state.pending.erase(state.pending.begin());
  }
}

void Keeper::publish() {
  auto view = std::make_shared<View>();
  for (size_t level = 0; level < kLevels; ++level) {
    const LevelState& state = levels_[level];
    view->levels[level].segments = state.segments;
    view->levels[level].blocked = state.blocked;
    for (const Pending& pending : state.pending)
      view->levels[level].pending.push_back(pending.chunk);
  }
  view->last_id = last_id_;
  view->head_bytes = databaseBytes(headFile());
  view_ = std::move(view);
}

}  // namespace muster::archive
