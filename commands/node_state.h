// service-level, node-info and role: what a node knows of itself.
#pragma once

#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

class NodeState {
 public:
  virtual ~NodeState() = default;
  // All services, the worst first, and the level of the whole.
  virtual v1::ServiceLevelReply services() = 0;
  virtual v1::NodeInfoReply info() = 0;
  virtual v1::RoleReply roleInfo() = 0;
};

// `node` must outlive the handlers.
void addNodeState(catalogue::HandlerSet& handlers, NodeState& node);

}  // namespace muster::commands
