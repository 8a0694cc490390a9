// service-level at the coordinator: how well groups and nodes are.
#pragma once

#include "commands/target.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class ClusterServiceLevels {
 public:
  virtual ~ClusterServiceLevels() = default;
  // The services of what was asked for, the worst first, and the level of the whole. Errors name
  // the field "target".
  virtual Result<v1::ClusterServiceLevelReply> services(const Where& where) = 0;
};

// `levels` must outlive the handlers.
void addClusterServiceLevel(catalogue::HandlerSet& handlers, ClusterServiceLevels& levels);

}  // namespace muster::commands
