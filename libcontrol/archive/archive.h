// The log that a node keeps: a bounded ring on the disk, written by a thread of its own, searched
// by any.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/archive/keeper.h"
#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/queue.h"
#include "libcontrol/archive/search.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/include/muster/records.h"

namespace muster::archive {

class BlockCache;
class ReaderPool;

struct ArchiveOptions {
  std::filesystem::path folder;  // made if need be, mode 0700; one process at a time
  // By level. No level ever displaces another: a flood of debug lines costs no error.
  std::array<Retention, kLevels> retention;
  size_t block_bytes = limits::kArchiveBlockBytes;
  size_t queue_bytes = limits::kArchiveQueueBytes;
  Duration batch_every = limits::kArchiveBatchEvery;
  Duration retry = limits::kArchiveRetry;
  // By which records grow old; not owned.
  Clock* clock = &SystemClock::forWaiter();

  // What each level may take of so much in all, in sixteenths: 1, 1, 9, 2, 2, 1.
  static std::array<Retention, kLevels> sharesOf(uint64_t max_bytes,
                                                 Duration max_age = Duration::max());
};

struct ArchiveState {
  uint64_t bytes = 0;  // on the disk
  uint64_t segments = 0;
  uint64_t lines = 0;
  std::array<uint64_t, kLevels> lines_of{};  // by level
  std::optional<WallTime> oldest;
  std::optional<WallTime> newest;
  std::array<uint64_t, kLevels> shed{};  // by level, since the archive is
  uint64_t waiting_bytes = 0;            // for the writer
  // Nothing can be written since, because; records wait, and are shed once they are too many.
  std::optional<WallTime> stuck_since;
  std::string stuck_because;
  std::vector<Problem> problems;  // since the start, the latest last; damage that was found
};

// Any thread, but for the destructor.
class Archive {
 public:
  // Mends first what is damaged. kConflict: another process keeps its log there. kResourceExhausted
  // or kUnavailable: the folder can't be written at the moment; nothing in it has changed.
  static Result<std::unique_ptr<Archive>> open(ArchiveOptions options);
  // Writes what waits, if it can be.
  ~Archive();

  // As LogIntake says. kInvalidArgument: the position's place is too long. Texts are cut at
  // limits::kMaxKeptTextBytes.
  // What was refused is left where it is.
  Status offer(std::vector<Record>&& records, std::optional<LogPosition> position = {},
               Kept kept = {});
  void add(Record record);
  std::optional<std::string> place(const std::string& source) const;

  // Waits until what came before is on the disk, or was tried: then it says why it isn't.
  Status flush();

  // Blocks; holds up neither the writer nor other searches. What was kept when it began is
  // searched. `cancelled` may be set by another thread.
  Result<Found> search(const Search& search, const std::atomic<bool>* cancelled = nullptr) const;
  // The same without a list: every match in order, however many. `limit` and `context` don't count.
  Result<Found> each(const Search& search, const EachMatch& match,
                     const std::atomic<bool>* cancelled = nullptr) const;

  // From now on called with the records as they come, on the writer's thread, before they are on
  // the disk; not with those that were shed. Must be quick. Until the returned handle goes, which
  // waits for a call that is under way; so not within one.
  using Listener = std::function<void(const std::vector<KeptRecord>&)>;
  std::shared_ptr<void> listen(Listener listener);

  ArchiveState state() const;

 private:
  struct Listeners;
  Archive(ArchiveOptions options, std::unique_ptr<Keeper> keeper);
  void run();
  void wait(std::unique_lock<std::mutex>& lock);
  void writeOnce(std::unique_lock<std::mutex>& lock);
  void absorb(Queue::Taken taken);
  void publish(const Status& written);
  void note(std::vector<Problem> problems);
  ViewPtr view() const;
  void reportDamage(const SegmentInfo& segment, const Status& why) const;
  Found searchView(const Search& search, const EachMatch& match, const std::atomic<bool>* cancelled,
                   BlockCache& blocks, const View& view) const;

  const ArchiveOptions options_;
  const std::unique_ptr<ReaderPool> readers_;
  const std::shared_ptr<Listeners> listeners_;

  // Of the writer's thread.
  const std::unique_ptr<Keeper> keeper_;
  std::vector<Kept> to_tell_;
  bool unwritten_ = false;

  mutable std::mutex mutex_;  // guards what follows; held for moments
  std::condition_variable wake_;
  std::condition_variable flushed_;
  Queue queue_;
  ViewPtr view_;
  std::map<std::string, std::string> places_;
  std::array<uint64_t, kLevels> shed_{};
  Status last_write_;
  std::optional<WallTime> stuck_since_;
  mutable std::vector<Problem> problems_;
  uint64_t flush_asked_ = 0;
  uint64_t flush_done_ = 0;
  bool stopping_ = false;

  std::thread writer_;
};

}  // namespace muster::archive
