#include "node-agent/inner.h"

#include <atomic>
#include <memory>
#include <thread>

#include "muster/log.h"
#include "muster/node.h"
#include "node-agent/failover.h"
#include "node-agent/fitness.h"
#include "node-agent/levels/level_ports.h"
#include "node-agent/probes/probes.h"
#include "node-agent/sidecar/sidecar.h"
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
        supervisor_(config.supervisor, node.availability(config.service), SystemClock::forHolder()),
        fitness_([&node](const std::string& why) { node.declineOffers(why); }) {
    if (config.sidecar) makeSidecar();
    if (config.failover) {
      failover_ = std::make_unique<Failover>(
          *config.failover, config.node.group, nodeName(config.node), supervisor_, watch,
          SystemClock::forHolder(), [this](const std::string& why) { node_.applicationGone(why); },
          sidecarRoles() ? &sidecar_->role() : nullptr);
      node_.onPromote([this](const Lease& lease) { return failover_->promote(lease); });
      node_.onDemote([this](const Demotion& demotion) { failover_->demote(demotion); });
    }
    if (config.levels) node_.useLogLevels(config.levels->make(ports()));
    if (!config.probes.empty()) makeProbes();
    supervisor_.setCallbacks(callbacks());
  }

  int run() {
    if (sidecar_ != nullptr) {
      if (const Status started = sidecar_->start(); !started) return fail(started);
    }
    // Before the node may be asked to promote it.
    if (config_.supervisor.automatic) {
      if (!supervisor_.startFirst()) return 1;
    }
    if (const Status started = node_.start(); !started) return fail(started);
    fitness_.tellAgain();
    tick();
    if (probes_ != nullptr) probes_->start();
    supervisor_.run();
    stopping_.join();
    probes_.reset();
    if (reading_.joinable()) reading_.join();
    return 0;
  }

 private:
  bool sidecarRoles() const {
    return config_.failover && config_.failover->mode == FailoverOptions::Mode::kSidecar;
  }

  void makeSidecar() {
    SidecarHub::Facts facts;
    facts.node = nodeName(config_.node);
    facts.group = config_.node.group;
    facts.roles = sidecarRoles();
    facts.levels = config_.levels && config_.levels->kind == "sidecar";
    sidecar_ = std::make_unique<Sidecar>(
        *config_.sidecar, facts, node_,
        [this](const std::string& why) { fitness_.set("sidecar", why); }, SystemClock::forHolder());
  }

  void makeProbes() {
    probes_ = std::make_unique<Probes>(
        config_.probes, Probes::Ports{node_, SystemClock::forHolder(),
                                      [this](HookSpec spec, std::function<void(Status)> done) {
                                        supervisor_.runBeside(std::move(spec), std::move(done));
                                      },
                                      [this](const std::string& part, const std::string& why) {
                                        fitness_.set(part, why);
                                      }});
  }

  // Where the program runs only while the node is active, a standby's is down on purpose.
  void tick() {
    if (failover_ != nullptr) failover_->tick();
    if (probes_ == nullptr) return;
    probes_->setPaused(!config_.supervisor.automatic && !supervisor_.isUp());
  }

  LevelPorts ports() {
    LevelPorts out = levelPorts(supervisor_);
    if (sidecar_ != nullptr) out.sidecar = sidecar_->levels();
    return out;
  }

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
      out.unfit = [this](const std::string& why) { fitness_.set("program", why); };
    }
    out.tick = [this] { tick(); };
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
  Fitness fitness_;
  std::unique_ptr<Sidecar> sidecar_;
  std::unique_ptr<Failover> failover_;
  std::unique_ptr<Probes> probes_;
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
