// Connections to segments, kept open between searches.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "libcontrol/archive/keeper.h"
#include "libcontrol/archive/segment.h"

namespace muster::archive {

// Any thread; a reader that was lent is used by one.
class ReaderPool {
 public:
  explicit ReaderPool(size_t max_idle) : max_idle_(max_idle) {}

  // Comes back by itself; the pool outlives it.
  using Lent = std::unique_ptr<SegmentReader, std::function<void(SegmentReader*)>>;
  Result<Lent> lend(const SegmentInfo& segment);
  // Closes those that were not used since.
  void closeUnusedSince(std::chrono::steady_clock::time_point since);
  // Closes those of segments that the view doesn't have: while one is open its file takes room.
  void closeDropped(const View& view);

 private:
  struct Idle {
    SegmentName name;
    std::unique_ptr<SegmentReader> reader;
    std::chrono::steady_clock::time_point since;
  };
  void takeBack(const SegmentName& name, SegmentReader* reader);

  const size_t max_idle_;
  std::mutex mutex_;
  std::list<Idle> idle_;  // the latest first
};

}  // namespace muster::archive
