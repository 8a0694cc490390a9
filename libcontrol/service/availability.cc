#include <cstddef>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/include/muster/service.h"

namespace muster {
namespace {

// Leaves out the shortest time of being up that lies between two outages.
void dropShortestUp(std::vector<Availability::Event>& events) {
  size_t shortest = events.size();
  auto length = std::chrono::steady_clock::duration::max();
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    const auto here = events[i + 1].at - events[i].at;
    if (!events[i].begin && here < length) {
      length = here;
      shortest = i;
    }
  }
  if (shortest == events.size()) return;
  const auto at = events.begin() + static_cast<std::ptrdiff_t>(shortest);
  events.erase(at, at + 2);
}

}  // namespace

void Availability::outageBegin() {
  const std::lock_guard lock(mutex_);
  if (in_outage_) return;
  in_outage_ = true;
  events_.push_back({std::chrono::steady_clock::now(), true});
  if (events_.size() > limits::kMaxOutageEvents) dropShortestUp(events_);
}

void Availability::outageEnd() {
  const std::lock_guard lock(mutex_);
  if (!in_outage_) return;
  in_outage_ = false;
  events_.push_back({std::chrono::steady_clock::now(), false});
  if (events_.size() > limits::kMaxOutageEvents) dropShortestUp(events_);
}

bool Availability::inOutage() const {
  const std::lock_guard lock(mutex_);
  return in_outage_;
}

std::vector<Availability::Event> Availability::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

}  // namespace muster
