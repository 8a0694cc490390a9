// What cluster.json says of a local cluster: all that a client needs to reach it, and all that the
// next `muster up` or `muster down` needs to find it again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "coordinator/local/process.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::local {

inline constexpr const char* kDomain = "cluster.localhost";
inline constexpr const char* kNodeDomain = "nodes.cluster.localhost";
inline constexpr const char* kComponentDomain = "muster.cluster.localhost";
inline constexpr const char* kGroup = "ledger";
// Everything of a local cluster listens here and nowhere else.
inline constexpr const char* kLoopback = "127.0.0.1";
inline constexpr Duration kDefaultWindow = Duration::seconds(600);

struct Account {
  std::string jid;  // bare
  std::string password;
};

struct GroupInfo {
  std::string name;
  std::string jid;
};

struct CoordinatorInfo {
  std::string name;           // "coordinator", or of several "coordinator1", ...
  std::string lease_address;  // its own; empty: there is only this one, and no need for one
  ProcessId process;
};

// A member of the private etcd.
struct EtcdInfo {
  std::string name;  // "etcd1", ...
  uint16_t client_port = 0;
  uint16_t peer_port = 0;
  ProcessId process;
};

struct NodeInfo {
  std::string name;
  // The full JID that the node had when the cluster was last seen ready; the bare one before that
  // and while it is down.
  std::string jid;
  ProcessId process;
  // Of the ledger's TCP service on loopback; 0 while it is not known.
  uint16_t port = 0;
};

// A plain value; whoever holds it owns it.
struct ClusterInfo {
  std::filesystem::path dir;  // absolute
  std::string domain;
  std::string host;
  uint16_t c2s_port = 0;
  uint16_t component_port = 0;
  uint16_t upload_port = 0;       // of HTTP; 0: the server takes no files
  std::filesystem::path ca_file;  // absolute
  std::string coordinator;        // the component's address
  std::vector<GroupInfo> groups;
  Account operator_account;
  Account observer;
  Account admin;
  Account stranger;
  std::vector<NodeInfo> nodes;
  ProcessId server_process;
  std::vector<CoordinatorInfo> coordinators;  // at least one
  std::vector<EtcdInfo> etcd;                 // empty: the coordinator has a file
  Duration lease_ttl;
  Duration window = kDefaultWindow;  // of the nodes' service levels
  int level_floor = 0;               // percent; a node below gives the role up, 0: never
};

std::filesystem::path clusterFile(const std::filesystem::path& dir);

// Reads and validates DIR/cluster.json. Errors name the file and the key: kNotFound if there is no
// such file, kDataLoss if it is not one of ours. Process ids of an earlier boot of the machine
// mean nothing and come back unset.
Result<ClusterInfo> loadClusterInfo(const std::filesystem::path& dir);

// Replaces DIR/cluster.json atomically, mode 0600.
Status saveClusterInfo(const ClusterInfo& info);

}  // namespace muster::local
