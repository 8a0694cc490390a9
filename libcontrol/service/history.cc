#include "libcontrol/service/history.h"

#include <algorithm>

#include "libcontrol/base/limits.h"
#include "libcontrol/service/bytes.h"

namespace muster::service {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// Of the encoding; grows when it or the rings change.
constexpr uint64_t kFormat = 1;

struct Shape {
  int64_t width_ms;
  int64_t capacity;
};
// A window needs one bucket more than fit into it.
constexpr Shape kShapes[] = {
    {1'000, 660}, {10'000, 732}, {120'000, 732}, {900'000, 300}, {3'600'000, 748},
};

constexpr size_t bucketsOf(const Shape* begin, const Shape* end) {
  size_t sum = 0;
  for (const Shape* shape = begin; shape != end; ++shape)
    sum += static_cast<size_t>(shape->capacity);
  return sum;
}
static_assert(bucketsOf(std::begin(kShapes), std::end(kShapes)) * 2 * sizeof(uint64_t) +
                  sizeof(History) <=
              History::kMaxBytes);
static_assert((kShapes[4].capacity - 1) * kShapes[4].width_ms >= limits::kMaxPeriod.toMillis());

// a + more * part / whole, without running over.
uint64_t partOf(uint64_t more, int64_t part, int64_t whole) {
  if (whole <= 0 || part >= whole) return more;
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(more) * static_cast<uint64_t>(part) /
                               static_cast<uint64_t>(whole));
}

int64_t floorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

}  // namespace

std::array<History::Ring, History::kRings> History::emptyRings() {
  static_assert(std::size(kShapes) == kRings);
  std::array<Ring, kRings> rings{};
  for (size_t i = 0; i < kRings; ++i) {
    rings[i] = Ring{kShapes[i].width_ms, kShapes[i].capacity, 0, {Sum{}}};
  }
  return rings;
}

History::History(ElapsedTime since) : begin_(since) {}

int64_t History::millisAt(ElapsedTime now) const {
  return std::max(last_ms_, (now - begin_).ns / kNsPerMs);
}

Duration History::age(ElapsedTime now) const {
  return Duration::millis(millisAt(now));
}

const History::Sum& History::beginOf(const Ring& ring, int64_t bucket) {
  return ring.begins[static_cast<size_t>(bucket % ring.capacity)];
}

void History::put(Ring& ring, int64_t bucket, const Sum& sum) {
  const auto place = static_cast<size_t>(bucket % ring.capacity);
  if (place >= ring.begins.capacity()) {
    // Doubled, but never beyond what the ring can use.
    ring.begins.reserve(std::min(2 * (place + 1), static_cast<size_t>(ring.capacity)));
  }
  if (place >= ring.begins.size()) ring.begins.resize(place + 1, sum);
  ring.begins[place] = sum;
  ring.last = bucket;
}

// The borders that lie after `from_ms` and up to `to_ms`, by a straight line between the two sums.
void History::advance(Ring& ring, int64_t from_ms, int64_t to_ms, const Sum& from,
                      const Sum& more) {
  const int64_t newest = to_ms / ring.width_ms;
  if (newest >= ring.capacity) ring.begins.resize(static_cast<size_t>(ring.capacity));
  for (int64_t i = std::max(ring.last, newest - ring.capacity) + 1; i <= newest; ++i) {
    const int64_t part = i * ring.width_ms - from_ms;
    put(ring, i,
        {from.good + partOf(more.good, part, to_ms - from_ms),
         from.bad + partOf(more.bad, part, to_ms - from_ms)});
  }
}

void History::spread(ElapsedTime now, uint64_t good, uint64_t bad) {
  const int64_t to_ms = millisAt(now);
  for (Ring& ring : rings_) advance(ring, last_ms_, to_ms, sum_, {good, bad});
  last_ms_ = to_ms;
  sum_.good += good;
  sum_.bad += bad;
}

void History::add(ElapsedTime now, uint64_t good, uint64_t bad) {
  spread(now, 0, 0);
  sum_.good += good;
  sum_.bad += bad;
}

const History::Ring& History::ringFor(const std::array<Ring, kRings>& rings, Duration window) {
  for (const Ring& ring : rings) {
    if ((ring.capacity - 1) * ring.width_ms * kNsPerMs >= window.ns) return ring;
  }
  return rings.back();
}

Duration History::granularity(Duration window) {
  static const std::array<Ring, kRings> kRingShapes = emptyRings();
  return Duration::millis(ringFor(kRingShapes, window).width_ms);
}

