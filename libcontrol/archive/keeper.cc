#include "libcontrol/archive/keeper.h"

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
  for (size_t c = 0; c < kClasses; ++c) absorb(c, batch.records);
  if (!batch.records.empty()) last_id_ = batch.records.back().id;
  for (LogPosition& position : batch.positions) {
    new_places_[position.source] = std::move(position.place);
  }
  for (size_t level = 0; level < kLevels; ++level) shed_[level] += batch.shed[level];
}

// Those of that class, as chunks. They stay in memory until a block is full, and as chunks they
// take a third of what records of their own take.
void Keeper::absorb(size_t c, const std::vector<KeptRecord>& records) {
  const auto finish = [&] {
    if (packer_.empty()) return;
    auto chunk = std::make_shared<Chunk>();
    chunk->summary = packer_.summary();
    chunk->records = packer_.block();
    classes_[c].pending_bytes += chunk->summary.text_bytes;
    classes_[c].pending.push_back({std::move(chunk), false});
    packer_.clear();
  };
  packer_.clear();
  for (const KeptRecord& kept : records) {
    if (static_cast<size_t>(classOf(kept.record.level)) != c) continue;
    packer_.add(kept);
    if (packer_.summary().text_bytes >= options_.block_bytes) finish();
  }
  finish();
}

Status Keeper::commit() {
  for (size_t c = 0; c < kClasses; ++c) {
    if (Status written = writeBlocks(c); !written) return written;
  }
  Status applied = applyToHead();
  if (applied.code() == Code::kDataLoss) {
    problem("the head was damaged and is made anew from memory, nothing is lost: " +
            applied.text());
    applied = remakeHead();
  }
  if (!applied) return applied;
  publish();
  for (size_t c = 0; c < kClasses; ++c) {
    if (classes_[c].writer != nullptr && classes_[c].writer->bytes() >= segmentBytes(c)) seal(c);
  }
  return Status::ok();
}

// A segment that turns out to be damaged is left to the next start, and a new one begun.
Status Keeper::writeBlocks(size_t c) {
  Status written = writeBlocksOnce(c);
  if (written.code() != Code::kDataLoss) return written;
  problem("writing went on in a new segment: " + written.text());
  const ClassState& state = classes_[c];
  if (!state.segments.empty()) (void)replaceFile(mendMark(state.segments.back()->file), "");
  classes_[c].writer.reset();
  return writeBlocksOnce(c);
}

Status Keeper::writeBlocksOnce(size_t c) {
  ClassState& state = classes_[c];
  if (state.pending_bytes < options_.block_bytes) return Status::ok();
  if (Status opened = openWriter(c); !opened) return opened;
  if (Status begun = state.writer->begin(); !begun) {
    state.writer->abandon();
    return begun;
  }
  Summary summary;
  size_t done = 0;
  size_t bytes = state.pending_bytes;
  while (bytes >= options_.block_bytes) {
    const Summary before = summary;
    const auto next = appendBlock(c, done, summary);
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
Result<size_t> Keeper::appendBlock(size_t c, size_t from, Summary& summary) {
  const ClassState& state = classes_[c];
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

uint64_t Keeper::segmentBytes(size_t c) const {
  return std::clamp(options_.retention[c].max_bytes / limits::kArchiveSegmentsAClass,
                    limits::kMinArchiveSegmentBytes, limits::kMaxArchiveSegmentBytes);
}

Status Keeper::openWriter(size_t c) {
  ClassState& state = classes_[c];
  if (state.writer != nullptr || reopenLast(c)) return Status::ok();
  auto info = std::make_shared<SegmentInfo>();
  info->name = {static_cast<Class>(c), state.next_number};
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

bool Keeper::reopenLast(size_t c) {
  ClassState& state = classes_[c];
  const bool goes_on = std::exchange(state.goes_on, false) && !state.segments.empty() &&
                       state.segments.back()->bytes < segmentBytes(c);
  if (!goes_on) return false;
  auto writer = SegmentWriter::open(state.segments.back()->file);
  if (!writer) return false;
  state.writer = std::move(writer).value();
  return true;
}

void Keeper::seal(size_t c) {
  ClassState& state = classes_[c];
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
  for (size_t c = 0; c < kClasses; ++c) {
    change.blocked[c] = classes_[c].blocked;
    for (const Pending& pending : classes_[c].pending) {
      if (!pending.in_head) change.add[c].push_back(pending.chunk);
    }
  }
  if (Status applied = head_->apply(change); !applied) return applied;
  commit_ = change.commit;
  for (const auto& [source, place] : new_places_) {
    places_[source] = place;
    changed_places_[source] = place;
  }
  new_places_.clear();
  for (ClassState& state : classes_) {
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
  for (ClassState& state : classes_) {
    for (Pending& pending : state.pending) pending.in_head = false;
  }
  for (const auto& [source, place] : places_) new_places_.emplace(source, place);
  return applyToHead();
}

uint64_t Keeper::classBytes(size_t c) const {
  uint64_t out = 0;
  for (const SegmentPtr& segment : classes_[c].segments) out += segment->bytes;
  return out;
}

void Keeper::tidy() {
  const WallTime now = options_.clock->wall();
  bool changed = false;
  for (size_t c = 0; c < kClasses; ++c) {
    const Retention& retention = options_.retention[c];
    ClassState& state = classes_[c];
    while (state.segments.size() > 1 && classBytes(c) > retention.max_bytes) {
      dropOldest(c);
      changed = true;
    }
    if (retention.max_age == Duration::max()) continue;
    const WallTime before{now.unix_ms - retention.max_age.toMillis()};
    while (!state.segments.empty() && state.segments.front()->summary.newest < before &&
           state.segments.front()->summary.allLines() > 0) {
      dropOldest(c);
      changed = true;
    }
    forgetOldPending(c, before);
  }
  if (changed) publish();
}

void Keeper::dropOldest(size_t c) {
  ClassState& state = classes_[c];
  if (state.segments.size() == 1) state.writer.reset();
  const std::filesystem::path file = state.segments.front()->file;
  state.segments.erase(state.segments.begin());
  removeDatabase(file);
  std::error_code ignored;
  std::filesystem::remove(mendMark(file), ignored);
}

// Only where no segment stands before them any more; they leave the head with the next commit.
void Keeper::forgetOldPending(size_t c, WallTime before) {
  ClassState& state = classes_[c];
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
  for (size_t c = 0; c < kClasses; ++c) {
    const ClassState& state = classes_[c];
    view->classes[c].segments = state.segments;
    view->classes[c].blocked = state.blocked;
    for (const Pending& pending : state.pending) view->classes[c].pending.push_back(pending.chunk);
  }
  view->last_id = last_id_;
  view->head_bytes = databaseBytes(headFile());
  view_ = std::move(view);
}

}  // namespace muster::archive
