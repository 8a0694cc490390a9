#include "node-agent/inner.h"

#include <atomic>
#include <memory>
#include <thread>

#include "muster/log.h"
#include "muster/node.h"
#include "node-agent/failover.h"
#include "node-agent/levels/level_ports.h"
#include "node-agent/supervisor.h"

namespace muster::agent {
namespace {

int fail(const Status& status) {
  logger("agent")->critical("{}", status.text());
  return 1;
}

class Inner {
 public:
  Inner(const AgentConfig& config, Node& node, LeaseWatch& watch)
      : config_(config),
        node_(node),
        supervisor_(config.supervisor, node.availability(config.service),
                    SystemClock::forHolder()) {
    if (config.failover) {
      failover_ = std::make_unique<Failover>(
          *config.failover, config.node.group, nodeName(config.node), supervisor_, watch,
          SystemClock::forHolder(), [this](const std::string& why) { node_.applicationGone(why); });
      node_.onPromote([this](const Lease& lease) { return failover_->promote(lease); });
      node_.onDemote([this](const Demotion& demotion) { failover_->demote(demotion); });
    }
    if (config.levels) node_.useLogLevels(config.levels->make(levelPorts(supervisor_)));
    supervisor_.setCallbacks(callbacks());
  }

  int run() {
    // Before the node may be asked to promote it.
    if (config_.supervisor.automatic) {
      if (!supervisor_.startFirst()) return 1;
    }
    if (const Status started = node_.start(); !started) return fail(started);
    supervisor_.run();
    stopping_.join();
    if (reading_.joinable()) reading_.join();
    return 0;
  }

 private:
  Supervisor::Callbacks callbacks() {
    Supervisor::Callbacks out;
    // The role first, while the program still runs: giving it up is what demotion is for. On a
    // thread of its own, since demotion needs the supervisor.
    if (config_.levels) out.started = [this] { node_.applicationStarted(); };
    out.stop_asked = [this] {
      stopping_ = std::thread([this] {
        node_.stop();
        supervisor_.finish();
      });
    };
    if (!config_.node.log_rules.empty()) out.hangup = [this] { reloadRules(); };
    if (failover_ != nullptr) {
      out.gone = [this](const std::string& why) { failover_->programGone(why); };
      out.unfit = [this](const std::string& why) { node_.declineOffers(why); };
      out.tick = [this] { failover_->tick(); };
    }
    return out;
  }

  // The node logs what comes of it. On a thread of its own, since the program is to be watched
  // meanwhile.
  void reloadRules() {
    if (is_reading_.exchange(true)) return;
    if (reading_.joinable()) reading_.join();
    reading_ = std::thread([this] {
      (void)node_.reloadLogRules();
      is_reading_ = false;
    });
  }

  const AgentConfig& config_;
  Node& node_;
  Supervisor supervisor_;
  std::unique_ptr<Failover> failover_;
  std::thread stopping_;
  std::atomic<bool> is_reading_{false};
  std::thread reading_;
};

}  // namespace

int runInner(const AgentConfig& config, LeaseWatch& watch) {
  // Before any thread is made, so that all of them inherit it.
  Supervisor::blockSignals();
  auto node = Node::create(config.node);
  if (!node) return fail(node.status());
  return Inner(config, **node, watch).run();
}

}  // namespace muster::agent
