// The changes that wait to be sampled, bounded.
#pragma once

#include <vector>

#include "libcontrol/include/muster/service.h"

namespace muster::service {

// Adds a begin or an end, now; beyond limits::kMaxOutageEvents the shortest time of being up
// between two outages is left out. Begins and ends come in turn.
void noteChange(std::vector<OutageEvent>& events, bool begin);

}  // namespace muster::service
