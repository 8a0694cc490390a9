// From the levels of nodes to those of groups and of the whole cluster.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/service/level.h"

namespace muster::service {

// A member of a group as its presence tells of it.
struct NodeView {
  std::string name;
  bool present = false;
  bool active = false;
  std::vector<ServiceSnapshot> services;
};

struct GroupLevel {
  std::string name;
  // "Ledger group service level: 99.99% (within advertised SLA range)", or the worst in the
  // parentheses: "user below its objective of 99.9%", "no active node".
  Level level;
  std::vector<ServiceSnapshot> services;  // the worst first
  bool has_active = false;                // a node is active and present
};

// Requests are summed up over the nodes that are present (figures of an absent one would never
// age), by the strictest objective and the longest window that any of them states. Availability is
// the active node's, and NO DATA while no active node is present.
GroupLevel levelOfGroup(const std::string& name, const std::vector<NodeView>& nodes);

// "Overall service level: 99.99% (within advertised SLA range)", or the worst group and service in
// the parentheses: "storage: user below its objective of 99.9%". Groups in any order; without any,
// there is no data.
Level overallLevel(const std::vector<GroupLevel>& groups);

}  // namespace muster::service
