// Questions to a log that is kept, and their answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "libcontrol/archive/keeper.h"
#include "libcontrol/archive/limits.h"
#include "libcontrol/records/query.h"

namespace muster::archive {

struct Search {
  records::Query query;
  // In the order in which the records came, the newest first unless this says otherwise.
  bool oldest_first = false;
  // Only what comes behind this record in that order: where the page before has ended.
  std::optional<RecordId> behind;
  size_t limit = 50;
  // Records that came just before and after each hit, whatever they are; at most
  // limits::kMaxContextLines.
  size_t context = 0;
  // It stops after so long, or so many bytes of texts read; what was found by then is the answer.
  Duration max_time = Duration::max();
  uint64_t max_bytes = ~uint64_t{0};
};

struct Hit {
  KeptRecord kept;
  std::vector<KeptRecord> before;  // in the order in which they came
  std::vector<KeptRecord> after;
};

struct Found {
  std::vector<Hit> hits;
  // There may be more: to be asked for with `behind`. Nothing: that was all.
  std::optional<RecordId> next;
  enum class Stop { kEnd, kLimit, kTime, kBytes, kCancelled } stop = Stop::kEnd;
  // Where it stopped before the end: when the next record came that it would have looked at.
  std::optional<WallTime> looked_until;
  // The newest record that was kept when it began; 0: there was none yet.
  RecordId last_id = 0;
  uint64_t blocks_read = 0;  // that had to be unpacked
  uint64_t bytes_read = 0;   // of texts in them
  uint64_t damaged = 0;      // blocks or segments that could not be read; they are left out
};

// Called with each match; false ends the search. The record's views last as long as the call.
struct MatchView {
  RecordId id = 0;
  WallTime at;
  Severity level = Severity::kInfo;
  std::string_view logger;
  std::string_view text;
};
using EachMatch = std::function<bool(const MatchView&)>;

}  // namespace muster::archive
