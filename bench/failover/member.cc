// Members of the groups that `failover` compares, each a process of its own: an application with a
// Node, or a candidate of an election in etcd. Started by it.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "bench/failover/candidate.h"
#include "bench/failover/told.h"
#include "libcontrol/base/text.h"
#include "muster/node.h"

namespace muster::bench {
namespace {

// Each renewal moves the end of the lease by far more than its own clock is off.
constexpr int64_t kSameRenewalNs = 20'000'000;

// When the renewal that counts was sent: what is left of the lease says it. `usable`: how long
// after that the lease may be used.
void tellRenewals(const Node& node, const Teller& teller, int64_t usable_ns) {
  int64_t told = 0;
  while (true) {
    if (const auto lease = node.lease()) {
      const int64_t sent = nowNs() + lease->remaining().count() - usable_ns;
      if (sent > told + kSameRenewalNs) {
        told = sent;
        teller.tell("renewed", sent);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// Blocked in every thread from the beginning; one waits for it.
sigset_t resignSignal() {
  sigset_t out;
  sigemptyset(&out);
  sigaddset(&out, SIGUSR1);
  return out;
}

void resignWhenTold(Node& node) {
  const sigset_t wanted = resignSignal();
  int signal = 0;
  while (sigwait(&wanted, &signal) == 0) node.resign("told to");
}

// An application with a Node, as the README has one, that starts and stops at once.
Status runNode(const std::string& config, const Teller& teller, Duration usable) {
  auto options = loadNodeOptions(config);
  if (!options) return options.status();
  auto node = Node::create(*options);
  if (!node) return node.status();
  (*node)->onPromote([&](const Lease&) {
    teller.tellActive();
    return Status::ok();
  });
  (*node)->onDemote([&](const Demotion&) { teller.tell("stopped", nowNs()); });
  if (Status started = (*node)->start(); !started) return started;
  std::thread([&node = **node] { resignWhenTold(node); }).detach();
  tellRenewals(**node, teller, usable.ns);
  return Status::ok();
}

int run(int argc, char** argv) {
  CLI::App app("A member of a group that `failover` looks at.", "failover_member");
  std::string board;
  std::string name;
  std::string config;
  int64_t usable_ms = 0;
  CandidateConfig candidate;
  app.add_option("--board", board)->required();
  app.add_option("--name", name)->required();
  app.require_subcommand(1);
  CLI::App* node = app.add_subcommand("node");
  node->add_option("--config", config)->required();
  node->add_option("--usable-ms", usable_ms)->required();
  CLI::App* stander = app.add_subcommand("candidate");
  int64_t ttl_s = 0;
  stander->add_option("--endpoint", candidate.endpoint)->required();
  stander->add_option("--prefix", candidate.prefix)->required();
  stander->add_option("--ttl-s", ttl_s)->required();
  CLI11_PARSE(app, argc, argv);
  const Teller teller(board, name);
  const sigset_t resign = resignSignal();
  pthread_sigmask(SIG_BLOCK, &resign, nullptr);
  Status done;
  if (*node) {
    done = runNode(config, teller, Duration::millis(usable_ms));
  } else {
    candidate.ttl = Duration::seconds(ttl_s);
    done = stand(candidate, teller);
  }
  std::fprintf(stderr, "failover_member: %s\n", done.text().c_str());
  return 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run(argc, argv);
}
