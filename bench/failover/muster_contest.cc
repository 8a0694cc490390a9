#include "bench/failover/muster_contest.h"

#include <signal.h>

#include <QCoreApplication>
#include <QEventLoop>
#include <QTimer>
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "bench/failover/relay.h"
#include "bench/private_server.h"
#include "coordinator/cli/client.h"
#include "libcontrol/base/file.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"
#include "libcontrol/election/group.h"
#include "libcontrol/election/node.h"
#include "muster/cluster.pb.h"

namespace muster::bench {
namespace {

constexpr int kMembers = 3;
// Groups, and what the names of their members begin with. The first are applications with a Node,
// the others programs under muster-agent.
constexpr char kNodes[] = "node";
constexpr char kAgents[] = "agent";
constexpr char kPassword[] = "the node's password";
constexpr Duration kReady = Duration::seconds(60);
constexpr Duration kLook = Duration::millis(100);

int no_of_arguments = 1;
char program_name[] = "failover";
char* arguments[] = {program_name, nullptr};

std::string nameOf(const char* group, int index) {
  return group + std::to_string(index + 1);
}

std::string jidOf(const std::string& name) {
  return name + "@" + local::kNodeDomain;
}

local::Account operatorAccount() {
  return {"operator@" + std::string(local::kDomain), "the operator's password"};
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

// As a site would write it, but for the length of leases and for what keeps a group that crashes
// every few seconds from doing so: a promotion counts as good once the application is active.
std::string coordinatorToml(const PrivateServer& server, const std::filesystem::path& folder,
                            Duration lease) {
  std::string out = "[component]\njid = " + quoted(local::kComponentDomain) +
                    "\nhost = " + quoted(local::kLoopback) +
                    "\nport = " + std::to_string(server.componentPort()) +
                    "\nsecret_file = " + quoted((folder / "secret").string()) +
                    "\n[store]\npath = " + quoted((folder / "coordinator.sqlite").string()) +
                    "\n[election]\nlease_ttl = " + quoted(formatDuration(lease)) +
                    "\ncrash_loop_young = \"0s\"\n[bootstrap]\noperators = [" +
                    quoted(operatorAccount().jid) + "]\n";
  for (const char* group : {kNodes, kAgents}) {
    out += "[[bootstrap.group]]\nname = " + quoted(group) + "\n";
    for (int i = 0; i < kMembers; ++i) {
      const std::string name = nameOf(group, i);
      out += "[[bootstrap.node]]\nname = " + quoted(name) + "\njid = " + quoted(jidOf(name)) +
             "\ngroup = " + quoted(group) + "\n";
    }
  }
  return out;
}

std::string nodeToml(const PrivateServer& server, const std::filesystem::path& folder,
                     const char* group, const std::string& name, uint16_t port) {
  return "[node]\nname = " + quoted(name) + "\njid = " + quoted(jidOf(name)) +
         "\nhost = " + quoted(local::kLoopback) + "\nport = " + std::to_string(port) +
         "\nca_file = " + quoted(server.caFile()) +
         "\npassword_file = " + quoted((folder / "password").string()) +
         "\ncoordinator = " + quoted(local::kComponentDomain) + "\ngroup = " + quoted(group) +
         "\nstate_dir = " + quoted((folder / "state").string()) + "\n";
}

// A program that crashes every few seconds is what is wanted here.
constexpr char kAgentToml[] =
    "[agent]\nmax_restarts = 0\nbackoff_first = \"10ms\"\nbackoff_last = \"10ms\"\n"
    "[agent.failover]\nmode = \"run\"\n";

std::filesystem::path binFolder() {
  return local::ownFolder().parent_path() / "bin";
}

class PrivateCluster : public MusterSystem {
 public:
  PrivateCluster(Run& run, const Settings& settings, catalogue::Catalogue catalogue)
      : run_(run), settings_(settings), catalogue_(std::move(catalogue)) {}

  Status begin() {
    std::vector<local::Account> accounts = {operatorAccount()};
    for (const char* group : {kNodes, kAgents}) {
      for (int i = 0; i < kMembers; ++i) accounts.push_back({jidOf(nameOf(group, i)), kPassword});
    }
    auto server = PrivateServer::start(accounts);
    if (!server) return server.status();
    server_ = std::move(server).value();
    if (Status started = startCoordinator(); !started) return started;
    for (int i = 0; i < kMembers; ++i) {
      if (Status started = startNode(i); !started) return started;
      if (Status started = startAgent(i); !started) return started;
    }
    return connect();
  }

  std::unique_ptr<Contest> contest(Kind kind) override;

  Run& run() { return run_; }
  const Settings& settings() const { return settings_; }
  Relay& relayOf(const std::string& node) {
    return *relays_.at(static_cast<size_t>(node.back() - '1'));
  }

  template <typename Reply, typename Request>
  Result<Reply> call(const std::string& rpc, const Request& request) {
    client_->setDeadline(Duration::seconds(60));
    return cli::callCluster<Reply>(*client_, catalogue_, rpc, request);
  }

  // Three members there, one of them active, nobody in between.
  Status awaitStandbys(const std::string& group) {
    const int64_t deadline = nowNs() + kReady.ns;
    while (true) {
      if (Run::interrupted()) return {Code::kUnavailable, "interrupted"};
      const auto nodes = call<v1::NodesReply>("Nodes", v1::NodesRequest());
      const v1::NodesReply seen = nodes ? *nodes : v1::NodesReply();
      int active = 0;
      int standing_by = 0;
      for (const v1::NodeState& node : seen.nodes()) {
        if (node.group() != group || !node.present()) continue;
        active += node.role() == v1::NODE_ROLE_ACTIVE ? 1 : 0;
        standing_by += node.role() == v1::NODE_ROLE_STANDBY ? 1 : 0;
      }
      if (active == 1 && standing_by == kMembers - 1) return Status::ok();
      if (nowNs() > deadline) {
        return {Code::kTimeout, "the group " + group + " has not become whole" +
                                    (nodes ? "" : ": " + nodes.status().text()) +
                                    run_.logOf("coordinator") +
                                    run_.logOf(nameOf(group.c_str(), 0))};
      }
      loopFor(kLook);
    }
  }

 private:
  Status startCoordinator() {
    const auto folder = run_.folderOf("coordinator");
    std::filesystem::create_directories(folder);
    Status done = replaceFile(folder / "secret", server_->componentSecret());
    if (done) {
      done = replaceFile(folder / "coordinator.toml",
                         coordinatorToml(*server_, folder, settings_.lease));
    }
    if (!done) return done;
    return run_
        .start("coordinator", {(binFolder() / "muster-coordinator").string(), "--config",
                               (folder / "coordinator.toml").string()})
        .status();
  }

  Status configure(const char* group, const std::string& name, uint16_t port,
                   const std::string& more) {
    const auto folder = run_.folderOf(name);
    std::filesystem::create_directories(folder);
    if (Status done = replaceFile(folder / "password", kPassword); !done) return done;
    return replaceFile(folder / "node.toml", nodeToml(*server_, folder, group, name, port) + more);
  }

  Status startNode(int index) {
    auto relay = Relay::start(server_->clientPort());
    if (!relay) return relay.status();
    relays_.push_back(std::move(relay).value());
    const std::string name = nameOf(kNodes, index);
    if (Status done = configure(kNodes, name, relays_.back()->port(), ""); !done) return done;
    const election::NodeConfig usual;
    const Duration guard = std::max(settings_.lease / usual.guard_share, usual.guard_min);
    return run_
        .start(name, {(local::ownFolder() / "failover_member").string(), "--board",
                      run_.board().path().string(), "--name", name, "node", "--config",
                      (run_.folderOf(name) / "node.toml").string(), "--usable-ms",
                      std::to_string((settings_.lease - guard).toMillis())})
        .status();
  }

  Status startAgent(int index) {
    const std::string name = nameOf(kAgents, index);
    if (Status done = configure(kAgents, name, server_->clientPort(), kAgentToml); !done) {
      return done;
    }
    return run_
        .start(name, {(binFolder() / "muster-agent").string(), "run", "--config",
                      (run_.folderOf(name) / "node.toml").string(), "--",
                      (local::ownFolder() / "failover_program").string(),
                      run_.board().path().string(), name})
        .status();
  }

  Status connect() {
    app_ = std::make_unique<QCoreApplication>(no_of_arguments, arguments);
    Run::catchSignals();
    cli::Login login;
    login.jid = Jid::parse(operatorAccount().jid).value();
    login.password = operatorAccount().password;
    login.host = local::kLoopback;
    login.port = server_->clientPort();
    login.ca_file = server_->caFile();
    login.coordinator = Jid::parse(local::kComponentDomain).value();
    client_ = std::make_unique<cli::Client>(login);
    client_->setInterrupted([] { return Run::interrupted(); });
    client_->setDeadline(Duration::seconds(20));
    return client_->connect();
  }

  Run& run_;
  const Settings settings_;
  const catalogue::Catalogue catalogue_;
  std::unique_ptr<PrivateServer> server_;
  std::vector<std::unique_ptr<Relay>> relays_;
  std::unique_ptr<QCoreApplication> app_;
  std::unique_ptr<cli::Client> client_;
};

class MusterContest : public Contest {
 public:
  MusterContest(PrivateCluster& system, Kind kind)
      : system_(system), kind_(kind), group_(kind == Kind::kCrash ? kAgents : kNodes) {}

  System system() const override { return System::kMuster; }
  Kind kind() const override { return kind_; }
  // A member whose lease did not end in order is left alone for a moment, and of three two may be.
  Status makeReady() override {
    const Duration left = Duration{last_ns_ - nowNs()} + election::GroupConfig().backoff_first;
    if (left > Duration{}) loopFor(left);
    return system_.awaitStandbys(group_);
  }

  Result<Sample> round() override {
    loopFor(system_.run().somewhere(system_.settings().lease / 3));
    auto sample = kind_ == Kind::kGraceful ? move()
                  : kind_ == Kind::kResign ? resign()
                  : kind_ == Kind::kCrash  ? crash()
                                           : cut();
    last_ns_ = nowNs();
    return sample;
  }

 private:
  Board& board() { return system_.run().board(); }

  Result<Told> nextActive(int64_t since) {
    std::optional<Told> next;
    const Status done = await("another active member of " + group_,
                              system_.settings().lease * 2 + Duration::seconds(20), loopFor, [&] {
                                next = board().firstSince(group_, "active", since);
                                return next.has_value();
                              });
    if (!done) return Status(done.code(), done.text() + system_.run().logOf("coordinator"));
    return *next;
  }

  Result<Sample> move() {
    v1::FailoverRequest request;
    request.set_group(group_);
    request.set_wait(true);
    const int64_t begin = nowNs();
    const auto reply = system_.call<v1::FailoverReply>("Failover", request);
    if (!reply) return reply.status();
    return inOrder(begin);
  }

  Result<Sample> resign() {
    const auto active = board().latest(group_, "active");
    if (!active) return Status(Code::kInternal, "nobody has said that it is active");
    const int64_t begin = nowNs();
    kill(static_cast<pid_t>(active->number), SIGUSR1);
    return inOrder(begin);
  }

  Result<Sample> inOrder(int64_t begin) {
    const auto next = nextActive(begin);
    if (!next) return next.status();
    const auto stopped = board().firstSince(group_, "stopped", begin);
    Sample out;
    out.measured = secondsOf(next->at_ns - begin);
    out.overlap = !stopped || stopped->at_ns > next->at_ns;
    out.gap = stopped ? secondsOf(next->at_ns - stopped->at_ns) : 0;
    return out;
  }

  // The supervisor sees the end of its program and gives its word.
  Result<Sample> crash() {
    const auto active = board().latest(group_, "active");
    if (!active) return Status(Code::kInternal, "nobody has said that it is active");
    const int64_t begin = nowNs();
    kill(static_cast<pid_t>(active->number), SIGKILL);
    const auto next = nextActive(begin);
    if (!next) return next.status();
    Sample out;
    out.measured = secondsOf(next->at_ns - begin);
    return out;
  }

  // Nobody can know that the old one has stopped before its lease is over for certain.
  Result<Sample> cut() {
    const auto active = board().latest(group_, "active");
    if (!active) return Status(Code::kInternal, "nobody has said that it is active");
    Relay& relay = system_.relayOf(active->who);
    relay.cutThere();
    const int64_t begin = nowNs();
    loopFor(kLastAnswers);
    relay.cutBack();
    const auto next = nextActive(begin);
    relay.mend();
    if (!next) return next.status();
    const auto renewed = board().latest(active->who, "renewed");
    const auto stopped = board().firstSince(active->who, "stopped", begin);
    if (!renewed) return Status(Code::kInternal, active->who + " has told of no renewal");
    const election::GroupConfig usual;
    const Duration wait =
        election::waitOut(system_.settings().lease, usual.clock_rate_bound, usual.wait_margin);
    Sample out;
    out.measured = secondsOf(next->at_ns - begin);
    out.minimum = secondsOf(renewed->at_ns + wait.ns - begin);
    out.overlap = !stopped || stopped->at_ns > next->at_ns;
    return out;
  }

  PrivateCluster& system_;
  const Kind kind_;
  const std::string group_;
  int64_t last_ns_ = 0;  // when the latest round was over
};

std::unique_ptr<Contest> PrivateCluster::contest(Kind kind) {
  return std::make_unique<MusterContest>(*this, kind);
}

}  // namespace

void loopFor(Duration time) {
  QEventLoop loop;
  QTimer::singleShot(std::max(1, static_cast<int>(time.toMillis())), Qt::PreciseTimer, &loop,
                     &QEventLoop::quit);
  loop.exec();
}

Result<std::unique_ptr<MusterSystem>> MusterSystem::start(Run& run, const Settings& settings) {
  auto catalogue = catalogue::Catalogue::build(
      {v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands")});
  if (!catalogue) return catalogue.status();
  auto system = std::make_unique<PrivateCluster>(run, settings, std::move(catalogue).value());
  if (Status begun = system->begin(); !begun) return begun;
  return std::unique_ptr<MusterSystem>(std::move(system));
}

}  // namespace muster::bench
