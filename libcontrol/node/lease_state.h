// What the copies of a Lease share with the library: one epoch's deadline, moved on by renewals.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"

namespace muster {

// Written by the event loop's thread, read by any.
struct LeaseState {
  LeaseState(uint64_t epoch_in, std::string instance_in, Clock& clock_in)
      : epoch(epoch_in), instance(std::move(instance_in)), clock(clock_in) {}

  const uint64_t epoch;
  const std::string instance;
  Clock& clock;
  // ElapsedTime before which the lease may be used; 0 from the moment it is over.
  std::atomic<int64_t> use_until_ns{0};
};

}  // namespace muster
