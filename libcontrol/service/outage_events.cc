#include "libcontrol/service/outage_events.h"

#include <cstddef>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

// Leaves out the shortest time of being up that lies between two outages.
void dropShortestUp(std::vector<OutageEvent>& events) {
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

void noteChange(std::vector<OutageEvent>& events, bool begin) {
  events.push_back({std::chrono::steady_clock::now(), begin});
  if (events.size() > limits::kMaxOutageEvents) dropShortestUp(events);
}

}  // namespace muster::service
