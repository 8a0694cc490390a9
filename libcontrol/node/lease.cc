#include "muster/lease.h"

#include <algorithm>
#include <utility>

#include "libcontrol/node/lease_state.h"

namespace muster {

Lease::Lease(std::shared_ptr<const LeaseState> state) : state_(std::move(state)) {}

uint64_t Lease::epoch() const {
  return state_->epoch;
}

const std::string& Lease::instance() const {
  return state_->instance;
}

std::chrono::nanoseconds Lease::remaining() const {
  const int64_t until = state_->use_until_ns.load(std::memory_order_acquire);
  if (until == 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(until - state_->clock.elapsed().ns);
}

bool Lease::guard(std::chrono::nanoseconds max_op) const {
  return remaining() > std::max(max_op, std::chrono::nanoseconds(0));
}

}  // namespace muster
