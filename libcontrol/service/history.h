// What a service counted, for windows of any length up to a month, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// Good and bad amounts, kept as running totals at the borders of buckets in rings of growing width,
// so that a window of any length is one subtraction. What was counted is forgotten a bucket at a
// time and never later than a window after it happened. Buckets are 1 s wide for windows up to
// 10 min. 59 s, 10 s up to 2 hours, 2 min. up to 24 hours, 15 min. up to 3 days and 1 hour up to
// 31 days: no more than a sixtieth of any window of a minute or longer. Pure: the time is passed in
// and never runs backwards (an instant before the last one is taken as the last one).
class History {
 public:
  // Begins empty; grows to at most kMaxBytes with its age.
  explicit History(ElapsedTime since);

  // Amounts that belong to the instant `now`.
  void add(ElapsedTime now, uint64_t good, uint64_t bad);
  // Amounts that came evenly since the last call of either.
  void spread(ElapsedTime now, uint64_t good, uint64_t bad);

  // `window` is positive and at most limits::kMaxPeriod. `observed` is how much of it lies after
  // the history's begin, whether or not anything was counted then.
  WindowTotal total(Duration window, ElapsedTime now) const;
  // Since the begin; they wrap around.
  uint64_t goodTotal() const { return sum_.good; }
  uint64_t badTotal() const { return sum_.bad; }
  // How old it is.
  Duration age(ElapsedTime now) const;

  // Width of the buckets that a window of that length is made of.
  static Duration granularity(Duration window);
  size_t bytes() const;

  // A compact form without the seconds: what is read back has them filled in evenly. `bytes` may be
  // anything; kDataLoss if it is no history. Between `now` of the one and of the other, `gap` has
  // passed in which nothing was counted.
  std::string encode() const;
  static Result<History> decode(std::string_view bytes, ElapsedTime now, Duration gap);

  static constexpr size_t kMaxBytes = 51 * 1024;

 private:
  struct Sum {
    uint64_t good = 0;
    uint64_t bad = 0;
  };
  // The totals at the begin of each bucket, number i at place i % capacity.
  struct Ring {
    int64_t width_ms;
    int64_t capacity;
    int64_t last = 0;  // the newest bucket's number
    std::vector<Sum> begins{};
  };
  static constexpr size_t kRings = 5;

  int64_t millisAt(ElapsedTime now) const;
  static const Sum& beginOf(const Ring& ring, int64_t bucket);
  static void put(Ring& ring, int64_t bucket, const Sum& sum);
  static void advance(Ring& ring, int64_t from_ms, int64_t to_ms, const Sum& from, const Sum& more);
  static std::array<Ring, kRings> emptyRings();
  static const Ring& ringFor(const std::array<Ring, kRings>& rings, Duration window);
  void fillSeconds();

  std::array<Ring, kRings> rings_ = emptyRings();
  ElapsedTime begin_;    // of the first bucket
  int64_t last_ms_ = 0;  // what is counted up to, since begin_
  Sum sum_;
};

}  // namespace muster::service
