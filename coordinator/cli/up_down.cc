#include "coordinator/cli/up_down.h"

#include <signal.h>

#include <QElapsedTimer>
#include <QThread>
#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <utility>

#include "coordinator/cli/client.h"
#include "coordinator/local/local_cluster.h"
#include "libcontrol/base/text.h"
#include "muster/cluster.pb.h"

namespace muster::cli {
namespace {

// Of one question to a cluster that is still starting.
constexpr Duration kProbeTimeout = Duration::seconds(5);
constexpr unsigned long kLookMs = 200;

std::atomic<bool> interrupted{false};

void catchSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Asks over XMPP, as any other client would. One login serves all questions.
class Probe {
 public:
  explicit Probe(const catalogue::Catalogue& cluster) : cluster_(cluster) {}

  Result<local::Readiness> operator()(const local::ClusterInfo& info) {
    if (client_ == nullptr) {
      const auto jid = Jid::parse(info.observer.jid);
      const auto coordinator = Jid::parse(info.coordinator);
      if (!jid) return jid.status();
      if (!coordinator) return coordinator.status();
      client_ = std::make_unique<Client>(Login{*jid, info.observer.password, info.host,
                                               info.c2s_port, info.ca_file.string(), *coordinator});
    }
    client_->setDeadline(kProbeTimeout);
    const auto nodes = callCluster<v1::NodesReply>(*client_, cluster_, "Nodes", v1::NodesRequest());
    if (!nodes) return nodes.status();
    const auto status =
        callCluster<v1::StatusReply>(*client_, cluster_, "Status", v1::StatusRequest());
    if (!status) return status.status();
    local::Readiness out;
    for (const v1::NodeState& node : nodes->nodes()) {
      out.nodes.push_back({node.name(), node.jid(), node.present()});
    }
    for (const v1::GroupStatus& group : status->groups()) {
      // A record may still name a holder that is gone or was started anew; the note says so.
      const bool settled = group.phase() == v1::PHASE_ACTIVE && group.note().empty();
      if (settled) out.active[group.name()] = group.active();
    }
    return out;
  }

 private:
  const catalogue::Catalogue& cluster_;
  std::unique_ptr<Client> client_;
};

void printUp(const local::UpReport& report) {
  const local::ClusterInfo& info = report.info;
  std::cout << "The cluster in " << info.dir.string() << " is "
            << (report.resumed ? "up again" : "up") << ": ";
  std::vector<std::string> nodes;
  for (const local::NodeInfo& node : info.nodes) nodes.push_back(node.name);
  std::cout << joinWithAnd(nodes);
  for (const auto& [group, active] : report.readiness.active) {
    std::cout << "; of " << group << ", " << active << " is active";
  }
  std::cout << ".\n\n"
            << "Ask it:      muster --cluster " << info.dir.string() << " status\n"
            << "Chat client: " << info.operator_account.jid << " with the password "
            << info.operator_account.password << "\n"
            << "             server " << info.host << " port " << info.c2s_port
            << ", certificates of " << info.ca_file.string() << "\n"
            << "             add " << info.coordinator;
  for (const local::GroupInfo& group : info.groups) std::cout << " and " << group.jid;
  std::cout << " as contacts; write 'help' to one of them\n"
            << "End it:      muster down --dir " << info.dir.string() << "\n"
            << std::flush;
}

// --store and --etcd-members come to one number.
Status readStore(const UpArguments& arguments, local::UpOptions& options) {
  if (arguments.store.empty() && !arguments.etcd_members) return Status::ok();
  if (arguments.store == "sqlite" && !arguments.etcd_members) {
    options.etcd_members = 0;
    return Status::ok();
  }
  if (arguments.store != "etcd") {
    return {Code::kInvalidArgument,
            arguments.store.empty() || arguments.store == "sqlite"
                ? "--etcd-members goes with --store etcd"
                : "--store must be sqlite or etcd, not '" + singleLine(arguments.store, 40) + "'"};
  }
  options.etcd_members = arguments.etcd_members.value_or(1);
  return Status::ok();
}

void printDown(const local::DownReport& report) {
  for (const auto& ended : report.ended) {
    std::cout << "ended " << ended.name << " (pid " << ended.pid << ")"
              << (ended.killed ? ", which had to be killed" : "") << "\n";
  }
  if (report.ended.empty()) std::cout << "nothing was running\n";
}

}  // namespace

Exit runUp(bool json, const catalogue::Catalogue& cluster, const UpArguments& arguments) {
  local::UpOptions options;
  options.dir = arguments.dir;
  options.detach = arguments.detach;
  options.nodes = arguments.nodes;
  if (!arguments.lease_ttl.empty()) {
    const auto ttl = parseDuration(arguments.lease_ttl);
    if (!ttl) return report(json, {Code::kInvalidArgument, "--lease-ttl: " + ttl.status().text()});
    options.lease_ttl = *ttl;
  }
  if (!arguments.window.empty()) {
    const auto window = parseDuration(arguments.window);
    if (!window) {
      return report(json, {Code::kInvalidArgument, "--window: " + window.status().text()});
    }
    options.window = *window;
  }
  options.level_floor = arguments.level_floor;
  options.coordinators = arguments.coordinators;
  if (Status s = readStore(arguments, options); !s) return report(json, s);
  catchSignals();
  auto probe = std::make_shared<Probe>(cluster);
  options.probe = [probe](const local::ClusterInfo& info) { return (*probe)(info); };
  options.interrupted = [] { return interrupted.load(); };
  const auto up = local::up(options);
  options.probe = nullptr;
  probe.reset();
  if (!up) {
    const Exit exit = report(json, up.status());
    // A second cluster in the same folder is refused, but nothing was unsafe about it.
    return up.status().code() == Code::kConflict ? Exit::kUsage : exit;
  }
  printUp(*up);
  if (arguments.detach) return Exit::kDone;
  std::vector<std::string> told;
  while (!interrupted) {
    QThread::msleep(kLookMs);
    for (const std::string& name : local::endedProcesses(up->info)) {
      if (std::find(told.begin(), told.end(), name) != told.end()) continue;
      told.push_back(name);
      std::cout << name << " has ended; `muster up --dir " << arguments.dir << "` starts it again\n"
                << std::flush;
    }
  }
  return runDown(json, arguments.dir);
}

Exit runDown(bool json, const std::string& dir) {
  const auto down = local::down(dir);
  if (!down) return report(json, down.status());
  printDown(*down);
  return Exit::kDone;
}

}  // namespace muster::cli
