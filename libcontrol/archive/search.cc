#include <algorithm>
#include <chrono>
#include <utility>

#include "libcontrol/archive/archive.h"
#include "libcontrol/archive/cursor.h"
#include "libcontrol/archive/limits.h"
#include "libcontrol/archive/plan.h"
#include "libcontrol/archive/readers.h"

namespace muster::archive {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// The levels of a view as one log.
class Merge {
 public:
  Merge(const Cursor::World& world, const View& view, Plan& plan, bool oldest_first,
        std::optional<RecordId> behind)
      : oldest_first_(oldest_first) {
    for (size_t level = 0; level < kLevels; ++level) {
      if ((plan.matcher().query().levels & records::levelBit(static_cast<Severity>(level))) == 0) {
        continue;
      }
      cursors_.emplace_back(world, view.levels[level], plan, oldest_first, behind);
    }
  }

  // The cursor whose next match, or what stands for it, comes first; null at the end.
  Cursor* first() {
    Cursor* best = nullptr;
    for (Cursor& cursor : cursors_) {
      if (cursor.atEnd()) continue;
      if (best == nullptr ||
          (oldest_first_ ? cursor.bound() < best->bound() : cursor.bound() > best->bound())) {
        best = &cursor;
      }
    }
    return best;
  }

 private:
  const bool oldest_first_;
  std::vector<Cursor> cursors_;
};

KeptRecord keptOf(const MatchView& match) {
  return {match.id, {match.at, match.level, std::string(match.logger), std::string(match.text)}};
}

// What came next to that record in one direction, whatever it is.
std::vector<KeptRecord> neighbours(const Cursor::World& world, const View& view, RecordId of,
                                   bool after, size_t count) {
  std::vector<KeptRecord> out;
  Plan everything{records::Query{}};
  Merge merge(world, view, everything, after, of);
  while (out.size() < count) {
    Cursor* const cursor = merge.first();
    if (cursor == nullptr) break;
    if (!cursor->ready()) {
      cursor->work();
      continue;
    }
    out.push_back(keptOf(cursor->match()));
    cursor->next();
  }
  if (!after) std::reverse(out.begin(), out.end());
  return out;
}

// Whether a search must end here, and why.
class Limits {
 public:
  Limits(const Search& search, const std::atomic<bool>* cancelled)
      : max_bytes_(search.max_bytes), cancelled_(cancelled) {
    if (search.max_time != Duration::max()) {
      until_ = std::chrono::steady_clock::now() + std::chrono::nanoseconds(search.max_time.ns);
    }
  }
  Found::Stop reached(const BlockCache& blocks) const {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
      return Found::Stop::kCancelled;
    }
    if (blocks.bytesRead() >= max_bytes_) return Found::Stop::kBytes;
    if (until_ && std::chrono::steady_clock::now() >= *until_) return Found::Stop::kTime;
    return Found::Stop::kEnd;
  }

 private:
  const uint64_t max_bytes_;
  const std::atomic<bool>* const cancelled_;
  std::optional<SteadyTime> until_;
};

// So that what comes behind it begins with the record of that bound.
std::optional<RecordId> behindBefore(RecordId bound, bool oldest_first) {
  return oldest_first ? bound - 1 : bound + 1;
}

}  // namespace

Found Archive::searchView(const Search& search, const EachMatch& match,
                          const std::atomic<bool>* cancelled, BlockCache& blocks,
                          const View& view) const {
  Found out;
  const Cursor::World world{
      *readers_, blocks, [&](const SegmentInfo& segment, const Status& why) {
        // Dropped while it was about to be read, or taken back.
        if (!std::filesystem::exists(segment.file) || why.code() == Code::kNotFound) return;
        ++out.damaged;
        reportDamage(segment, why);
      }};
  Plan plan(search.query);
  Merge merge(world, view, plan, search.oldest_first, search.behind);
  const Limits limits(search, cancelled);
  for (;;) {
    Cursor* const cursor = merge.first();
    if (cursor == nullptr) {
      out.stop = Found::Stop::kEnd;
      break;
    }
    if (!cursor->ready()) {
      const auto next = behindBefore(cursor->bound(), search.oldest_first);
      out.stop = limits.reached(blocks);
      // Not where it began, or whoever goes on from there would never come any further.
      if (out.stop != Found::Stop::kEnd &&
          (next != search.behind || out.stop == Found::Stop::kCancelled)) {
        out.next = next;
        break;
      }
      cursor->work();
      continue;
    }
    const MatchView found = cursor->match();
    if (!match(found)) {
      out.stop = Found::Stop::kLimit;
      out.next = found.id;
      break;
    }
    cursor->next();
  }
  if (out.stop == Found::Stop::kTime || out.stop == Found::Stop::kBytes) {
    const auto next = neighbours(world, view, *out.next, search.oldest_first, 1);
    if (!next.empty()) out.looked_until = next.front().record.at;
  }
  out.last_id = view.last_id;
  out.blocks_read = blocks.blocksRead();
  out.bytes_read = blocks.bytesRead();
  return out;
}

Result<Found> Archive::each(const Search& search, const EachMatch& match,
                            const std::atomic<bool>* cancelled) const {
  BlockCache blocks;
  return searchView(search, match, cancelled, blocks, *view());
}

Result<Found> Archive::search(const Search& search, const std::atomic<bool>* cancelled) const {
  if (search.context > limits::kMaxContextLines) {
    return Status(Code::kInvalidArgument,
                  "at most " + std::to_string(limits::kMaxContextLines) + " lines of context",
                  "context");
  }
  BlockCache blocks;
  const ViewPtr view = this->view();
  std::vector<Hit> hits;
  // One more than asked for tells whether there are more.
  const auto take = [&](const MatchView& match) {
    if (hits.size() >= search.limit) return false;
    hits.push_back({keptOf(match), {}, {}});
    return true;
  };
  Found out = searchView(search, take, cancelled, blocks, *view);
  if (out.stop == Found::Stop::kLimit && !hits.empty()) out.next = hits.back().kept.id;
  out.hits = std::move(hits);
  if (search.context == 0) return out;
  const Cursor::World world{*readers_, blocks, [](const SegmentInfo&, const Status&) {}};
  for (Hit& hit : out.hits) {
    hit.before = neighbours(world, *view, hit.kept.id, false, search.context);
    hit.after = neighbours(world, *view, hit.kept.id, true, search.context);
  }
  return out;
}

}  // namespace muster::archive
