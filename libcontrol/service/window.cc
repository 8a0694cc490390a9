#include "libcontrol/service/window.h"

#include <algorithm>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

// Of a stretch of time that was written: a hundred years, which as nanoseconds still fit.
constexpr uint64_t kMaxAgeMs = 3'153'600'000'000;

void writeAge(ByteWriter& out, ElapsedTime at, ElapsedTime now) {
  out.number(static_cast<uint64_t>(std::max<int64_t>(0, (now - at).toMillis())));
}

std::optional<Duration> readLength(ByteReader& in) {
  const uint64_t ms = in.number();
  if (!in.isGood() || ms > kMaxAgeMs) return std::nullopt;
  return Duration::millis(static_cast<int64_t>(ms));
}

}  // namespace

void Spells::begin(ElapsedTime at) {
  if (!open_) open_ = at;
}

void Spells::end(ElapsedTime at) {
  if (!open_) return;
  closed_.push_back({*open_, at, at - *open_, 1});
  open_.reset();
  if (closed_.size() > capacity_) mergeNearest();
}

void Spells::forgetBefore(ElapsedTime edge) {
  const auto kept = std::find_if(closed_.begin(), closed_.end(),
                                 [edge](const Interval& each) { return each.end > edge; });
  closed_.erase(closed_.begin(), kept);
}

Spells::Totals Spells::totals(ElapsedTime edge, ElapsedTime now) const {
  Totals totals;
  for (const Interval& interval : closed_) {
    if (interval.end <= edge) continue;
    totals.length = totals.length + std::min(interval.length, interval.end - edge);
    totals.count += interval.count;
  }
  if (open_) {
    totals.length = totals.length + (now - std::max(*open_, edge));
    totals.count += 1;
    totals.ongoing = now - *open_;
  }
  return totals;
}

void Spells::mergeNearest() {
  size_t nearest = 0;
  Duration gap = Duration::max();
  for (size_t i = 0; i + 1 < closed_.size(); ++i) {
    const Duration here = closed_[i + 1].begin - closed_[i].end;
    if (here < gap) {
      gap = here;
      nearest = i;
    }
  }
  Interval& kept = closed_[nearest];
  const Interval& next = closed_[nearest + 1];
  kept = {kept.begin, next.end, kept.length + next.length, kept.count + next.count};
  closed_.erase(closed_.begin() + static_cast<std::ptrdiff_t>(nearest) + 1);
}

void Spells::write(ByteWriter& out, ElapsedTime now) const {
  out.number(closed_.size() + (open_ ? 1 : 0));
  const auto one = [&](ElapsedTime begin, ElapsedTime end, Duration length, uint32_t count) {
    writeAge(out, begin, now);
    writeAge(out, end, now);
    out.number(static_cast<uint64_t>(length.toMillis()));
    out.number(count);
  };
  for (const Interval& each : closed_) one(each.begin, each.end, each.length, each.count);
  if (open_) one(*open_, now, now - *open_, 1);
}

bool Spells::read(ByteReader& in, ElapsedTime now) {
  closed_.clear();
  open_.reset();
  const uint64_t count = in.number();
  // One that went on comes on top of those that were closed.
  if (!in.isGood() || count > capacity_ + 1) return false;
  ElapsedTime last = ElapsedTime{INT64_MIN};
  for (uint64_t i = 0; i < count; ++i) {
    const auto begin_age = readLength(in);
    const auto end_age = readLength(in);
    const auto length = readLength(in);
    const uint64_t number = in.number();
    if (!begin_age || !end_age || !length || !in.isGood() || number > UINT32_MAX) return false;
    const Interval interval{now - *begin_age, now - *end_age, *length,
                            static_cast<uint32_t>(number)};
    if (interval.begin < last || interval.end < interval.begin ||
        interval.length > interval.end - interval.begin) {
      return false;
    }
    last = interval.end;
    closed_.push_back(interval);
  }
  if (closed_.size() > capacity_) mergeNearest();
  return true;
}

AvailabilityWindow::AvailabilityWindow(Duration window, ElapsedTime since)
    : window_(window),
      since_(since),
      last_(since),
      outages_(limits::kMaxOutageIntervals),
      pauses_(limits::kMaxPauses) {}

ElapsedTime AvailabilityWindow::inOrder(ElapsedTime at) {
  last_ = std::max(last_, at);
  outages_.forgetBefore(last_ - window_);
  pauses_.forgetBefore(last_ - window_);
  return last_;
}

void AvailabilityWindow::begin(ElapsedTime at) {
  outages_.begin(inOrder(at));
}

void AvailabilityWindow::end(ElapsedTime at) {
  outages_.end(inOrder(at));
}

void AvailabilityWindow::pause(ElapsedTime at) {
  outages_.end(inOrder(at));
  pauses_.begin(last_);
}

void AvailabilityWindow::resume(ElapsedTime at) {
  pauses_.end(inOrder(at));
}

AvailabilityWindow::Totals AvailabilityWindow::totals(ElapsedTime now) const {
  now = std::max(last_, now);
  const ElapsedTime edge = now - window_;
  const Spells::Totals down = outages_.totals(edge, now);
  const Spells::Totals away = pauses_.totals(edge, now);
  Totals totals;
  totals.observed = std::max(Duration{}, std::min(window_, now - since_) - away.length);
  totals.outage = std::min(down.length, totals.observed);
  totals.outages = down.count;
  totals.ongoing = down.ongoing;
  totals.paused = away.ongoing.has_value();
  return totals;
}

void AvailabilityWindow::write(ByteWriter& out, ElapsedTime now) const {
  now = std::max(last_, now);
  writeAge(out, since_, now);
  outages_.write(out, now);
  pauses_.write(out, now);
}

bool AvailabilityWindow::read(ByteReader& in, ElapsedTime now, Duration gap) {
  const ElapsedTime then = now - gap;
  const auto age = readLength(in);
  if (!age || !outages_.read(in, then) || !pauses_.read(in, then)) return false;
  since_ = then - *age;
  last_ = then;
  pause(then);
  resume(now);
  return true;
}

}  // namespace muster::service
