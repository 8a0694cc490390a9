// One run of `muster up`, after its options have been checked and the folder is locked.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/local/cluster_info.h"
#include "coordinator/local/local_cluster.h"
#include "libcontrol/base/status.h"

namespace muster::local {

// Absolute paths of executables.
struct Programs {
  std::filesystem::path server;
  std::filesystem::path openssl;
  std::filesystem::path coordinator;
  std::filesystem::path node;
  std::filesystem::path etcd;  // empty: not installed
};

struct EndReport {
  DownReport report;
  std::vector<std::string> still_running;  // what could not be ended: "node1 (pid 17)"
};
// Ends nodes, coordinators, etcd and server, in this order, and takes what has ended off `info`,
// which it does not save.
EndReport endCluster(ClusterInfo& info, Duration grace);

// Used once, in one thread. The options must outlive it. While it runs it keeps cluster.json in
// step with what it starts and ends.
class Startup {
 public:
  Startup(const UpOptions& options, Programs programs, ClusterInfo info);
  // On an error, what it started has been ended again.
  Result<UpReport> run();

 private:
  // One process of the cluster; the id is in info_.
  struct Member {
    std::string name;
    ProcessId* process = nullptr;
    std::filesystem::path log_file;
    size_t log_start = 0;  // where the log of this run begins
    bool started = false;  // by us
  };

  Status runSteps();
  Status prepareFolders();
  Status writeDaemonFiles();
  Status startServer();
  Status startServerOnce();
  Status awaitServer();
  Status usePorts(bool choose_anew);
  Status startEtcd();
  Status startDaemons();
  Status writeServerFiles();
  Status start(Member& member, std::vector<std::string> argv, const std::filesystem::path& folder);
  Status awaitReady();
  bool takeReadiness(const Readiness& readiness);
  Status checkOnce();
  Status endedWhileStarting(const Member& member) const;
  Status notReady() const;
  Status endOthers();
  void undo();
  Member& member(const std::string& name);
  std::string logTail(const Member& member) const;

  const UpOptions& options_;
  const Programs programs_;
  ClusterInfo info_;
  std::vector<Member> members_;  // server, etcd, coordinators, nodes
  std::optional<User> server_user_;
  Readiness readiness_;
  Status last_probe_error_;
};

}  // namespace muster::local
