#include "libcontrol/service/window.h"

#include <algorithm>
#include <limits>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

uint64_t addSaturated(uint64_t a, uint64_t b) {
  const uint64_t room = std::numeric_limits<uint64_t>::max() - a;
  return b > room ? std::numeric_limits<uint64_t>::max() : a + b;
}

void addTo(RequestWindow::Counts& to, const RequestWindow::Counts& counts) {
  to.good = addSaturated(to.good, counts.good);
  to.bad = addSaturated(to.bad, counts.bad);
}

int64_t floorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

}  // namespace

RequestWindow::RequestWindow(Duration window, ElapsedTime since)
    : window_(window),
      // Rounded up, so that the buckets cover the window.
      width_{(window.ns + limits::kWindowBuckets - 1) / limits::kWindowBuckets},
      since_(since),
      last_(since) {}

void RequestWindow::add(ElapsedTime now, uint64_t good, uint64_t bad) {
  last_ = std::max(last_, now);
  const int64_t first_live = firstLiveIndex(last_);
  while (!buckets_.empty() && buckets_.front().index < first_live) buckets_.pop_front();
  if (good == 0 && bad == 0) return;
  const int64_t index = floorDivide((last_ - since_).ns, width_.ns);
  if (buckets_.empty() || buckets_.back().index != index) buckets_.push_back({index, {}});
  addTo(buckets_.back().counts, {good, bad});
}

RequestWindow::Counts RequestWindow::counts(ElapsedTime now) const {
  const int64_t first_live = firstLiveIndex(std::max(last_, now));
  Counts sum;
  for (const Bucket& bucket : buckets_) {
    if (bucket.index >= first_live) addTo(sum, bucket.counts);
  }
  return sum;
}

// The first bucket that begins within the window: all that is in it is younger than the window.
int64_t RequestWindow::firstLiveIndex(ElapsedTime now) const {
  return floorDivide((now - since_ - window_).ns, width_.ns) + 1;
}

AvailabilityWindow::AvailabilityWindow(Duration window, ElapsedTime since)
    : window_(window), since_(since), last_(since) {}

void AvailabilityWindow::begin(ElapsedTime at) {
  last_ = std::max(last_, at);
  if (!open_) open_ = last_;
}

void AvailabilityWindow::end(ElapsedTime at) {
  last_ = std::max(last_, at);
  if (!open_) return;
  closed_.push_back({*open_, last_, last_ - *open_, 1});
  open_.reset();
  forget(last_);
  if (closed_.size() > limits::kMaxOutageIntervals) mergeNearest();
}

AvailabilityWindow::Totals AvailabilityWindow::totals(ElapsedTime now) const {
  now = std::max(last_, now);
  const ElapsedTime edge = now - window_;
  Totals totals;
  totals.observed = std::min(window_, now - since_);
  for (const Interval& interval : closed_) {
    if (interval.end <= edge) continue;
    totals.outage = totals.outage + std::min(interval.down, interval.end - edge);
    totals.outages += interval.count;
  }
  if (open_) {
    totals.outage = totals.outage + (now - std::max(*open_, edge));
    totals.outages += 1;
    totals.ongoing = now - *open_;
  }
  return totals;
}

void AvailabilityWindow::forget(ElapsedTime now) {
  while (!closed_.empty() && closed_.front().end <= now - window_) closed_.pop_front();
}

void AvailabilityWindow::mergeNearest() {
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
  kept = {kept.begin, next.end, kept.down + next.down, kept.count + next.count};
  closed_.erase(closed_.begin() + static_cast<std::ptrdiff_t>(nearest) + 1);
}

}  // namespace muster::service
