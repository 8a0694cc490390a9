// A planned failover, its round trips and its waits for the disk, counted; docs/benchmarks.md says
// what the figures mean.
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "bench/child.h"
#include "bench/fsync_count.h"
#include "bench/stage.h"
#include "bench/tap.h"
#include "libcontrol/base/file.h"
#include "muster/cluster.pb.h"
#include "muster/node.h"

namespace muster::bench {
namespace {

constexpr char kGroup[] = "bench";
constexpr char kPassword[] = "the node's password";
constexpr int kNodes = 2;
// Long enough that no renewal falls into a move often.
constexpr Duration kLeaseTtl = Duration::seconds(120);
constexpr int kTries = 120;

// What a move needs; docs/protocol.md has the sequence. Each of these once.
const std::vector<std::string> kNeeded = {
    "> iq set drain",       // to the active node, once the move is durable
    "< iq result drained",  // after it has stopped
    "> iq set offer",       // to the other one, once the offer is durable
    "< iq result accepted", "< iq set acquire",
    "> iq result granted",  // once that is durable
};
// Of the node that has taken over; the others show people what both nodes are just then, and nobody
// waits for them.
constexpr char kPresence[] = "< presence";

// Commits of the coordinator's store: the request in the audit trail, DRAINING, OFFERED, ACTIVE,
// the move's outcome, the command's end in the audit trail, and, which nobody waits for, the
// history.
constexpr int kAtCoordinator = 7;
// Its state file, with the epoch that it was offered, and the folder that the file is in.
constexpr int kAtNewNode = 2;
constexpr int kAtOldNode = 0;

struct Counters {
  std::array<std::atomic<uint64_t>, kNodes + 1> fsyncs{};  // of the nodes, and of the coordinator
};

double now() {
  return SystemClock::forHolder().elapsed().ns * 1e-9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string nameOf(int index) {
  return "node" + std::to_string(index + 1);
}

Jid jidOf(int index) {
  return Jid::parse(nameOf(index) + "@" + local::kNodeDomain).value();
}

// A process with a Node, as an application has it, that starts and stops at once.
void runNode(const PrivateServer& server, int index, std::atomic<uint64_t>& fsyncs) {
  countFsyncsIn(fsyncs);
  spdlog::set_default_logger(spdlog::basic_logger_mt(
      "bench", (server.folder() / (nameOf(index) + ".log")).string(), /*truncate=*/true));
  NodeOptions options;
  options.jid = jidOf(index).toString();
  options.password = kPassword;
  options.host = local::kLoopback;
  options.port = server.clientPort();
  options.ca_file = server.caFile();
  options.name = nameOf(index);
  options.group = kGroup;
  options.coordinator = Stage::address().toString();
  options.state_dir = server.folder() / nameOf(index);
  options.version = "1.0.0";
  auto node = Node::create(options);
  const Status started = node ? (*node)->start() : node.status();
  if (!started) std::fprintf(stderr, "%s: %s\n", nameOf(index).c_str(), started.text().c_str());
  while (started) pause();
}

class Bench {
 public:
  explicit Bench(int rounds) : rounds_(rounds) {
    void* shared =
        mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    counters_ = new (shared) Counters;
  }

  Status run() {
    if (Status ready = prepare(); !ready) return ready;
    for (int i = 0; i < rounds_; ++i) {
      if (Status done = ping(); !done) return done;
      if (Status done = move(); !done) return done;
    }
    if (Status done = timeFsync(); !done) return done;
    return report();
  }

 private:
  Status prepare() {
    std::vector<local::Account> accounts = {Stage::callerAccount()};
    Stage::Options options;
    options.groups = {kGroup};
    options.lease_ttl = kLeaseTtl;
    for (int i = 0; i < kNodes; ++i) {
      accounts.push_back({jidOf(i).toString(), kPassword});
      options.members.push_back({nameOf(i), jidOf(i), kGroup});
    }
    auto server = PrivateServer::start(accounts);
    if (!server) return server.status();
    server_ = std::move(server).value();
    auto tap = Tap::start(server_->componentPort());
    if (!tap) return tap.status();
    tap_ = std::move(tap).value();
    for (int i = 0; i < kNodes; ++i) {
      auto child = Child::start(
          [this, i](int) { runNode(*server_, i, counters_->fsyncs[static_cast<size_t>(i)]); });
      if (!child) return child.status();
      children_.push_back(std::move(child).value());
    }
    countFsyncsIn(counters_->fsyncs[kNodes]);
    options.component_port = tap_->port();
    auto stage = Stage::make(*server_, options);
    if (!stage) return stage.status();
    stage_ = std::move(stage).value();
    return awaitActive();
  }

  // Until a node is active and both are there.
  Status awaitActive() {
    for (int i = 0; i < kTries; ++i) {
      const auto nodes = stage_->call<v1::NodesReply>("Nodes", v1::NodesRequest());
      if (!nodes) return nodes.status();
      int there = 0;
      bool active = false;
      for (const v1::NodeState& node : nodes->nodes()) {
        there += node.present() ? 1 : 0;
        active |= node.role() == v1::NODE_ROLE_ACTIVE;
        if (node.present()) full_jids_[node.name()] = Jid::parse(node.jid()).value();
      }
      if (there == kNodes && active) return Status::ok();
      stage_->wait(Duration::millis(500));
    }
    return {Code::kTimeout, "no node has become active"};
  }

  Status ping() {
    for (const auto& [name, jid] : full_jids_) {
      const double begin = now();
      if (Status done = stage_->ping({jid}, 1); !done) return done;
      pings_.push_back(now() - begin);
    }
    return Status::ok();
  }

  Status move() {
    // What the last one set off has to be over.
    stage_->wait(Duration::millis(300));
    (void)tap_->take();
    std::array<uint64_t, kNodes + 1> before{};
    for (size_t i = 0; i < before.size(); ++i) before[i] = counters_->fsyncs[i];
    v1::FailoverRequest request;
    request.set_group(kGroup);
    request.set_wait(true);
    const double begin = now();
    const auto reply = stage_->call<v1::FailoverReply>("Failover", request);
    moves_.push_back(now() - begin);
    if (!reply) return reply.status();
    // Whatever comes after the answer counts as well.
    stage_->wait(Duration::millis(300));
    inner_.push_back(static_cast<double>(reply->duration_ms()) * 1e-3);
    for (const Seen& seen : tap_->take()) {
      // The command and its answer, and presence that the coordinator's contacts show to people.
      if (seen.what.ends_with(" command") || (seen.from_component && seen.what == "presence")) {
        continue;
      }
      ++stanzas_[(seen.from_component ? "> " : "< ") + seen.what];
    }
    for (size_t i = 0; i < before.size(); ++i) {
      const uint64_t waited = counters_->fsyncs[i] - before[i];
      const bool is_coordinator = i == kNodes;
      const bool is_new = !is_coordinator && nameOf(static_cast<int>(i)) == reply->to();
      (is_coordinator ? at_coordinator_ : is_new ? at_new_ : at_old_) += waited;
    }
    return Status::ok();
  }

  Status timeFsync() {
    const auto file = server_->folder() / "fsync";
    for (int i = 0; i < 50; ++i) {
      const double begin = now();
      if (Status written = replaceFile(file, std::string(200, 'x')); !written) return written;
      fsyncs_.push_back((now() - begin) / 2);  // the file and its folder
    }
    return Status::ok();
  }

  Status report() const {
    const double ping = median(pings_);
    const double move = median(moves_);
    std::printf("%d moves; p50: ping %.2f ms, move %.2f ms (%.1f pings), fsync about %.2f ms\n",
                rounds_, ping * 1e3, move * 1e3, move / ping, median(fsyncs_) * 1e3);
    std::printf("of the move, from the coordinator's first step to its last: %.0f ms\n",
                median(inner_) * 1e3);
    std::printf("stanzas between the coordinator (>) and the nodes (<), per move:\n");
    bool more = false;
    for (const auto& [what, count] : stanzas_) {
      const double each = static_cast<double>(count) / rounds_;
      const bool is_presence = what == kPresence;
      const auto needed = is_presence ? 1 : std::count(kNeeded.begin(), kNeeded.end(), what);
      std::printf("  %-24s %5.2f  %s %d\n", what.c_str(), each,
                  is_presence ? "waited for" : "needed", static_cast<int>(needed));
      more |= !is_presence && each > static_cast<double>(needed);
    }
    const auto line = [&](const char* where, uint64_t count, int needed) {
      const double each = static_cast<double>(count) / rounds_;
      std::printf("  %-24s %5.2f  needed %d\n", where, each, needed);
      more |= each > needed;
    };
    std::printf("waits for the disk, per move:\n");
    line("coordinator", at_coordinator_, kAtCoordinator);
    line("node that took over", at_new_, kAtNewNode);
    line("node that was active", at_old_, kAtOldNode);
    if (!more) return Status::ok();
    return {Code::kInternal, "there was more than a move needs"};
  }

  const int rounds_;
  Counters* counters_ = nullptr;
  std::unique_ptr<PrivateServer> server_;
  std::unique_ptr<Tap> tap_;
  std::vector<std::unique_ptr<Child>> children_;
  std::unique_ptr<Stage> stage_;
  std::map<std::string, Jid> full_jids_;
  std::vector<double> pings_;
  std::vector<double> moves_;
  std::vector<double> inner_;
  std::vector<double> fsyncs_;
  std::map<std::string, int> stanzas_;
  uint64_t at_coordinator_ = 0;
  uint64_t at_new_ = 0;
  uint64_t at_old_ = 0;
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  int rounds = 20;
  CLI::App app("Measures a planned failover and counts what it waits for.", "switchover");
  app.add_option("--rounds", rounds, "Moves")->check(CLI::Range(1, 1000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const muster::Status done = muster::bench::Bench(rounds).run();
  if (done) return 0;
  std::fprintf(stderr, "switchover: %s\n", done.text().c_str());
  return 1;
}
