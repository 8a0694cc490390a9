// muster-coordinator's configuration; docs/operations.md documents every key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/alert_config.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/election/group.h"
#include "libcontrol/metrics/metrics_config.h"
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

struct Config {
  ComponentConfig component;
  std::optional<AccountConfig> account;
  std::filesystem::path store;
  election::GroupConfig election;  // of every group; the name is filled in
  AlertConfig alerts;
  // How much a group counts in the overall level, 0 to 1; others count in full.
  std::map<std::string, double> weights;
  metrics::MetricsConfig metrics;
  std::string log_level = "info";
  Bootstrap bootstrap;
};

// All errors at once, each with file, line and key.
Result<Config> loadConfig(const std::filesystem::path& file);

}  // namespace muster::coordinator
