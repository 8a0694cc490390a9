#include "coordinator/local/local_cluster.h"

#include <algorithm>
#include <utility>

#include "coordinator/local/daemon_config.h"
#include "coordinator/local/files.h"
#include "coordinator/local/server.h"
#include "coordinator/local/startup.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/text.h"

namespace muster::local {
namespace {

// As the ledger's `window_s`.
constexpr Duration kMinWindow = Duration::seconds(10);
constexpr Duration kMaxWindow = Duration::seconds(86'400);

Status checkOptions(const UpOptions& options) {
  if (options.nodes && (*options.nodes < 1 || *options.nodes > kMaxNodes)) {
    return {Code::kInvalidArgument,
            "--nodes must be from 1 to " + std::to_string(kMaxNodes) + ", not " +
                std::to_string(*options.nodes),
            "nodes"};
  }
  if (options.lease_ttl &&
      (*options.lease_ttl < limits::kMinLeaseTtl || *options.lease_ttl > limits::kMaxLeaseTtl)) {
    return {Code::kInvalidArgument,
            "--lease-ttl must be from " + formatDuration(limits::kMinLeaseTtl) + " to " +
                formatDuration(limits::kMaxLeaseTtl) + ", not " +
                formatDuration(*options.lease_ttl),
            "lease_ttl"};
  }
  if (options.window && (*options.window < kMinWindow || *options.window > kMaxWindow ||
                         options.window->toMillis() % 1000 != 0)) {
    return {Code::kInvalidArgument,
            "--window must be whole seconds from " + formatDuration(kMinWindow) + " to " +
                formatDuration(kMaxWindow) + ", not " + formatDuration(*options.window),
            "window"};
  }
  if (options.level_floor && (*options.level_floor < 0 || *options.level_floor > 100)) {
    return {
        Code::kInvalidArgument,
        "--level-floor must be from 0 to 100 percent, not " + std::to_string(*options.level_floor),
        "level_floor"};
  }
  const int coordinators = options.coordinators.value_or(1);
  if (coordinators < 1 || coordinators > kMaxCoordinators) {
    return {Code::kInvalidArgument,
            "--coordinators must be from 1 to " + std::to_string(kMaxCoordinators) + ", not " +
                std::to_string(coordinators),
            "coordinators"};
  }
  const int etcd_members = options.etcd_members.value_or(0);
  if (etcd_members != 0 && etcd_members != 1 && etcd_members != 3) {
    return {Code::kInvalidArgument,
            "--etcd-members must be 1 or 3, not " + std::to_string(etcd_members), "etcd_members"};
  }
  if (coordinators > 1 && etcd_members == 0) {
    return {Code::kInvalidArgument,
            "several coordinators share their store: --coordinators " +
                std::to_string(coordinators) + " needs --store etcd",
            "store"};
  }
  const std::string dir = options.dir.string();
  if (dir.empty()) return {Code::kInvalidArgument, "--dir must name a folder", "dir"};
  // It goes into TOML and JSON, which hold nothing else.
  if (!isValidUtf8(dir) || singleLine(dir, dir.size()) != dir) {
    return {Code::kInvalidArgument,
            "--dir must be UTF-8 without control characters: " + singleLine(dir, 200), "dir"};
  }
  return Status::ok();
}

Result<std::filesystem::path> findProgram(const std::filesystem::path& given,
                                          const std::string& standard, const std::string& missing) {
  const auto found = findExecutable(given.empty() ? standard : given.string());
  if (found) return *found;
  if (given.empty()) return Status(Code::kNotFound, missing);
  return Status(Code::kNotFound, given.string() + " is not an executable file");
}

Result<Programs> findPrograms(const UpOptions& options) {
  const auto debian = [](const std::string& title, const std::string& package) {
    return title + " is not installed: it is in the Debian package " + package +
           "; install it with `apt install " + package + "`";
  };
  const auto beside = [](const std::string& name) { return (ownFolder() / name).string(); };
  const auto absent = [&](const std::string& name) {
    return beside(name) + " is missing: it belongs beside this program";
  };
  const auto server = findProgram(options.server_program, "prosody", debian("Prosody", "prosody"));
  if (!server) return server.status();
  const auto openssl =
      findProgram(options.openssl_program, "openssl", debian("OpenSSL", "openssl"));
  if (!openssl) return openssl.status();
  const auto coordinator = findProgram(options.coordinator_program, beside("muster-coordinator"),
                                       absent("muster-coordinator"));
  if (!coordinator) return coordinator.status();
  const auto node = findProgram(options.node_program, beside("ledger"), absent("ledger"));
  if (!node) return node.status();
  Programs programs{*server, *openssl, *coordinator, *node, {}};
  const auto etcd = findProgram(options.etcd_program, "etcd", debian("etcd", "etcd-server"));
  if (etcd) programs.etcd = *etcd;
  // Also to resume a cluster that has one; then its start says what is missing.
  if (!etcd && options.etcd_members.value_or(0) > 0) return etcd.status();
  return programs;
}

// Makes the folder if need be and says where it is. One that holds other things under our names is
// left alone.
Result<std::filesystem::path> openFolder(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(dir, error).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::filesystem::create_directories(absolute.parent_path(), error);
  if (error) {
    return Status(Code::kInternal,
                  "making the folder " + absolute.parent_path().string() + ": " + error.message());
  }
  if (Status made = makeFolder(absolute, 0700); !made) return made;
  absolute = std::filesystem::canonical(absolute, error);
  if (error) return Status(Code::kInternal, absolute.string() + ": " + error.message());
  if (std::filesystem::exists(clusterFile(absolute), error)) return absolute;
  for (const char* name : {"ca", "server", "coordinator", "nodes", "etcd", "journal", "log"}) {
    if (!std::filesystem::exists(absolute / name, error)) continue;
    return Status(Code::kConflict,
                  absolute.string() + " holds no cluster (no cluster.json) but already has '" +
                      name + "'; name an empty folder, or one that is yet to be made, with --dir",
                  "dir");
  }
  return absolute;
}

Account makeAccount(const std::string& name, SystemRandom& random) {
  return {name + "@" + kDomain, Id128::make(random).toHex()};
}

ClusterInfo newCluster(const std::filesystem::path& dir, const UpOptions& options) {
  SystemRandom random;
  ClusterInfo info;
  info.dir = dir;
  info.lease_ttl = options.lease_ttl.value_or(limits::kDefaultLeaseTtl);
  info.window = options.window.value_or(info.window);
  info.level_floor = options.level_floor.value_or(info.level_floor);
  info.domain = kDomain;
  info.host = kLoopback;
  info.coordinator = kComponentDomain;
  info.groups = {{kGroup, std::string(kGroup) + "@" + kComponentDomain}};
  info.operator_account = makeAccount("operator", random);
  info.observer = makeAccount("observer", random);
  info.admin = makeAccount("admin", random);
  info.stranger = makeAccount("stranger", random);
  const int members = options.etcd_members.value_or(0);
  for (int i = 1; i <= members; ++i) info.etcd.push_back({"etcd" + std::to_string(i), 0, 0, {}});
  for (int i = 1; i <= options.coordinators.value_or(1); ++i) {
    const std::string name = members == 0 ? "coordinator" : "coordinator" + std::to_string(i);
    info.coordinators.push_back({name, members == 0 ? "" : name + "." + kComponentDomain, {}});
  }
  for (int i = 1; i <= options.nodes.value_or(kDefaultNodes); ++i) {
    NodeInfo node;
    node.name = "node" + std::to_string(i);
    node.jid = nodeAccount(node.name);
    info.nodes.push_back(std::move(node));
  }
  return info;
}

Status refuseOther(const ClusterInfo& info, const char* option, const std::string& field,
                   const std::string& has, const std::string& asked) {
  const std::string dir = info.dir.string();
  return {Code::kConflict,
          dir + " holds a cluster with " + option + " " + has + ", and " + option + " " + asked +
              " was asked for; leave out " + option +
              " to resume it, or make another cluster with" +
              " another --dir (`muster down --dir " + dir + "` ends this one)",
          field};
}

Status checkAgainst(const ClusterInfo& info, const UpOptions& options) {
  const int nodes = static_cast<int>(info.nodes.size());
  if (options.nodes && *options.nodes != nodes) {
    return refuseOther(info, "--nodes", "nodes", std::to_string(nodes),
                       std::to_string(*options.nodes));
  }
  const int coordinators = static_cast<int>(info.coordinators.size());
  if (options.coordinators && *options.coordinators != coordinators) {
    return refuseOther(info, "--coordinators", "coordinators", std::to_string(coordinators),
                       std::to_string(*options.coordinators));
  }
  const int members = static_cast<int>(info.etcd.size());
  if (options.etcd_members && *options.etcd_members != members) {
    const auto store = [](int count) { return count == 0 ? "sqlite" : "etcd"; };
    const bool same_kind = (members == 0) == (*options.etcd_members == 0);
    if (!same_kind) {
      return refuseOther(info, "--store", "store", store(members), store(*options.etcd_members));
    }
    return refuseOther(info, "--etcd-members", "etcd_members", std::to_string(members),
                       std::to_string(*options.etcd_members));
  }
  if (options.lease_ttl && *options.lease_ttl != info.lease_ttl) {
    return refuseOther(info, "--lease-ttl", "lease_ttl", formatDuration(info.lease_ttl),
                       formatDuration(*options.lease_ttl));
  }
  if (options.window && *options.window != info.window) {
    return refuseOther(info, "--window", "window", formatDuration(info.window),
                       formatDuration(*options.window));
  }
  if (options.level_floor && *options.level_floor != info.level_floor) {
    return refuseOther(info, "--level-floor", "level_floor", std::to_string(info.level_floor),
                       std::to_string(*options.level_floor));
  }
  return Status::ok();
}

}  // namespace

Result<UpReport> up(const UpOptions& options) {
  if (Status good = checkOptions(options); !good) return good;
  auto programs = findPrograms(options);
  if (!programs) return programs.status();
  const auto dir = openFolder(options.dir);
  if (!dir) return dir.status();
  const auto lock = lockFolder(*dir);
  if (!lock) return lock.status();

  auto info = loadClusterInfo(*dir);
  const bool resumed = info.isOk();
  if (resumed) {
    if (Status same = checkAgainst(*info, options); !same) return same;
  } else if (info.status().code() == Code::kNotFound) {
    info = newCluster(*dir, options);
    // At once, so that cluster.json is whole from the start.
    if (Status chosen = choosePorts(*info); !chosen) return chosen;
    if (Status chosen = chooseEtcdPorts(*info); !chosen) return chosen;
  } else {
    return info.status();
  }
  info->ca_file = *dir / "ca" / "ca.crt";
  // Passwords first, and what is made from them after: a run cut short can always be resumed.
  if (Status saved = saveClusterInfo(*info); !saved) return saved;

  Startup startup(options, std::move(*programs), std::move(*info));
  auto report = startup.run();
  if (report) report->resumed = resumed;
  return report;
}

Result<DownReport> down(const std::filesystem::path& dir, Duration grace) {
  // Before the lock, which would leave its file in any folder that was named by mistake.
  if (const auto there = loadClusterInfo(dir); !there) return there.status();
  const auto lock = lockFolder(dir);
  if (!lock) return lock.status();
  auto info = loadClusterInfo(dir);
  if (!info) return info.status();
  EndReport all = endCluster(*info, grace);
  const Status saved = saveClusterInfo(*info);
  if (!all.still_running.empty()) {
    return Status(Code::kInternal, "could not end " + joinWithAnd(all.still_running));
  }
  if (!saved) return saved;
  return std::move(all.report);
}

std::vector<std::string> endedProcesses(const ClusterInfo& info) {
  std::vector<std::string> ended;
  const auto check = [&](const std::string& name, const ProcessId& process) {
    if (process.isSet() && !isRunning(process)) ended.push_back(name);
  };
  check("server", info.server_process);
  for (const CoordinatorInfo& each : info.coordinators) check(each.name, each.process);
  for (const EtcdInfo& each : info.etcd) check(each.name, each.process);
  for (const NodeInfo& node : info.nodes) check(node.name, node.process);
  return ended;
}

}  // namespace muster::local
