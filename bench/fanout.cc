// `log-level all` to many nodes, beside as many pings from the same component; docs/benchmarks.md
// says what the figures mean. What follows one of the other kind is slower than what follows its
// like, so a round is pings, orders, orders, pings: each kind once after either.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/child.h"
#include "bench/node_farm.h"
#include "bench/stage.h"
#include "libcontrol/base/limits.h"
#include "muster/cluster.pb.h"

namespace muster::bench {
namespace {

constexpr int kWarmUpRounds = 2;
constexpr Duration kLoginLimit = Duration::seconds(600);
// Presence of all of them has to arrive at the coordinator.
constexpr int kPresenceTries = 60;

struct Options {
  int nodes = 1000;
  int processes = 4;
  int rounds = 10;
};

double seconds() {
  return SystemClock::forHolder().elapsed().ns * 1e-9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}

  Status run() {
    if (Status ready = prepare(); !ready) return ready;
    for (int round = -kWarmUpRounds; round < options_.rounds; ++round) {
      double times[2] = {};
      for (const bool pings : {true, false, false, true}) {
        auto took = pings ? pingAll() : setAll();
        if (!took) return took.status();
        times[pings ? 0 : 1] += *took / 2;
      }
      if (round < 0) continue;
      pings_.push_back(times[0]);
      orders_.push_back(times[1]);
      ratios_.push_back(times[1] / times[0]);
    }
    report();
    return Status::ok();
  }

 private:
  Status prepare() {
    std::vector<local::Account> accounts = {Stage::callerAccount()};
    Stage::Options stage;
    stage.lease_ttl = limits::kDefaultLeaseTtl;
    for (int i = 0; i < options_.nodes; ++i) {
      accounts.push_back({farmNodeJid(i).toString(), "the nodes' password"});
      stage.members.push_back({farmNodeName(i), farmNodeJid(i), ""});
      targets_.push_back(farmFullJid(i));
    }
    auto server = PrivateServer::start(accounts);
    if (!server) return server.status();
    server_ = std::move(server).value();
    if (Status logged_in = startFarms(); !logged_in) return logged_in;
    auto made = Stage::make(*server_, stage);
    if (!made) return made.status();
    stage_ = std::move(made).value();
    return awaitPresence();
  }

  Status startFarms() {
    const double begin = seconds();
    for (int p = 0; p < options_.processes; ++p) {
      FarmConfig config;
      config.first = options_.nodes * p / options_.processes;
      config.count = options_.nodes * (p + 1) / options_.processes - config.first;
      config.host = local::kLoopback;
      config.port = server_->clientPort();
      config.ca_file = server_->caFile();
      config.password = "the nodes' password";
      config.coordinator = Stage::address();
      config.log_file = server_->folder() / ("nodes" + std::to_string(p) + ".log");
      auto child = Child::start([&config](int ready) { runFarm(config, ready); });
      if (!child) return child.status();
      children_.push_back(std::move(child).value());
      counts_.push_back(config.count);
    }
    for (size_t p = 0; p < children_.size(); ++p) {
      Status ready = children_[p]->awaitBytes(static_cast<size_t>(counts_[p]), kLoginLimit);
      if (!ready) return ready;
    }
    std::printf("%d nodes logged in within %.1f s\n", options_.nodes, seconds() - begin);
    return Status::ok();
  }

  Status awaitPresence() {
    for (int i = 0; i < kPresenceTries; ++i) {
      const auto nodes = stage_->call<v1::NodesReply>("Nodes", v1::NodesRequest());
      if (!nodes) return nodes.status();
      const bool all = std::all_of(nodes->nodes().begin(), nodes->nodes().end(),
                                   [](const v1::NodeState& node) { return node.present(); });
      if (all) return Status::ok();
      stage_->wait(Duration::seconds(1));
    }
    return {Code::kTimeout, "the coordinator does not see all nodes"};
  }

  Result<double> pingAll() {
    const double begin = seconds();
    if (Status done = stage_->ping(targets_, limits::kMaxOrdersInFlight); !done) return done;
    return seconds() - begin;
  }

  // From before the command is sent until its reply has been read.
  Result<double> setAll() {
    v1::ClusterLogLevelRequest request;
    request.set_target("all");
    request.set_logger("storage");
    request.set_level(debug_ ? v1::LOG_LEVEL_DEBUG : v1::LOG_LEVEL_TRACE);
    debug_ = !debug_;
    const double begin = seconds();
    const auto reply = stage_->call<v1::ClusterLogLevelReply>("LogLevel", request);
    const double took = seconds() - begin;
    if (!reply) return reply.status();
    for (const v1::NodeResult& result : reply->results()) {
      if (result.outcome() == "ok") continue;
      return Status(Code::kInternal, result.node() + ": " + result.outcome() + " " + result.text());
    }
    if (reply->results_size() != options_.nodes) {
      return Status(Code::kInternal,
                    "there are results of " + std::to_string(reply->results_size()) + " nodes");
    }
    return took;
  }

  void report() {
    std::printf("%d nodes in %d processes, %zu orders or pings on their way at once, %d rounds\n",
                options_.nodes, options_.processes, limits::kMaxOrdersInFlight, options_.rounds);
    std::printf("%-16s %10s %12s\n", "", "p50 (ms)", "a second");
    const auto line = [&](const char* name, double p50) {
      std::printf("%-16s %10.1f %12.0f\n", name, p50 * 1e3, options_.nodes / p50);
    };
    line("pings", median(pings_));
    line("log-level all", median(orders_));
    const auto [least, most] = std::minmax_element(ratios_.begin(), ratios_.end());
    std::printf("ratio            %10.2f   (%.2f to %.2f in single rounds)\n", median(ratios_),
                *least, *most);
  }

  const Options options_;
  std::unique_ptr<PrivateServer> server_;
  std::vector<std::unique_ptr<Child>> children_;
  std::vector<int> counts_;
  std::vector<Jid> targets_;
  std::unique_ptr<Stage> stage_;
  bool debug_ = false;
  std::vector<double> pings_;
  std::vector<double> orders_;
  std::vector<double> ratios_;
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures `log-level all` over many nodes beside as many pings.", "fanout");
  app.add_option("--nodes", options.nodes, "Nodes that log in")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--processes", options.processes, "Processes that the nodes are in")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of two of each")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const muster::Status done = muster::bench::Bench(options).run();
  if (done) return 0;
  std::fprintf(stderr, "fanout: %s\n", done.text().c_str());
  return 1;
}
