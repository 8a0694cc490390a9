#include "libcontrol/archive/cursor.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "libcontrol/archive/limits.h"

namespace muster::archive {

Result<std::shared_ptr<const Block>> BlockCache::get(const SegmentName& name, int64_t row,
                                                     SegmentReader& reader) {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.row == row && entry.name == name;
  });
  if (it != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, it);
    return it->block;
  }
  auto block = reader.block(row);
  if (!block) return block;
  ++blocks_read_;
  bytes_read_ += (*block)->texts().size();
  entries_.push_front({name, row, *block});
  if (entries_.size() > limits::kMaxUnpackedBlocks) entries_.pop_back();
  return block;
}

Cursor::Cursor(World world, const LevelView& view, Plan& plan, bool oldest_first,
               std::optional<RecordId> behind)
    : world_(std::move(world)),
      plan_(plan),
      oldest_first_(oldest_first),
      behind_(behind),
      blocked_(view.blocked) {
  for (const SegmentPtr& segment : view.segments) {
    const Summary& summary = segment->summary;
    if (isBehind(summary.first, summary.last) && plan_.mayMatch(summary)) {
      units_.push_back({segment, nullptr});
    }
  }
  for (const ChunkPtr& chunk : view.pending) {
    const Summary& summary = chunk->summary;
    if (isBehind(summary.first, summary.last) && plan_.mayMatch(summary)) {
      units_.push_back({nullptr, chunk});
    }
  }
  if (!oldest_first_) std::reverse(units_.begin(), units_.end());
}

bool Cursor::isBehind(RecordId first, RecordId last) const {
  return !behind_ || (oldest_first_ ? last > *behind_ : first < *behind_);
}

bool Cursor::wants(RecordId id) const {
  return isBehind(id, id);
}

RecordId Cursor::edge(const Summary& summary) const {
  if (oldest_first_) return behind_ ? std::max(summary.first, *behind_ + 1) : summary.first;
  return behind_ ? std::min(summary.last, *behind_ - 1) : summary.last;
}

RecordId Cursor::bound() const {
  if (ready()) return match().id;
  if (!blocks_.empty()) return edge(blocks_.back().summary);
  const Unit& unit = units_[unit_];
  return edge(unit.segment ? unit.segment->summary : unit.chunk->summary);
}

MatchView Cursor::match() const {
  const uint32_t i = matches_[match_];
  return {block_->id(i), block_->at(i), block_->level(i), block_->logger(i), block_->text(i)};
}

void Cursor::work() {
  if (!blocks_.empty()) return enterBlock();
  reader_.reset();
  if (units_[unit_].segment != nullptr) {
    enterSegment();
  } else {
    enterChunk();
  }
}

// Lists its blocks that may have a match.
void Cursor::enterSegment() {
  segment_ = units_[unit_++].segment;
  const auto list = [&]() -> Status {
    auto reader = world_.readers.lend(*segment_);
    if (!reader) return reader.status();
    reader_ = std::move(reader).value();
    const auto entries = reader_->entries();
    if (!entries) return entries.status();
    std::unordered_set<int64_t> rows;
    if (!plan_.words().empty()) {
      const auto with_words = reader_->rowsWith(plan_.words());
      if (!with_words) return with_words.status();
      rows.insert(with_words->begin(), with_words->end());
    }
    for (const BlockEntry& entry : **entries) {
      const Summary& summary = entry.summary;
      if (summary.last > blocked_ || !isBehind(summary.first, summary.last)) continue;
      if (!plan_.words().empty() && !rows.contains(entry.row)) continue;
      if (plan_.mayMatch(summary)) blocks_.push_back(entry);
    }
    return Status::ok();
  };
  if (const Status listed = list(); !listed) {
    blocks_.clear();
    world_.damage(*segment_, listed);
    // A reader that has failed is not lent again.
    if (reader_ != nullptr) delete reader_.release();
    return;
  }
  if (oldest_first_) std::reverse(blocks_.begin(), blocks_.end());
}

void Cursor::enterBlock() {
  const BlockEntry entry = blocks_.back();
  blocks_.pop_back();
  const auto read = [&]() -> Status {
    if (plan_.needsFilter()) {
      const auto filter = reader_->filter(entry.row);
      // Without it the block is read all the same.
      if (!filter) world_.damage(*segment_, filter.status());
      if (filter && !plan_.mayMatch(*filter)) return Status::ok();
    }
    auto block = world_.blocks.get(segment_->name, entry.row, *reader_);
    if (!block) return block.status();
    take(std::move(block).value());
    return Status::ok();
  };
  if (const Status done = read(); !done) {
    matches_.clear();
    match_ = 0;
    world_.damage(*segment_, done);
  }
}

void Cursor::enterChunk() {
  take(units_[unit_++].chunk->records);
}

void Cursor::take(std::shared_ptr<const Block> block) {
  block_ = std::move(block);
  plan_.matchesIn(*block_, matches_);
  match_ = 0;
  if (behind_) {
    std::erase_if(matches_, [&](uint32_t i) { return !wants(block_->id(i)); });
  }
  if (!oldest_first_) std::reverse(matches_.begin(), matches_.end());
}

}  // namespace muster::archive
