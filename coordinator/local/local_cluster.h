// A whole cluster on one machine, for trying things out and for tests: `muster up`, `muster down`.
//
// Everything lives in one folder: a private XMPP server (Prosody, loopback only) with accounts and
// a throw-away CA, the coordinator, the nodes of the group "ledger", their stores and logs. A
// second `up` in the same folder resumes that cluster and starts what is not running.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/local/cluster_info.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::local {

// More than these on one machine show nothing that fewer do not.
inline constexpr int kMaxNodes = 20;
inline constexpr int kDefaultNodes = 3;
inline constexpr int kMaxCoordinators = 5;
inline constexpr Duration kDefaultReadyLimit = Duration::seconds(60);
// A node that cannot hand its lease over still gets to end its work in hand.
inline constexpr Duration kDefaultGrace = Duration::seconds(10);

// What the coordinator sees, as told over XMPP.
struct Readiness {
  struct Node {
    std::string name;
    std::string jid;  // full, while present
    bool present = false;
  };
  std::vector<Node> nodes;
  std::map<std::string, std::string> active;  // group -> node's name; no entry or empty: none
};
// Asked again and again until every node is present and every group has an active one. An error
// means "not yet"; the last one is shown when the time is over. Called in up()'s thread.
using ReadinessProbe = std::function<Result<Readiness>(const ClusterInfo&)>;

struct UpOptions {
  std::filesystem::path dir;
  std::optional<int> nodes;           // 1 to kMaxNodes; unset: the folder's own, or kDefaultNodes
  std::optional<Duration> lease_ttl;  // unset: the folder's own, or limits::kDefaultLeaseTtl
  std::optional<Duration> window;     // whole seconds; unset: the folder's own, or kDefaultWindow
  std::optional<int> coordinators;    // 1 to kMaxCoordinators; unset: the folder's own, or 1
  // 0 (a file), 1 or 3; unset: the folder's own, or 0. More than one coordinator need etcd.
  std::optional<int> etcd_members;
  std::optional<int> level_floor;  // percent, 0 to 100; unset: the folder's own, or none
  // Not detached: the processes are sent SIGTERM when the calling thread ends.
  bool detach = false;
  Duration ready_limit = kDefaultReadyLimit;
  Duration grace = kDefaultGrace;  // when what was started has to be ended again
  // Unset: up() is content when the processes run.
  ReadinessProbe probe;
  // Asked while waiting; true makes up() end what it started and return kUnavailable.
  std::function<bool()> interrupted;
  // The programs; an empty one is found beside the running executable (coordinator: named
  // muster-coordinator, node: ledger) or in PATH (prosody, openssl).
  std::filesystem::path coordinator_program;
  std::filesystem::path node_program;
  std::filesystem::path server_program;
  std::filesystem::path openssl_program;
  std::filesystem::path etcd_program;
};

struct UpReport {
  ClusterInfo info;
  bool resumed = false;                      // the folder already held a cluster
  std::vector<std::string> started;          // "server", "coordinator", "node1", ...
  std::vector<std::string> already_running;  // likewise
  Readiness readiness;                       // the last; empty without a probe
};

// Blocks until the cluster is ready or cannot be. On an error whatever this call started has been
// ended again; what ran before still runs. Codes: kInvalidArgument (options), kConflict (another
// up or down at work, or options that differ from the folder's; field() names the option),
// kNotFound (a program is missing), kTimeout (not ready in time), kUnavailable (something ended
// while starting, or interrupted), kInternal (files).
Result<UpReport> up(const UpOptions& options);

struct DownReport {
  struct Ended {
    std::string name;
    pid_t pid = 0;
    bool killed = false;  // SIGTERM was not enough
  };
  std::vector<Ended> ended;  // in the order in which they ended
  std::vector<std::string> were_not_running;
};

// Ends nodes, coordinators, etcd and server, in this order, each step within `grace` and then by
// SIGKILL. The folder stays and can be resumed. kNotFound: no cluster there; kInternal: something
// could not be ended.
Result<DownReport> down(const std::filesystem::path& dir, Duration grace = kDefaultGrace);

// The names of the processes that the record has as running but that have ended by themselves; for
// whoever stays in the foreground.
std::vector<std::string> endedProcesses(const ClusterInfo& info);

}  // namespace muster::local
