// The sliding window of a service that is judged by time. Pure: the time is passed in, and never
// runs backwards (an instant before the last one is taken as the last one).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/bytes.h"

namespace muster::service {

// Stretches of time with their exact begin and end, in order, for as long as a window reaches.
// Where there are more than its capacity, those nearest to each other are kept as one that
// remembers their number and length; only when the window's edge passes through such a one is the
// length not exact, and then it is taken to be as late in it as possible.
class Spells {
 public:
  explicit Spells(size_t capacity) : capacity_(capacity) {}

  // Idempotent; times are in order.
  void begin(ElapsedTime at);
  void end(ElapsedTime at);
  void forgetBefore(ElapsedTime edge);

  struct Totals {
    Duration length{};
    uint32_t count = 0;
    std::optional<Duration> ongoing;  // of the present one, whether it began after `edge` or not
  };
  Totals totals(ElapsedTime edge, ElapsedTime now) const;

  size_t closed() const { return closed_.size(); }

  // One that goes on is written as ended now.
  void write(ByteWriter& out, ElapsedTime now) const;
  // False, and nothing usable, if it isn't what write() makes.
  bool read(ByteReader& in, ElapsedTime now);

 private:
  struct Interval {
    ElapsedTime begin;
    ElapsedTime end;
    Duration length;
    uint32_t count;
  };
  void mergeNearest();

  size_t capacity_;
  std::vector<Interval> closed_;  // not overlapping
  std::optional<ElapsedTime> open_;
};

// Outages, and pauses in which nobody watched (the process did not run, say).
class AvailabilityWindow {
 public:
  // `window` must be positive.
  AvailabilityWindow(Duration window, ElapsedTime since);

  // Idempotent, like Availability's. Times are in order; one before `since` is taken as `since`.
  void begin(ElapsedTime at);
  void end(ElapsedTime at);
  // The same of pauses. An outage ends for good where a pause begins.
  void pause(ElapsedTime at);
  void resume(ElapsedTime at);

  struct Totals {
    Duration observed{};  // min(window, time since it was made), without pauses
    Duration outage{};    // within what was observed; one that goes on counts up to now
    uint32_t outages = 0;
    std::optional<Duration> ongoing;  // for how long the present one has gone on, window or not
    bool paused = false;
  };
  Totals totals(ElapsedTime now) const;

  size_t intervals() const { return outages_.closed(); }

  // What another process has written becomes this one's past; `now` is in each the instant of the
  // call, and in the one that reads nobody has watched for `gap` before.
  void write(ByteWriter& out, ElapsedTime now) const;
  bool read(ByteReader& in, ElapsedTime now, Duration gap);

 private:
  ElapsedTime inOrder(ElapsedTime at);

  Duration window_;
  ElapsedTime since_;
  ElapsedTime last_;
  Spells outages_;
  Spells pauses_;
};

}  // namespace muster::service
