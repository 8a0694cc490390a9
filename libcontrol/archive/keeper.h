// Keeps records in a folder: in the head first, in blocks of segments later, and no longer than
// their level may be kept.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/archive/block.h"
#include "libcontrol/archive/head.h"
#include "libcontrol/archive/index.h"
#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/segment.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/file.h"
#include "libcontrol/include/muster/records.h"

namespace muster::archive {

// What the records of one level may take; whichever is reached first.
struct Retention {
  uint64_t max_bytes = 0;
  Duration max_age = Duration::max();
};

struct SegmentInfo {
  SegmentName name;
  std::filesystem::path file;
  Summary summary;
  uint64_t bytes = 0;
};
using SegmentPtr = std::shared_ptr<const SegmentInfo>;

struct LevelView {
  std::vector<SegmentPtr> segments;  // oldest first
  std::vector<ChunkPtr> pending;     // oldest first; all behind every block
  // Blocks with records beyond this one don't count yet: they are pending as well.
  RecordId blocked = 0;
};

// All that is kept at one moment. Never changes; what it names may be dropped meanwhile.
struct View {
  std::array<LevelView, kLevels> levels;
  RecordId last_id = 0;
  uint64_t head_bytes = 0;
};
using ViewPtr = std::shared_ptr<const View>;

struct Problem {
  WallTime at;
  std::string text;
};

struct KeeperOptions {
  std::filesystem::path folder;
  std::array<Retention, kLevels> retention;
  size_t block_bytes = limits::kArchiveBlockBytes;
  Clock* clock = nullptr;
};

// What is to be kept in one commit.
struct Batch {
  std::vector<KeptRecord> records;  // in order; ids beyond all before
  std::vector<LogPosition> positions;
  std::array<uint64_t, kLevels> shed{};  // since the last one
};

// One thread.
class Keeper {
 public:
  // Mends what is damaged and tells of it by takeProblems(). kConflict: another process has the
  // folder.
  static Result<std::unique_ptr<Keeper>> open(KeeperOptions options);
  ~Keeper();

  // Takes a batch over; it is kept once commit() says so. Not while a commit has failed.
  void absorb(Batch batch);
  // Writes what is due. Ok: all that was absorbed is on the disk. Otherwise nothing that counts has
  // happened, and it may be tried again.
  Status commit();
  // Drops what is too old or too much.
  void tidy();

  ViewPtr view() const { return view_; }
  RecordId lastId() const { return last_id_; }
  const std::map<std::string, std::string>& places() const { return places_; }
  // Those of commits since the last call.
  std::map<std::string, std::string> takeNewPlaces() { return std::exchange(changed_places_, {}); }
  const std::array<uint64_t, kLevels>& shed() const { return shed_; }
  std::vector<Problem> takeProblems();

 private:
  struct Pending {
    ChunkPtr chunk;
    bool in_head = false;
  };
  struct LevelState {
    std::vector<SegmentPtr> segments;
    std::unique_ptr<SegmentWriter> writer;  // of the last segment, if it isn't full
    std::vector<Pending> pending;
    size_t pending_bytes = 0;
    RecordId blocked = 0;
    uint64_t next_number = 1;
    // The last segment is one of before the start; it is written further until it is full.
    bool goes_on = false;
  };

  Keeper(KeeperOptions options, FileLock lock);

  // At the start.
  Status recover();
  Status openHead(HeadState& state);
  Status recoverSegments(bool without_head);
  Status recoverSegment(const SegmentName& name, bool without_head);
  struct Contents {
    Summary summary;
    bool beyond = false;  // there are blocks that the head has not committed
  };
  Result<Contents> contentsOf(const std::filesystem::path& file, bool without_head);
  void adopt(HeadState state);

  void absorb(size_t level, const std::vector<KeptRecord>& records);
  Status writeBlocks(size_t level);
  Status writeBlocksOnce(size_t level);
  Result<size_t> appendBlock(size_t level, size_t from, Summary& summary);
  Status openWriter(size_t level);
  bool reopenLast(size_t level);
  void seal(size_t level);
  Status applyToHead();
  Status remakeHead();
  void dropOldest(size_t level);
  void forgetOldPending(size_t level, WallTime before);
  uint64_t segmentBytes(size_t level) const;
  uint64_t levelBytes(size_t level) const;
  void publish();
  void problem(const std::string& text);
  std::filesystem::path headFile() const;

  const KeeperOptions options_;
  const FileLock lock_;
  BlockWriter packer_;  // for blocks, and for the head
  IndexWriter index_;
  std::unique_ptr<Head> head_;
  std::array<LevelState, kLevels> levels_;
  uint64_t commit_ = 0;
  RecordId last_id_ = 0;
  std::array<uint64_t, kLevels> shed_{};
  std::map<std::string, std::string> places_;
  std::map<std::string, std::string> new_places_;  // of batches that are not committed yet
  std::map<std::string, std::string> changed_places_;
  std::vector<Problem> problems_;
  ViewPtr view_;
};

// Where a segment stands that was found damaged while it was read; it is mended at the next start.
std::filesystem::path mendMark(const std::filesystem::path& segment);

// Makes the segment anew from the blocks that can be read, with their index, and puts the damaged
// file aside as FILE.damaged, in place of an earlier one. Says how much is lost, for people.
Result<std::string> mendSegment(const std::filesystem::path& file);

}  // namespace muster::archive
