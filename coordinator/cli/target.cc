#include "coordinator/cli/target.h"

#include "libcontrol/base/text.h"
#include "muster/cluster.pb.h"

namespace muster::cli {
namespace {

Result<std::vector<KnownNode>> askNodes(Client& client, const catalogue::Catalogue& cluster) {
  const auto reply = callCluster<v1::NodesReply>(client, cluster, "Nodes", v1::NodesRequest());
  if (!reply) return reply.status();
  std::vector<KnownNode> nodes;
  for (const v1::NodeState& node : reply->nodes()) {
    nodes.push_back({node.name(), node.jid(), node.group(), node.present(), node.since()});
  }
  return nodes;
}

std::string asWritten(const Target& target) {
  return target.name.empty() ? target.jid.toString() : target.name;
}

}  // namespace

Result<Target> targetOf(const std::string& at, const Jid& coordinator) {
  if (at.empty()) return Target{Target::Kind::kCoordinator, coordinator, "", ""};
  const auto jid = Jid::parse(at);
  if (jid && *jid == coordinator) return Target{Target::Kind::kCoordinator, coordinator, "", ""};
  if (at.find_first_of("@/") == std::string::npos) return Target{Target::Kind::kNode, {}, at, ""};
  if (!jid) return Status(Code::kInvalidArgument, "--at: " + jid.status().text());
  if (jid->domain() == coordinator.domain() && jid->isBare()) {
    return Target{Target::Kind::kGroup, *jid, "", jid->local()};
  }
  if (jid->domain() == coordinator.domain()) {
    return Status(Code::kInvalidArgument,
                  "--at: the coordinator's addresses have no part after a '/'; write " +
                      jid->bare().toString());
  }
  return Target{Target::Kind::kNode, *jid, "", ""};
}

Result<Jid> pickNode(const Target& target, const std::vector<KnownNode>& nodes,
                     const Jid& coordinator) {
  std::vector<std::string> names;
  bool is_group = false;
  for (const KnownNode& node : nodes) {
    names.push_back(node.name);
    is_group = is_group || (!target.name.empty() && node.group == target.name);
    const auto jid = Jid::parse(node.jid);
    if (!jid) return Status(Code::kInternal, "the coordinator names '" + node.jid + "' as a JID");
    const bool meant =
        target.name.empty() ? jid->bare() == target.jid.bare() : node.name == target.name;
    if (!meant) continue;
    if (!node.present || jid->isBare()) {
      return Status(
          Code::kUnavailable,
          node.name + " is not there" + (node.since.empty() ? "" : " (since " + node.since + ")"));
    }
    return *jid;
  }
  if (is_group) {
    return Status(Code::kNotFound, "'" + target.name + "' is a group, not a node; its contact is " +
                                       target.name + "@" + coordinator.domain());
  }
  return Status(Code::kNotFound, "there is no node '" + asWritten(target) + "'" +
                                     suggestion(asWritten(target), names));
}

Result<Jid> addressOf(Client& client, const catalogue::Catalogue& cluster, const Target& target) {
  const bool known = target.kind != Target::Kind::kNode || !target.jid.isBare();
  if (known && !target.jid.isEmpty()) return target.jid;
  const auto nodes = askNodes(client, cluster);
  if (!nodes) return nodes.status();
  const auto jid = pickNode(target, *nodes, client.coordinator());
  if (!jid) return Status(jid.status().code(), "--at: " + jid.status().text());
  return *jid;
}

Result<Jid> entityOf(Client& client, const catalogue::Catalogue& cluster, const std::string& text) {
  const auto jid = Jid::parse(text);
  const bool word = text.find_first_of("@/.") == std::string::npos;
  if (!word && !jid) return Status(Code::kInvalidArgument, jid.status().text());
  // A server, a component, a session: nothing to look up.
  if (!word && (jid->local().empty() || !jid->isBare())) return *jid;
  if (!word && jid->domain() == client.coordinator().domain()) return *jid;
  const auto nodes = askNodes(client, cluster);
  if (word) {
    if (!nodes) return nodes.status();
    return pickNode({Target::Kind::kNode, {}, text, ""}, *nodes, client.coordinator());
  }
  // Somebody's account is a place for commands too; only a node's is answered elsewhere.
  if (nodes) {
    for (const KnownNode& node : *nodes) {
      const auto full = Jid::parse(node.jid);
      if (full && full->bare() == *jid) {
        return pickNode({Target::Kind::kNode, *jid, "", ""}, *nodes, client.coordinator());
      }
    }
  }
  return *jid;
}

}  // namespace muster::cli
