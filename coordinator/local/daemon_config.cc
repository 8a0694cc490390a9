#include "coordinator/local/daemon_config.h"

#include <toml++/toml.h>

#include <sstream>

#include "libcontrol/base/text.h"

namespace muster::local {
namespace {

constexpr const char* kHeading =
    "# Written by `muster up`, anew each time it runs in this folder.\n";

std::string write(const toml::table& table) {
  std::ostringstream out;
  out << kHeading << table << "\n";
  return out.str();
}

}  // namespace

std::filesystem::path coordinatorFolder(const std::filesystem::path& dir) {
  return dir / "coordinator";
}

std::filesystem::path nodeFolder(const std::filesystem::path& dir, const std::string& node) {
  return dir / "nodes" / node;
}

std::filesystem::path componentSecretFile(const std::filesystem::path& dir) {
  return coordinatorFolder(dir) / "component.secret";
}

std::filesystem::path coordinatorPasswordFile(const std::filesystem::path& dir) {
  return coordinatorFolder(dir) / "account.password";
}

std::filesystem::path nodePasswordFile(const std::filesystem::path& dir, const std::string& node) {
  return nodeFolder(dir, node) / "password";
}

std::filesystem::path ledgerPortFile(const std::filesystem::path& dir, const std::string& node) {
  return nodeFolder(dir, node) / "ledger.port";
}

std::string coordinatorAccount() {
  return std::string("muster@") + kDomain;
}

// Shorter than a site would have it: whoever tries a cluster wants to see it move.
constexpr const char* kFloorTime = "5s";
constexpr const char* kBetweenMoves = "30s";

std::string nodeAccount(const std::string& node) {
  return node + "@" + kNodeDomain;
}

std::filesystem::path etcdFolder(const std::filesystem::path& dir, const std::string& member) {
  return dir / "etcd" / member;
}

std::string coordinatorToml(const ClusterInfo& info, const CoordinatorInfo& coordinator) {
  toml::array groups;
  for (const GroupInfo& group : info.groups) groups.push_back(toml::table{{"name", group.name}});
  toml::array nodes;
  for (const NodeInfo& node : info.nodes) {
    nodes.push_back(
        toml::table{{"name", node.name}, {"jid", nodeAccount(node.name)}, {"group", kGroup}});
  }
  toml::table store{
      {"path", (coordinatorFolder(info.dir) / (coordinator.name + ".sqlite")).string()}};
  toml::array endpoints;
  for (const EtcdInfo& member : info.etcd) {
    endpoints.push_back("http://" + info.host + ":" + std::to_string(member.client_port));
  }
  toml::table out{
      {"component", toml::table{{"jid", info.coordinator},
                                {"host", info.host},
                                {"port", info.component_port},
                                {"secret_file", componentSecretFile(info.dir).string()}}},
      {"account", toml::table{{"jid", coordinatorAccount()},
                              {"host", info.host},
                              {"port", info.c2s_port},
                              {"ca_file", info.ca_file.string()},
                              {"password_file", coordinatorPasswordFile(info.dir).string()}}},
      {"election", toml::table{{"lease_ttl", formatDuration(info.lease_ttl)},
                               {"level_floor_percent", info.level_floor},
                               {"floor_time", kFloorTime},
                               {"min_between_moves", kBetweenMoves}}},
      {"log", toml::table{{"level", "info"}}},
      {"bootstrap", toml::table{{"admins", toml::array{info.admin.jid}},
                                {"operators", toml::array{info.operator_account.jid}},
                                {"observers", toml::array{info.observer.jid}},
                                {"group", std::move(groups)},
                                {"node", std::move(nodes)}}},
  };
  if (!endpoints.empty()) {
    store.insert("kind", "etcd");
    store.insert("etcd", toml::table{{"endpoints", std::move(endpoints)}});
    out.insert("lease", toml::table{{"name", coordinator.name},
                                    {"jid", coordinator.lease_address},
                                    {"secret_file", componentSecretFile(info.dir).string()}});
  }
  out.insert("store", std::move(store));
  return write(out);
}

std::string nodeToml(const ClusterInfo& info, const std::string& node) {
  const auto folder = nodeFolder(info.dir, node);
  toml::array lease_addresses;
  for (const CoordinatorInfo& coordinator : info.coordinators) {
    if (!coordinator.lease_address.empty()) lease_addresses.push_back(coordinator.lease_address);
  }
  toml::table out{
      {"node", toml::table{{"name", node},
                           {"jid", nodeAccount(node)},
                           {"host", info.host},
                           {"port", info.c2s_port},
                           {"ca_file", info.ca_file.string()},
                           {"password_file", nodePasswordFile(info.dir, node).string()},
                           {"coordinator", info.coordinator},
                           {"coordinator_account", coordinatorAccount()},
                           {"group", kGroup},
                           {"state_dir", (folder / "state").string()}}},
      {"logs", toml::table{{"max_size", "64MiB"}}},
      {"ledger", toml::table{{"listen", info.host},
                             {"port", 0},
                             {"port_file", ledgerPortFile(info.dir, node).string()},
                             {"window_s", info.window.toMillis() / 1000},
                             {"journal", (info.dir / "journal" / "ledger.sqlite").string()}}},
  };
  if (!lease_addresses.empty()) {
    out["node"].as_table()->insert("coordinators", std::move(lease_addresses));
  }
  return write(out);
}

}  // namespace muster::local
