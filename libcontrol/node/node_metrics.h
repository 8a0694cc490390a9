// What a node tells of itself as metrics; docs/operations.md names them.
#pragma once

#include <optional>

#include "libcontrol/metrics/command_counts.h"
#include "libcontrol/metrics/families.h"
#include "libcontrol/service/level.h"
#include "muster/node.pb.h"

namespace muster {

// All that it takes: copies, as they were at one moment.
struct NodeFigures {
  v1::NodeInfoReply info;
  v1::RoleReply role;
  service::NodeSnapshot services;
  std::optional<v1::LogRulesReply> log_rules{};  // nullopt: it has none
  WallTime started{};
  bool connected = false;
  bool coordinator_there = false;
};

metrics::Families describeNode(const NodeFigures& figures, const metrics::CommandCounts& commands);

}  // namespace muster
