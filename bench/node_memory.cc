// What a node costs the coordinator in memory; docs/benchmarks.md says what is counted.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

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

constexpr Duration kLoginLimit = Duration::seconds(600);
constexpr int kPresenceTries = 60;
constexpr char kPassword[] = "the nodes' password";
// So that what is kept of levels is there, and what was only needed at the start is gone.
constexpr Duration kSettle = Duration::seconds(10);

struct Options {
  int nodes = 1000;
  int few = 100;
  int group = 10;
  int services = 1;
};

double heapBytes() {
  return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd);
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}

  Status run() {
    if (Status ready = startNodes(); !ready) return ready;
    const auto few = measureApart(options_.few);
    if (!few) return few.status();
    const auto many = measureApart(options_.nodes);
    if (!many) return many.status();
    std::printf("%-10s %14s\n", "nodes", "heap (KiB)");
    std::printf("%-10d %14.0f\n%-10d %14.0f\n", options_.few, *few / 1024, options_.nodes,
                *many / 1024);
    std::printf("a node %17.2f KiB   (%d services each, groups of %d)\n",
                (*many - *few) / (options_.nodes - options_.few) / 1024, options_.services,
                options_.group);
    return Status::ok();
  }

 private:
  Status startNodes() {
    std::vector<local::Account> accounts = {Stage::callerAccount()};
    for (int i = 0; i < options_.nodes; ++i) {
      accounts.push_back({farmNodeJid(i).toString(), kPassword});
    }
    auto server = PrivateServer::start(accounts);
    if (!server) return server.status();
    server_ = std::move(server).value();
    FarmConfig config;
    config.count = options_.nodes;
    config.services = options_.services;
    config.host = local::kLoopback;
    config.port = server_->clientPort();
    config.ca_file = server_->caFile();
    config.password = kPassword;
    config.coordinator = Stage::address();
    config.log_file = server_->folder() / "nodes.log";
    auto child = Child::start([&config](int ready) { runFarm(config, ready); });
    if (!child) return child.status();
    nodes_ = std::move(child).value();
    return nodes_->awaitBytes(static_cast<size_t>(options_.nodes), kLoginLimit);
  }

  // In a process of its own, so that both pay once for what a process makes once, and neither
  // gets what the other has left over.
  Result<double> measureApart(int nodes) {
    int channel[2];
    if (pipe(channel) != 0) return Status(Code::kInternal, "no pipe");
    const pid_t child = fork();
    if (child == 0) {
      const auto bytes = measure(nodes);
      if (!bytes) {
        std::fprintf(stderr, "node_memory: %s\n", bytes.status().text().c_str());
        _exit(1);
      }
      const bool told = write(channel[1], &*bytes, sizeof *bytes) == sizeof *bytes;
      _exit(told ? 0 : 1);
    }
    close(channel[1]);
    double bytes = 0;
    const bool told = child > 0 && read(channel[0], &bytes, sizeof bytes) == sizeof bytes;
    close(channel[0]);
    if (child > 0) waitpid(child, nullptr, 0);
    if (!told) return Status(Code::kInternal, "the process that measures has ended");
    return bytes;
  }

  // Of a coordinator with so many nodes, all of them present.
  Result<double> measure(int nodes) {
    const double before = heapBytes();
    Stage::Options options;
    options.lease_ttl = limits::kDefaultLeaseTtl;
    options.store_name = "of-" + std::to_string(nodes) + ".sqlite";
    for (int i = 0; i < nodes; ++i) {
      const std::string group = "group" + std::to_string(i / options_.group);
      if (i % options_.group == 0) options.groups.push_back(group);
      options.members.push_back({farmNodeName(i), farmNodeJid(i), group});
    }
    auto stage = Stage::make(*server_, options);
    if (!stage) return stage.status();
    if (Status there = awaitPresence(**stage, nodes); !there) return there;
    // What this program alone has for itself is not the coordinator's.
    (*stage)->hangUp();
    options = {};
    (*stage)->wait(kSettle);
    return heapBytes() - before;
  }

  Status awaitPresence(Stage& stage, int expected) {
    for (int i = 0; i < kPresenceTries; ++i) {
      const auto nodes = stage.call<v1::NodesReply>("Nodes", v1::NodesRequest());
      if (!nodes) return nodes.status();
      if (nodes->nodes_size() != expected) {
        return {Code::kInternal, "the coordinator has " + std::to_string(nodes->nodes_size()) +
                                     " members instead of " + std::to_string(expected)};
      }
      const bool all = std::all_of(nodes->nodes().begin(), nodes->nodes().end(),
                                   [](const v1::NodeState& node) { return node.present(); });
      if (all) return Status::ok();
      stage.wait(Duration::seconds(1));
    }
    return {Code::kTimeout, "the coordinator does not see all nodes"};
  }

  const Options options_;
  std::unique_ptr<PrivateServer> server_;
  std::unique_ptr<Child> nodes_;
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  CLI::App app("Measures the memory of the coordinator for each node.", "node_memory");
  app.add_option("--nodes", options.nodes, "Nodes at most")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  app.add_option("--few", options.few, "Nodes that this is compared with")
      ->check(CLI::Range(1, 9'999))
      ->capture_default_str();
  app.add_option("--group", options.group, "Nodes of a group")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--services", options.services, "Services of a node")
      ->check(CLI::Range(0, 10))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.few >= options.nodes) {
    std::fprintf(stderr, "node_memory: --few must be below --nodes\n");
    return 2;
  }
  const muster::Status done = muster::bench::Bench(options).run();
  if (done) return 0;
  std::fprintf(stderr, "node_memory: %s\n", done.text().c_str());
  return 1;
}
