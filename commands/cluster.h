// status, nodes and explain: what the coordinator knows of its groups.
#pragma once

#include <optional>
#include <string>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class ClusterState {
 public:
  virtual ~ClusterState() = default;
  // Of one group, which exists, or of all of them; by name.
  virtual v1::StatusReply status(const std::optional<std::string>& group) = 0;
  virtual v1::NodesReply nodes(const std::optional<std::string>& group) = 0;
  // Of a group that exists. `last`: the choice behind the latest offer, as it was made; kNotFound,
  // with the field "last", if there was none since the start.
  virtual Result<v1::ExplainReply> explain(const std::string& group, bool last) = 0;
};

// `cluster` must outlive the handlers.
void addClusterState(catalogue::HandlerSet& handlers, ClusterState& cluster);

}  // namespace muster::commands
