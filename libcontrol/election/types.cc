#include "libcontrol/election/types.h"

#include <cmath>

namespace muster::election {

const char* phaseName(Phase phase) {
  switch (phase) {
    case Phase::kVacant:
      return "VACANT";
    case Phase::kOffered:
      return "OFFERED";
    case Phase::kActive:
      return "ACTIVE";
    case Phase::kDraining:
      return "DRAINING";
  }
  return "?";
}

Duration waitOut(Duration ttl, double rate_bound, Duration margin) {
  // The holder's clock may run slow by the bound while the waiter's runs fast by it.
  const double stretched = static_cast<double>(ttl.ns) * (1.0 + rate_bound) / (1.0 - rate_bound);
  return Duration{static_cast<int64_t>(std::ceil(stretched)) + 1} + margin;
}

}  // namespace muster::election
