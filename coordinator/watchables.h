// What alerts can be about: services of groups, groups, nodes and the whole, by name and with their
// levels of the moment.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordinator/cluster.h"
#include "libcontrol/base/status.h"
#include "libcontrol/incident/types.h"

namespace muster::coordinator {

// Changes nothing. Lives on the event loop's thread; the cluster must outlive it.
class Watchables {
 public:
  explicit Watchables(const Cluster& cluster) : cluster_(cluster) {}

  // "overall", groups, their services as "user.storage", and nodes. A node that has the name of a
  // group, or of a group's service, is "node:NAME".
  std::vector<std::string> names() const;
  // As names() has it; also a service that nobody reports at the moment, if its group is there.
  // kNotFound, with the field "target" and a suggestion.
  Result<std::string> resolve(const std::string& typed) const;
  // The group that a target belongs to; empty if it has none.
  std::string groupOf(const std::string& target) const;

  // Null if the target is no node.
  const Member* nodeOf(const std::string& target) const;

  // Of these, of the groups they belong to, and of the whole, as of the last tick. What is not
  // there any more is left out.
  std::vector<incident::TargetLevel> levels(const std::set<std::string>& targets) const;

 private:
  incident::TargetLevel ofNode(const std::string& target, const Member& member) const;

  const Cluster& cluster_;
};

}  // namespace muster::coordinator
