#include "bench/node_farm.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <QCoreApplication>
#include <QTimer>
#include <cstdio>
#include <memory>
#include <mutex>
#include <vector>

#include "bench/child.h"
#include "coordinator/local/cluster_info.h"
#include "libcontrol/base/random.h"
#include "libcontrol/node/node_core.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/node_state_store.h"
#include "libcontrol/xmpp/client_link.h"
#include "muster/log.h"

namespace muster::bench {
namespace {

// A server takes so many logins a second; all at once would only wait in its queue.
constexpr int kStartEveryMs = 5;
constexpr int kLookMs = 50;

// The state that a node keeps on disk is in memory here; see docs/benchmarks.md.
class Node {
 public:
  Node(const FarmConfig& config, int index, AppThread& threads, Warden& warden)
      : state_(store::NodeStateStore::openMemory()), audit_(store::CoordinatorStore::openMemory()) {
    xmpp::ClientConfig link_config;
    link_config.jid = farmFullJid(index);
    link_config.password = config.password;
    link_config.host = config.host;
    link_config.port = config.port;
    link_config.ca_file = config.ca_file;
    auto link = std::make_unique<xmpp::ClientLink>(link_config);
    link_ = link.get();
    for (int i = 0; i < config.services; ++i) {
      (void)services_.addRequests("service" + std::to_string(i), {},
                                  SystemClock::forHolder().elapsed());
    }
    NodeIdentity identity;
    identity.jid = farmNodeJid(index);
    identity.coordinator = config.coordinator;
    identity.name = farmNodeName(index);
    identity.version = "1.0.0";
    identity.instance = farmInstance(index);
    auto core = NodeCore::make({.identity = identity,
                                .link = std::move(link),
                                .store = *state_,
                                .audit = audit_->audit(),
                                .services = services_,
                                .services_mutex = mutex_,
                                .app = threads,
                                .command_thread = threads,
                                .commands = {},
                                .kept_log = *log_,
                                .warden = warden,
                                .clock = SystemClock::forHolder(),
                                .random = random_,
                                .callbacks = {}});
    if (core) core_ = std::move(core).value();
  }

  bool isMade() const { return core_ != nullptr; }
  void start() { core_->start(); }
  // Whether it is up for the first time.
  bool hasComeUp() { return !was_up_ && link_->isUp() && (was_up_ = true); }

 private:
  // Keeps nothing.
  const std::unique_ptr<KeptLog> log_ = std::move(KeptLog::make({})).value();
  std::unique_ptr<store::NodeStateStore> state_;
  std::unique_ptr<store::CoordinatorStore> audit_;
  service::ServiceSet services_;
  std::mutex mutex_;
  SystemRandom random_;
  xmpp::ClientLink* link_ = nullptr;
  bool was_up_ = false;
  std::unique_ptr<NodeCore> core_;
};

}  // namespace

std::string farmNodeName(int index) {
  return "node" + std::to_string(index);
}

Jid farmNodeJid(int index) {
  return Jid::parse(farmNodeName(index) + "@" + local::kNodeDomain).value();
}

InstanceId farmInstance(int index) {
  std::string bytes(16, 'b');
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<char>((index >> (24 - 8 * i)) & 0xff);
  return *InstanceId::fromBytes(bytes);
}

Jid farmFullJid(int index) {
  return farmNodeJid(index).withResource(nodeResource(farmInstance(index)));
}

void runFarm(const FarmConfig& config, int ready) {
  int argc = 1;
  char name[] = "nodes";
  char* argv[] = {name, nullptr};
  QCoreApplication app(argc, argv);
  spdlog::set_default_logger(
      spdlog::basic_logger_mt("bench", (config.log_file).string(), /*truncate=*/true));
  // What is set; a node has some loggers of its own besides.
  const auto storage = logger("storage");
  AppThread threads;
  Warden warden(SystemClock::forHolder(), [] {});
  std::vector<std::unique_ptr<Node>> nodes;
  size_t started = 0;
  for (int i = 0; i < config.count; ++i) {
    nodes.push_back(std::make_unique<Node>(config, config.first + i, threads, warden));
    if (!nodes.back()->isMade()) {
      std::fprintf(stderr, "a node could not be made\n");
      return;
    }
  }
  QTimer starter;
  QObject::connect(&starter, &QTimer::timeout, &starter, [&] {
    nodes[started]->start();
    if (++started == nodes.size()) starter.stop();
  });
  starter.start(kStartEveryMs);
  QTimer looker;
  size_t up = 0;
  QObject::connect(&looker, &QTimer::timeout, &looker, [&] {
    for (const auto& node : nodes) {
      if (!node->hasComeUp()) continue;
      tellReady(ready);
      ++up;
    }
    if (up == nodes.size()) looker.stop();
  });
  looker.start(kLookMs);
  QCoreApplication::exec();
}

}  // namespace muster::bench
