// Lines of several nodes' logs as one. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "muster/cluster.pb.h"
#include "muster/node.pb.h"

namespace muster::coordinator {

// What one node answered.
struct NodeLines {
  std::string node;
  v1::LogsReply reply;
};

// A place in the logs of several nodes: of each, as it says it itself; empty: its beginning or end.
using LogPlaces = std::map<std::string, std::string>;

struct MergedLines {
  v1::ClusterLogsReply reply;  // but for results, older and newer
  // From where on to go on; empty if nothing is left.
  LogPlaces older;
  // What came up to now has been shown, or is older.
  LogPlaces newer;
};

// At most `limit` lines by their times, each node's in the order in which it gave them. Where a
// node has more than it could give at once, no line of another is shown that may belong behind
// those. `from` is where the nodes were asked from. Lines that stand around one that matches stay
// with it.
MergedLines mergeLines(std::vector<NodeLines> nodes, size_t limit, bool oldest_first,
                       const LogPlaces& from);

// What the nodes counted, the most frequent first, at most `limit`.
v1::ClusterTopErrorsReply mergeGroups(
    const std::vector<std::pair<std::string, v1::TopErrorsReply>>& nodes, size_t limit);

}  // namespace muster::coordinator
