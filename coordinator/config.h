// muster-coordinator's configuration; docs/operations.md documents every key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/alert_config.h"
#include "coordinator/fence_config.h"
#include "coordinator/hook_config.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/election/group.h"
#include "libcontrol/etcd/client.h"
#include "libcontrol/metrics/metrics_config.h"
#include "libcontrol/xmpp/component_link.h"
#include "muster/options.pb.h"

namespace muster::coordinator {

struct ComponentConfig {
  Jid jid;  // a domain
  std::string host;
  uint16_t port = 5347;
  std::string secret;
  bool allow_unencrypted = false;  // a host other than loopback
};

struct AccountConfig {
  Jid jid;  // bare
  std::string host;
  uint16_t port = 0;
  std::string ca_file;
  std::string password;
};

// What an empty store begins with.
struct Bootstrap {
  struct Node {
    std::string name;
    Jid jid;
    std::string group;
    int priority = 0;
    bool nofailover = false;
  };
  std::map<Jid, v1::Role> grants;
  std::vector<std::string> groups;
  std::vector<Node> nodes;
};

// Of one of several coordinators, of which one leads.
struct SharedStoreConfig {
  std::string name;       // of this coordinator; no other may have it
  ComponentConfig lease;  // an address of its own, at which it grants leases; the same server
  etcd::ClientConfig etcd;
  std::string prefix;  // of all keys in etcd, with a "/" at its end
  Duration leader_ttl;
};

struct Config {
  ComponentConfig component;
  std::optional<AccountConfig> account;
  // The database. Where the store is shared, what this coordinator keeps for itself is beside it.
  std::filesystem::path store;
  std::optional<SharedStoreConfig> shared;
  election::GroupConfig election;  // of every group; the name is filled in
  std::optional<FenceConfig> fence;
  HookConfig hooks;
  bool four_eyes = false;  // what is forced waits for a second admin
  AlertConfig alerts;
  // How much a group counts in the overall level, 0 to 1; others count in full.
  std::map<std::string, double> weights;
  metrics::MetricsConfig metrics;
  std::string log_level = "info";
  Bootstrap bootstrap;
};

// Of a stream to the server.
xmpp::ComponentConfig linkConfig(const ComponentConfig& config);

// All errors at once, each with file, line and key.
Result<Config> loadConfig(const std::filesystem::path& file);

}  // namespace muster::coordinator