WindowTotal History::total(Duration window, ElapsedTime now) const {
  const int64_t now_ms = millisAt(now);
  const Ring& ring = ringFor(rings_, window);
  WindowTotal out{window, 0, 0, std::min(window, Duration::millis(now_ms))};
  // The first bucket that begins within the window: all that is in it is younger than the window.
  const int64_t first =
      std::max<int64_t>(0, floorDivide(now_ms - window.toMillis(), ring.width_ms) + 1);
  if (first > ring.last) return out;
  const Sum& begin = beginOf(ring, std::max(first, ring.last - ring.capacity + 1));
  out.good = sum_.good - begin.good;
  out.bad = sum_.bad - begin.bad;
  return out;
}

size_t History::bytes() const {
  size_t sum = sizeof(*this);
  for (const Ring& ring : rings_) sum += ring.begins.size() * sizeof(Sum);
  return sum;
}

// Each ring but the first from its oldest bucket on, as differences.
std::string History::encode() const {
  ByteWriter out;
  out.number(kFormat);
  out.number(static_cast<uint64_t>(last_ms_));
  out.number(sum_.good);
  out.number(sum_.bad);
  for (size_t i = 1; i < kRings; ++i) {
    const Ring& ring = rings_[i];
    const int64_t oldest = std::max<int64_t>(0, ring.last - ring.capacity + 1);
    Sum before = sum_;
    // From the newest back: what lies before the oldest is not needed.
    for (int64_t bucket = ring.last; bucket >= oldest; --bucket) {
      const Sum& begin = beginOf(ring, bucket);
      out.number(before.good - begin.good);
      out.number(before.bad - begin.bad);
      before = begin;
    }
  }
  return out.take();
}

Result<History> History::decode(std::string_view bytes, ElapsedTime now, Duration gap) {
  ByteReader in(bytes);
  const Status torn(Code::kDataLoss, "not a history of a service, or a damaged one");
  if (in.number() != kFormat) return torn;
  const uint64_t last_ms = in.number();
  // A hundred years, which as nanoseconds still fit.
  if (!in.isGood() || last_ms > 3'153'600'000'000ULL) return torn;
  History history(now);
  history.last_ms_ = static_cast<int64_t>(last_ms);
  history.sum_ = {in.number(), in.number()};
  for (size_t i = 1; i < kRings; ++i) {
    Ring& ring = history.rings_[i];
    ring.last = history.last_ms_ / ring.width_ms;
    ring.begins.resize(static_cast<size_t>(std::min(ring.last + 1, ring.capacity)));
    const int64_t oldest = std::max<int64_t>(0, ring.last - ring.capacity + 1);
    Sum before = history.sum_;
    for (int64_t bucket = ring.last; bucket >= oldest; --bucket) {
      before = {before.good - in.number(), before.bad - in.number()};
      ring.begins[static_cast<size_t>(bucket % ring.capacity)] = before;
    }
  }
  if (!in.isGood() || !in.isAtEnd()) return torn;
  history.fillSeconds();
  gap = std::clamp(gap, Duration{}, limits::kMaxPeriod * 2);
  history.begin_ = now - gap - Duration::millis(history.last_ms_);
  history.spread(now, 0, 0);
  return history;
}

void History::fillSeconds() {
  Ring& seconds = rings_[0];
  const Ring& tens = rings_[1];
  seconds.last = last_ms_ / seconds.width_ms;
  seconds.begins.resize(static_cast<size_t>(std::min(seconds.last + 1, seconds.capacity)));
  const int64_t per_ten = tens.width_ms / seconds.width_ms;
  for (int64_t i = std::max<int64_t>(0, seconds.last - seconds.capacity + 1); i <= seconds.last;
       ++i) {
    const int64_t ten = i / per_ten;
    const Sum& from = beginOf(tens, ten);
    const Sum& to = ten < tens.last ? beginOf(tens, ten + 1) : sum_;
    const int64_t whole_ms = ten < tens.last ? tens.width_ms : last_ms_ - ten * tens.width_ms;
    const int64_t part_ms = i * seconds.width_ms - ten * tens.width_ms;
    Sum at = from;
    if (part_ms > 0) {
      at.good += partOf(to.good - from.good, part_ms, whole_ms);
      at.bad += partOf(to.bad - from.bad, part_ms, whole_ms);
    }
    seconds.begins[static_cast<size_t>(i % seconds.capacity)] = at;
  }
}

}  // namespace muster::service
