// Sliding windows over what a service counts. Pure: the time is passed in, and never runs backwards
// (an instant before the last one is taken as the last one).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "libcontrol/base/clock.h"

namespace muster::service {

// Counts of good and bad requests. What was counted is forgotten a bucket (1/60 of the window) at a
// time and never later than a window after it happened, so that a total covers between 59/60 and
// all of the window. Memory: one entry a bucket in which something was counted.
class RequestWindow {
 public:
  // `window` must be positive.
  RequestWindow(Duration window, ElapsedTime since);

  struct Counts {
    uint64_t good = 0;
    uint64_t bad = 0;
    bool operator==(const Counts&) const = default;
  };
  void add(ElapsedTime now, uint64_t good, uint64_t bad);
  // What is younger than the window.
  Counts counts(ElapsedTime now) const;

  Duration bucketWidth() const { return width_; }

 private:
  struct Bucket {
    int64_t index;
    Counts counts;
  };
  int64_t firstLiveIndex(ElapsedTime now) const;

  const Duration window_;
  const Duration width_;
  const ElapsedTime since_;
  ElapsedTime last_;
  std::deque<Bucket> buckets_;
};

// Outages with their exact times. Where there are more than limits::kMaxOutageIntervals of them in
// a window, those nearest to each other are kept as one that remembers their number and down time;
// only when the window's edge passes through such a one is the down time not exact, and then it is
// taken to be as late in it as possible.
class AvailabilityWindow {
 public:
  // `window` must be positive.
  AvailabilityWindow(Duration window, ElapsedTime since);

  // Idempotent, like Availability's. Times are in order; one before `since` is taken as `since`.
  void begin(ElapsedTime at);
  void end(ElapsedTime at);

  struct Totals {
    Duration observed{};  // min(window, time since it was made)
    Duration outage{};    // within what was observed; one that goes on counts up to now
    uint32_t outages = 0;
    std::optional<Duration> ongoing;  // for how long the present one has gone on, window or not
  };
  Totals totals(ElapsedTime now) const;

  size_t intervals() const { return closed_.size(); }

 private:
  struct Interval {
    ElapsedTime begin;
    ElapsedTime end;
    Duration down;
    uint32_t count;
  };
  void forget(ElapsedTime now);
  void mergeNearest();

  const Duration window_;
  const ElapsedTime since_;
  ElapsedTime last_;
  std::deque<Interval> closed_;  // in order, not overlapping
  std::optional<ElapsedTime> open_;
};

}  // namespace muster::service
