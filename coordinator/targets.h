// What commands to several nodes are for: all nodes, a group's, or one.
#pragma once

#include <string>
#include <vector>

#include "commands/target.h"
#include "coordinator/members.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/records.h"

namespace muster::coordinator {

struct Target {
  store::OverrideTarget kind = store::OverrideTarget::kAll;
  std::string name;  // empty for kAll

  bool operator==(const Target&) const = default;
};

inline constexpr char kAllTarget[] = "all";

// "all", the groups and the nodes. Where a name stands for two of them, "group:NAME" and
// "node:NAME" are listed besides.
std::vector<std::string> targetNames(const std::vector<std::string>& groups,
                                     const Members& members);

// kNotFound, or kInvalidArgument for a name that stands for two things; the field is "target".
Result<Target> resolveTarget(const commands::Where& where, const std::vector<std::string>& groups,
                             const Members& members);

bool covers(const Target& target, const Member& member);
// By name.
std::vector<const Member*> membersOf(const Target& target, const Members& members);
// "all nodes", "group storage", "node1".
std::string inWords(const Target& target);

}  // namespace muster::coordinator
