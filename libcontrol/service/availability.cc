#include <utility>

#include "libcontrol/include/muster/service.h"
#include "libcontrol/service/outage_events.h"

namespace muster {

void Availability::outageBegin() {
  const std::lock_guard lock(mutex_);
  if (in_outage_) return;
  in_outage_ = true;
  service::noteChange(events_, true);
}

void Availability::outageEnd() {
  const std::lock_guard lock(mutex_);
  if (!in_outage_) return;
  in_outage_ = false;
  service::noteChange(events_, false);
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
