#include "libcontrol/archive/readers.h"

#include <algorithm>
#include <utility>

namespace muster::archive {

Result<ReaderPool::Lent> ReaderPool::lend(const SegmentInfo& segment) {
  std::unique_ptr<SegmentReader> reader;
  {
    const std::lock_guard lock(mutex_);
    const auto it = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const Idle& idle) { return idle.name == segment.name; });
    if (it != idle_.end()) {
      reader = std::move(it->reader);
      idle_.erase(it);
    }
  }
  if (reader == nullptr) {
    auto opened = SegmentReader::open(segment.file);
    if (!opened) return opened.status();
    reader = std::move(opened).value();
  }
  const SegmentName name = segment.name;
  return Lent(reader.release(), [this, name](SegmentReader* back) { takeBack(name, back); });
}

void ReaderPool::takeBack(const SegmentName& name, SegmentReader* reader) {
  Idle idle{name, std::unique_ptr<SegmentReader>(reader), std::chrono::steady_clock::now()};
  Idle closed;  // outside of the lock
  const std::lock_guard lock(mutex_);
  idle_.push_front(std::move(idle));
  if (idle_.size() <= max_idle_) return;
  closed = std::move(idle_.back());
  idle_.pop_back();
}

void ReaderPool::closeUnusedSince(std::chrono::steady_clock::time_point since) {
  std::list<Idle> closed;
  const std::lock_guard lock(mutex_);
  while (!idle_.empty() && idle_.back().since < since) {
    closed.splice(closed.end(), idle_, std::prev(idle_.end()));
  }
}

void ReaderPool::closeDropped(const View& view) {
  const auto has = [&](const SegmentName& name) {
    const auto& segments = view.levels[static_cast<size_t>(name.level)].segments;
    return std::any_of(segments.begin(), segments.end(),
                       [&](const SegmentPtr& segment) { return segment->name == name; });
  };
  std::list<Idle> closed;
  const std::lock_guard lock(mutex_);
  for (auto it = idle_.begin(); it != idle_.end();) {
    const auto next = std::next(it);
    if (!has(it->name)) closed.splice(closed.end(), idle_, it);
    it = next;
  }
}

}  // namespace muster::archive
