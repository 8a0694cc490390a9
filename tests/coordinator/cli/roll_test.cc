#include "coordinator/cli/roll.h"

#include <gmock/gmock.h>

namespace muster::cli {
namespace {

v1::NodeState node(const std::string& name, v1::NodeRole role, bool drained = false) {
  v1::NodeState out;
  out.set_name(name);
  out.set_role(role);
  out.mutable_drain()->set_drained(drained);
  return out;
}

TEST(RollOrder, TheActiveNodeIsTheLastAndDrainedOnesAreLeftOut) {
  v1::NodesReply nodes;
  *nodes.add_nodes() = node("node3", v1::NODE_ROLE_STANDBY);
  *nodes.add_nodes() = node("node1", v1::NODE_ROLE_ACTIVE);
  *nodes.add_nodes() = node("node4", v1::NODE_ROLE_STANDBY, true);
  *nodes.add_nodes() = node("node2", v1::NODE_ROLE_STANDBY);
  std::vector<std::string> names;
  for (const v1::NodeState& each : rollOrder(nodes)) names.push_back(each.name());
  EXPECT_THAT(names, testing::ElementsAre("node2", "node3", "node1"));
}

}  // namespace
}  // namespace muster::cli
