// Goes through the matches of one level in order, unpacking no block before it must.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "libcontrol/archive/keeper.h"
#include "libcontrol/archive/plan.h"
#include "libcontrol/archive/readers.h"
#include "libcontrol/archive/search.h"

namespace muster::archive {

// Blocks of one search that are unpacked already. One thread.
class BlockCache {
 public:
  Result<std::shared_ptr<const Block>> get(const SegmentName& name, int64_t row,
                                           SegmentReader& reader);
  uint64_t blocksRead() const { return blocks_read_; }
  uint64_t bytesRead() const { return bytes_read_; }

 private:
  struct Entry {
    SegmentName name;
    int64_t row = 0;
    std::shared_ptr<const Block> block;
  };
  std::list<Entry> entries_;  // the latest first
  uint64_t blocks_read_ = 0;
  uint64_t bytes_read_ = 0;
};

// One thread. All that it is made of outlives it.
class Cursor {
 public:
  struct World {
    ReaderPool& readers;
    BlockCache& blocks;
    // Something could not be read and is left out.
    std::function<void(const SegmentInfo&, const Status&)> damage;
  };
  // From the record behind that one, in its order.
  Cursor(World world, const LevelView& view, Plan& plan, bool oldest_first,
         std::optional<RecordId> behind);

  bool atEnd() const { return !ready() && unit_ >= units_.size() && blocks_.empty(); }
  // There is a match in hand.
  bool ready() const { return match_ < matches_.size(); }
  // No match that is to come stands before this one, in its order; not at the end.
  RecordId bound() const;
  // A step towards the next match; only while there is none in hand and it isn't at the end.
  void work();
  MatchView match() const;
  void next() { ++match_; }

 private:
  // A segment or a chunk, in order.
  struct Unit {
    SegmentPtr segment;
    ChunkPtr chunk;
  };
  bool isBehind(RecordId first, RecordId last) const;
  bool wants(RecordId id) const;
  RecordId edge(const Summary& summary) const;
  void enterSegment();
  void enterChunk();
  void enterBlock();
  void take(std::shared_ptr<const Block> block);

  World world_;
  Plan& plan_;
  const bool oldest_first_;
  const std::optional<RecordId> behind_;
  const RecordId blocked_;
  std::vector<Unit> units_;
  size_t unit_ = 0;

  // Of the segment that is being read.
  SegmentPtr segment_;
  ReaderPool::Lent reader_;
  std::vector<BlockEntry> blocks_;  // the next one last

  // In hand: of a block or of a chunk.
  std::shared_ptr<const Block> block_;
  std::vector<uint32_t> matches_;
  size_t match_ = 0;
};

}  // namespace muster::archive
