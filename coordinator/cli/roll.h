// `muster roll`: something is done to every node of a group, one after the other, while the group
// goes on.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verbs.h"
#include "muster/cluster.pb.h"

namespace muster::cli {

struct RollArguments {
  std::string group;
  std::vector<std::string> command;
  std::string reason;
  // How long a node may take until it is back and well.
  std::string patience = "5m";
};

// The order in which nodes are taken: by name, the active one last, so that its role moves once.
// Those that were drained before are left out; they are somebody else's.
std::vector<v1::NodeState> rollOrder(const v1::NodesReply& nodes);

// For each node: drain and wait, the command, wait until the node answers and is well, undrain.
// Ends at the first that fails, with that node still drained.
Exit runRoll(const Settings& settings, const Catalogues& catalogues,
             const RollArguments& arguments);

}  // namespace muster::cli
