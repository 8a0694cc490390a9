// coordinators: which there are, and which of them leads.
#pragma once

#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class Coordinators {
 public:
  virtual ~Coordinators() = default;
  // By name.
  virtual v1::CoordinatorsReply coordinators() = 0;
};

// `coordinators` must outlive the handlers.
void addCoordinators(catalogue::HandlerSet& handlers, Coordinators& coordinators);

}  // namespace muster::commands
