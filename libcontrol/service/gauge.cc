#include <utility>

#include "libcontrol/include/muster/service.h"
#include "libcontrol/service/outage_events.h"

namespace muster {

void Gauge::cross() {
  const std::lock_guard lock(mutex_);
  settle();
}

// By the value that stands now: of two threads that set at the same time the later one counts.
void Gauge::settle() {
  const Side before = side_.load(std::memory_order_relaxed);
  const double value = value_.load(std::memory_order_relaxed);
  // Not a number before the first value, and a side there is only after one.
  if (before == Side::kUnknown && !fresh_.load(std::memory_order_relaxed)) return;
  const Side side = sideOf(value);
  if (side == before) return;
  side_.store(side, std::memory_order_relaxed);
  if (before == Side::kUnknown && side == Side::kWithin) return;
  service::noteChange(events_, side == Side::kOut);
}

Gauge::Taken Gauge::take() {
  const std::lock_guard lock(mutex_);
  // Two that crossed in opposite directions at once may have left the side of the earlier one.
  settle();
  Taken taken;
  taken.events = std::exchange(events_, {});
  taken.fresh = fresh_.exchange(false, std::memory_order_relaxed);
  return taken;
}

}  // namespace muster
