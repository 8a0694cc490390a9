#include "coordinator/local/startup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "coordinator/local/certificates.h"
#include "coordinator/local/daemon_config.h"
#include "coordinator/local/files.h"
#include "coordinator/local/server.h"
#include "libcontrol/base/text.h"

namespace muster::local {
namespace {

constexpr Duration kServerLimit = Duration::seconds(20);
constexpr int kServerAttempts = 3;
constexpr auto kPollEvery = std::chrono::milliseconds(50);
// What Prosody writes, and then goes on without the port.
constexpr const char* kPortTakenText = "Failed to open server port";

ElapsedTime now() {
  return SystemClock::forHolder().elapsed();
}

std::filesystem::path logFile(const ClusterInfo& info, const std::string& name) {
  return info.dir / "log" / (name + ".log");
}

// Prosody refuses to run as root unless told to, and rightly: it gets its own account where that
// account can reach the folder.
std::optional<User> serverUser(const std::filesystem::path& dir) {
  if (geteuid() != 0) return std::nullopt;
  auto user = findUser("prosody");
  if (!user || !canEnter(*user, dir.parent_path())) return std::nullopt;
  struct stat entry;
  if (!canEnter(*user, dir) && stat(dir.c_str(), &entry) == 0) {
    // Enter, not list; what is secret inside has modes of its own.
    if (chmod(dir.c_str(), (entry.st_mode & 07777) | 0111) != 0) return std::nullopt;
  }
  if (!canEnter(*user, dir)) return std::nullopt;
  return user;
}

uint16_t readPortFile(const std::filesystem::path& path) {
  const auto content = readFile(path, 64);
  if (!content) return 0;
  uint16_t port = 0;
  const char* end = content->data() + content->size();
  const auto parsed = std::from_chars(content->data(), end, port);
  const bool whole = parsed.ptr == end || *parsed.ptr == '\n';
  return parsed.ec == std::errc() && whole ? port : 0;
}

void note(EndReport& all, const std::vector<std::string>& names,
          const std::vector<ProcessId*>& processes, Duration grace) {
  std::vector<ProcessId> ids;
  for (const ProcessId* process : processes) ids.push_back(*process);
  const auto endings = endProcesses(ids, grace);
  for (size_t i = 0; i < endings.size(); ++i) {
    switch (endings[i]) {
      case Ending::kStillRunning:
        all.still_running.push_back(names[i] + " (pid " + std::to_string(ids[i].pid) + ")");
        continue;
      case Ending::kWasNotRunning:
        all.report.were_not_running.push_back(names[i]);
        break;
      case Ending::kTerminated:
      case Ending::kKilled:
        all.report.ended.push_back({names[i], ids[i].pid, endings[i] == Ending::kKilled});
        break;
    }
    *processes[i] = {};
  }
}

}  // namespace

EndReport endCluster(ClusterInfo& info, Duration grace) {
  EndReport all;
  std::vector<std::string> names;
  std::vector<ProcessId*> processes;
  for (NodeInfo& node : info.nodes) {
    names.push_back(node.name);
    processes.push_back(&node.process);
  }
  note(all, names, processes, grace);
  names.clear();
  processes.clear();
  for (CoordinatorInfo& coordinator : info.coordinators) {
    names.push_back(coordinator.name);
    processes.push_back(&coordinator.process);
  }
  note(all, names, processes, grace);
  names.clear();
  processes.clear();
  for (EtcdInfo& member : info.etcd) {
    names.push_back(member.name);
    processes.push_back(&member.process);
  }
  note(all, names, processes, grace);
  note(all, {"server"}, {&info.server_process}, grace);
  for (NodeInfo& node : info.nodes) {
    if (node.process.isSet()) continue;
    node.jid = nodeAccount(node.name);
    node.port = 0;
  }
  return all;
}

Startup::Startup(const UpOptions& options, Programs programs, ClusterInfo info)
    : options_(options), programs_(std::move(programs)), info_(std::move(info)) {
  const auto add = [this](const std::string& name, ProcessId* process) {
    Member member{name, process, logFile(info_, name)};
    member.log_start = sizeOf(member.log_file);
    if (!isRunning(*process)) *process = {};
    members_.push_back(std::move(member));
  };
  add("server", &info_.server_process);
  for (EtcdInfo& member : info_.etcd) add(member.name, &member.process);
  for (CoordinatorInfo& coordinator : info_.coordinators)
    add(coordinator.name, &coordinator.process);
  for (NodeInfo& node : info_.nodes) add(node.name, &node.process);
}

Result<UpReport> Startup::run() {
  if (Status done = runSteps(); !done) {
    undo();
    return done;
  }
  UpReport report;
  for (const Member& member : members_) {
    (member.started ? report.started : report.already_running).push_back(member.name);
  }
  report.info = info_;
  report.readiness = readiness_;
  return report;
}

Status Startup::runSteps() {
  Status done = prepareFolders();
  if (done) {
    const auto renewed = ensureCertificates(info_.dir, programs_.openssl);
    done = renewed.status();
    // What runs has loaded the old ones.
    if (renewed && *renewed) done = endOthers();
  }
  if (done) done = startServer();
  if (done) done = writeDaemonFiles();
  if (done) done = startEtcd();
  if (done) done = startDaemons();
  if (done) done = awaitReady();
  if (done) done = saveClusterInfo(info_);
  return done;
}

Status Startup::prepareFolders() {
  server_user_ = serverUser(info_.dir);
  std::vector<std::filesystem::path> folders;
  for (const char* name : {"ca", "server", "coordinator", "nodes", "journal", "log"}) {
    folders.push_back(info_.dir / name);
  }
  for (const NodeInfo& node : info_.nodes) {
    folders.push_back(nodeFolder(info_.dir, node.name));
    folders.push_back(nodeFolder(info_.dir, node.name) / "state");
  }
  if (!info_.etcd.empty()) folders.push_back(info_.dir / "etcd");
  for (const EtcdInfo& member : info_.etcd) folders.push_back(etcdFolder(info_.dir, member.name));
  for (const auto& folder : folders) {
    if (Status made = makeFolder(folder, 0700); !made) return made;
  }
  return Status::ok();
}

// --- the server -------------------------------------------------------------------------------

Status Startup::startServer() {
  // One that runs may be from a run that was cut short, and still at its beginning.
  if (info_.server_process.isSet()) return awaitServer();
  Status done;
  for (int attempt = 0; attempt < kServerAttempts; ++attempt) {
    done = usePorts(attempt > 0);
    if (done) done = writeServerFiles();
    if (done) done = startServerOnce();
    if (done || done.code() != Code::kResourceExhausted) return done;
    // Somebody was quicker to take a port: others, then.
    endProcesses({info_.server_process}, options_.grace);
    info_.server_process = {};
  }
  return done;
}

// Keeps the ports if they are still free. If not, or if told to, chooses others; whatever still
// runs then has the old ones in its configuration.
Status Startup::usePorts(bool choose_anew) {
  // A folder of before files were taken has no port for them.
  const bool has_all = info_.upload_port != 0 && isPortFree(info_.upload_port);
  if (!choose_anew && has_all && isPortFree(info_.c2s_port) && isPortFree(info_.component_port)) {
    return Status::ok();
  }
  if (Status ended = endOthers(); !ended) return ended;
  if (Status chosen = choosePorts(info_); !chosen) return chosen;
  return saveClusterInfo(info_);
}

Status Startup::writeServerFiles() {
  const auto folder = serverFolder(info_.dir);
  const auto component_secret = keepSecret(componentSecretFile(info_.dir));
  const auto coordinator_password = keepSecret(coordinatorPasswordFile(info_.dir));
  if (!component_secret) return component_secret.status();
  if (!coordinator_password) return coordinator_password.status();

  std::vector<Account> accounts = {info_.operator_account,
                                   info_.observer,
                                   info_.admin,
                                   info_.stranger,
                                   {coordinatorAccount(), *coordinator_password}};
  for (const NodeInfo& node : info_.nodes) {
    const auto password = keepSecret(nodePasswordFile(info_.dir, node.name));
    if (!password) return password.status();
    accounts.push_back({nodeAccount(node.name), *password});
  }
  // Always anew, from the passwords: so the two cannot drift apart.
  for (const Account& account : accounts) {
    if (Status done = writeAccount(folder, account.jid, account.password); !done) return done;
  }
  const bool as_root = geteuid() == 0 && !server_user_;
  const Status written =
      replaceFile(folder / "prosody.cfg.lua", serverConfig(info_, *component_secret, as_root));
  if (!written || geteuid() != 0) return written;
  return server_user_ ? giveTo(folder, server_user_->uid, server_user_->gid) : giveTo(folder, 0, 0);
}

Status Startup::startServerOnce() {
  const auto folder = serverFolder(info_.dir);
  const Status started = start(member("server"),
                               {programs_.server.string(), "--no-daemonize", "--config",
                                (folder / "prosody.cfg.lua").string()},
                               folder);
  return started ? awaitServer() : started;
}

Status Startup::awaitServer() {
  const Member& server = member("server");
  const ElapsedTime deadline = now() + kServerLimit;
  while (true) {
    if (Status alive = checkOnce(); !alive) return alive;
    if (accepts(info_.c2s_port) && accepts(info_.component_port) && accepts(info_.upload_port)) {
      break;
    }
    if (logTail(server).find(kPortTakenText) != std::string::npos) break;
    if (now() >= deadline) {
      return {Code::kTimeout, "the server did not open its ports within " +
                                  formatDuration(kServerLimit) + logTail(server)};
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  if (logTail(server).find(kPortTakenText) == std::string::npos) return Status::ok();
  return {Code::kResourceExhausted, "the server could not open its ports" + logTail(server)};
}

// --- the daemons ------------------------------------------------------------------------------

Status Startup::writeDaemonFiles() {
  Status done;
  for (const CoordinatorInfo& coordinator : info_.coordinators) {
    if (!done) return done;
    done = replaceFile(coordinatorFolder(info_.dir) / (coordinator.name + ".toml"),
                       coordinatorToml(info_, coordinator));
  }
  for (const NodeInfo& node : info_.nodes) {
    if (!done) return done;
    done = replaceFile(nodeFolder(info_.dir, node.name) / "node.toml", nodeToml(info_, node.name));
  }
  return done;
}

// All at once: of three, two have to find each other before either answers.
Status Startup::startEtcd() {
  if (!info_.etcd.empty() && programs_.etcd.empty()) {
    return {Code::kNotFound,
            "this cluster has an etcd, which is not installed: it is in the Debian "
            "package etcd-server"};
  }
  const auto url = [this](uint16_t port) {
    return "http://" + info_.host + ":" + std::to_string(port);
  };
  std::string cluster;
  for (const EtcdInfo& each : info_.etcd) {
    cluster += (cluster.empty() ? "" : ",") + each.name + "=" + url(each.peer_port);
  }
  for (const EtcdInfo& each : info_.etcd) {
    if (each.process.isSet()) continue;
    const auto folder = etcdFolder(info_.dir, each.name);
    const Status started = start(
        member(each.name),
        {programs_.etcd.string(), "--name=" + each.name, "--data-dir=" + (folder / "data").string(),
         "--listen-client-urls=" + url(each.client_port),
         "--advertise-client-urls=" + url(each.client_port),
         "--listen-peer-urls=" + url(each.peer_port),
         "--initial-advertise-peer-urls=" + url(each.peer_port), "--initial-cluster=" + cluster,
         "--auto-compaction-retention=1h",
         // Who comes back after a while must not make the others elect anew.
         "--pre-vote", "--logger=zap", "--log-level=warn"},
        folder);
    if (!started) return started;
  }
  const ElapsedTime deadline = now() + kServerLimit;
  for (const EtcdInfo& each : info_.etcd) {
    while (!accepts(each.client_port)) {
      if (Status alive = checkOnce(); !alive) return alive;
      if (now() >= deadline) {
        return {Code::kTimeout, each.name + " did not open its port within " +
                                    formatDuration(kServerLimit) + logTail(member(each.name))};
      }
      std::this_thread::sleep_for(kPollEvery);
    }
  }
  return Status::ok();
}

Status Startup::startDaemons() {
  const auto folder = coordinatorFolder(info_.dir);
  Status done;
  for (const CoordinatorInfo& coordinator : info_.coordinators) {
    if (!done) return done;
    if (coordinator.process.isSet()) continue;
    const auto config = folder / (coordinator.name + ".toml");
    done = start(member(coordinator.name),
                 {programs_.coordinator.string(), "--config", config.string()}, folder);
  }
  for (NodeInfo& node : info_.nodes) {
    if (!done) return done;
    if (node.process.isSet()) continue;
    // The old file would pass for the answer of the new process.
    std::error_code ignored;
    std::filesystem::remove(ledgerPortFile(info_.dir, node.name), ignored);
    node.jid = nodeAccount(node.name);
    node.port = 0;
    const auto own = nodeFolder(info_.dir, node.name);
    done = start(member(node.name),
                 {programs_.node.string(), "--config", (own / "node.toml").string()}, own);
  }
  return done;
}

Status Startup::start(Member& member, std::vector<std::string> argv,
                      const std::filesystem::path& folder) {
  rotateLog(member.log_file);
  member.log_start = sizeOf(member.log_file);
  ProcessSpec spec;
  spec.name = member.name;
  spec.argv = std::move(argv);
  spec.log_file = member.log_file;
  spec.working_dir = folder;
  if (member.name == "server") spec.user = server_user_;
  spec.end_with_parent = !options_.detach;
  const auto started = startProcess(spec, [&](const ProcessId& id) {
    *member.process = id;
    return saveClusterInfo(info_);
  });
  member.started = started.isOk();
  if (!started) *member.process = {};
  return started.status();
}

// --- waiting ----------------------------------------------------------------------------------

// What is asked each time round, whatever is waited for.
Status Startup::checkOnce() {
  for (const Member& member : members_) {
    if (member.process->isSet() && !isRunning(*member.process)) return endedWhileStarting(member);
  }
  if (options_.interrupted && options_.interrupted()) {
    return {Code::kUnavailable, "interrupted before the cluster was ready"};
  }
  return Status::ok();
}

Status Startup::awaitReady() {
  const ElapsedTime deadline = now() + options_.ready_limit;
  while (true) {
    if (Status alive = checkOnce(); !alive) return alive;
    for (NodeInfo& node : info_.nodes) {
      node.port = readPortFile(ledgerPortFile(info_.dir, node.name));
    }
    if (!options_.probe) return Status::ok();
    const auto seen = options_.probe(info_);
    last_probe_error_ = seen.status();
    if (seen && takeReadiness(*seen)) return Status::ok();
    if (now() >= deadline) return notReady();
    std::this_thread::sleep_for(kPollEvery);
  }
}

// True if it says that everything is there.
bool Startup::takeReadiness(const Readiness& readiness) {
  readiness_ = readiness;
  bool ready = true;
  for (NodeInfo& node : info_.nodes) {
    const auto seen = std::find_if(readiness.nodes.begin(), readiness.nodes.end(),
                                   [&](const auto& other) { return other.name == node.name; });
    const bool present = seen != readiness.nodes.end() && seen->present;
    if (present) node.jid = seen->jid;
    ready = ready && present && node.port != 0;
  }
  for (const GroupInfo& group : info_.groups) {
    const auto active = readiness.active.find(group.name);
    ready = ready && active != readiness.active.end() && !active->second.empty();
  }
  return ready;
}

Status Startup::notReady() const {
  std::vector<std::string> reasons;
  const size_t first_node = members_.size() - info_.nodes.size();
  const Member* suspect = &members_[first_node - 1];
  if (!last_probe_error_) reasons.push_back(last_probe_error_.text());
  for (size_t i = info_.nodes.size(); last_probe_error_ && i-- > 0;) {
    const NodeInfo& node = info_.nodes[i];
    const bool present =
        std::any_of(readiness_.nodes.begin(), readiness_.nodes.end(),
                    [&](const auto& seen) { return seen.name == node.name && seen.present; });
    if (present && node.port != 0) continue;
    reasons.insert(reasons.begin(),
                   node.name + (present ? " has not told its ledger's port" : " is not present"));
    suspect = &members_[first_node + i];
  }
  for (const GroupInfo& group : info_.groups) {
    const auto active = readiness_.active.find(group.name);
    if (!last_probe_error_ || (active != readiness_.active.end() && !active->second.empty())) {
      continue;
    }
    reasons.push_back("group " + group.name + " has no active node");
  }
  return {Code::kTimeout, "the cluster was not ready within " +
                              formatDuration(options_.ready_limit) + ": " + joinWithAnd(reasons) +
                              logTail(*suspect)};
}

Status Startup::endedWhileStarting(const Member& member) const {
  return {Code::kUnavailable, member.name + " " + reapAndDescribe(*member.process) +
                                  " while the cluster was starting" + logTail(member)};
}

std::string Startup::logTail(const Member& member) const {
  const std::string tail = tailOf(member.log_file, member.log_start);
  if (tail.empty()) return "; it wrote nothing to " + member.log_file.string();
  return "; the end of " + member.log_file.string() + ":\n" + tail;
}

// --- ending -----------------------------------------------------------------------------------

// Ends all that runs, so that it can be started with other ports or certificates.
Status Startup::endOthers() {
  const EndReport report = endCluster(info_, options_.grace);
  for (Member& member : members_) member.started = false;
  if (!report.still_running.empty()) {
    return {Code::kInternal, "could not end " + joinWithAnd(report.still_running)};
  }
  return saveClusterInfo(info_);
}

void Startup::undo() {
  // The latest first; what ran before we came stays.
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if (!member->started) continue;
    if (endProcesses({*member->process}, options_.grace).front() == Ending::kStillRunning) continue;
    *member->process = {};
    member->started = false;
  }
  for (NodeInfo& node : info_.nodes) {
    if (node.process.isSet()) continue;
    node.jid = nodeAccount(node.name);
    node.port = 0;
  }
  // The error that led here is the one to tell; a record not written only says too much, and
  // start times keep that harmless.
  const Status ignored = saveClusterInfo(info_);
  static_cast<void>(ignored);
}

Startup::Member& Startup::member(const std::string& name) {
  return *std::find_if(members_.begin(), members_.end(),
                       [&](const Member& member) { return member.name == name; });
}

}  // namespace muster::local
