// What people are shown of the cluster: status, nodes, explain, and the names that arguments are
// taken from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/cluster.h"
#include "coordinator/cluster.h"
#include "libcontrol/catalogue/ports.h"

namespace muster::coordinator {

// Changes nothing. Lives on the event loop's thread; the cluster must outlive it.
class ClusterView : public commands::ClusterState, public catalogue::Directory {
 public:
  // What is wrong with a group at the moment, one sentence; empty if nothing is.
  using Alarm = std::function<std::string(const std::string& group)>;

  ClusterView(const Cluster& cluster, Alarm alarm) : cluster_(cluster), alarm_(std::move(alarm)) {}

  // commands::ClusterState
  v1::StatusReply status(const std::optional<std::string>& group) override;
  v1::NodesReply nodes(const std::optional<std::string>& group) override;
  Result<v1::ExplainReply> explain(const std::string& group, bool last) override;
  // catalogue::Directory: "groups", "nodes", "targets" and "watchables"
  std::vector<std::string> names(const std::string& kind) const override;
  // A service that nobody reports at the moment can be watched all the same.
  bool isOpen(const std::string& kind) const override { return kind == "watchables"; }

 private:
  v1::NodeRole roleOf(const Member& member) const;
  std::string noteOf(const GroupDriver& group) const;
  std::vector<std::string> nextOf(const GroupDriver& group) const;

  const Cluster& cluster_;
  const Alarm alarm_;
};

v1::DrainMark toProto(const store::DrainRow& drain);

}  // namespace muster::coordinator
