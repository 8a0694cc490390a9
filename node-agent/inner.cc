#include "node-agent/inner.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "muster/log.h"
#include "muster/node.h"
#include "node-agent/attach/attached.h"
#include "node-agent/failover.h"
#include "node-agent/fitness.h"
#include "node-agent/health.h"
#include "node-agent/levels/level_ports.h"
#include "node-agent/notify.h"
#include "node-agent/probes/probes.h"
#include "node-agent/sidecar/sidecar.h"
#include "node-agent/sources/sources.h"
#include "node-agent/supervisor.h"

namespace muster::agent {
namespace {

int fail(const Status& status) {
  logger("agent")->critical("{}", status.text());
  return 1;
}

AttachmentOptions attachmentOptions(const AgentConfig& config) {
  AttachmentOptions options;
  if (!config.failover) return options;
  options.follows_role = config.failover->mode == FailoverOptions::Mode::kUnit;
  options.start_limit = config.failover->timeout;
  options.environment_file = config.failover->environment_file;
  return options;
}

SupervisorOptions withOutputs(SupervisorOptions options, const Sources& sources) {
  options.output = sources.programOutput();
  options.error = sources.programError();
  return options;
}

// Who can speak against taking the role, as Fitness knows them.
constexpr char kHealth[] = "health";
constexpr char kSidecar[] = "sidecar";

class Inner {
 public:
  // `sources` have been started.
  Inner(const AgentConfig& config, Node& node, LeaseWatch& watch, const Sources& sources)
      : config_(config),
        node_(node),
        clock_(SystemClock::forHolder()),
        supervisor_(withOutputs(config.supervisor, sources), node.availability(config.service),
                    clock_),
        fitness_([this](const std::string& why) { node_.declineOffers(why); }),
        notifier_(clock_,
                  [this](std::function<void()> alive) { node_.probeLoop(std::move(alive)); }) {
    if (config.attach) {
      attached_ = std::make_unique<Attached>(*config.attach, attachmentOptions(config),
                                             node.availability(config.service), clock_);
      (*attached_)->setCallbacks(attachmentCallbacks());
    }
    if (config.sidecar) makeSidecar();
    if (config.failover) {
      Application& application =
          attached_ != nullptr ? static_cast<Application&>(**attached_) : supervisor_;
      failover_ = std::make_unique<Failover>(
          *config.failover, config.node.group, nodeName(config.node), application, supervisor_,
          watch, clock_, [this](const std::string& why) { node_.applicationGone(why); },
          sidecarRoles() ? &sidecar_->role() : nullptr);
      node_.onPromote([this](const Lease& lease) { return failover_->promote(lease); });
      node_.onDemote([this](const Demotion& demotion) { failover_->demote(demotion); });
    }
    if (config.failover && config.failover->health) {
      health_ = std::make_unique<HealthCheck>(*config.failover->health, clock_, healthCallbacks());
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
    if (health_ != nullptr) health_->begin();
    if (attached_ == nullptr) {
      if (const Status started = node_.start(); !started) return fail(started);
      onStarted();
    } else {
      (*attached_)->begin();
      settling_ = std::thread([this] { settle(); });
    }
    supervisor_.run();
    stopping_.join();
    probes_.reset();
    if (settling_.joinable()) settling_.join();
    if (reading_.joinable()) reading_.join();
    return failed_ ? 1 : 0;
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
    facts.log = &node_.intake();
    facts.levels = config_.levels && config_.levels->kind == "sidecar";
    sidecar_ = std::make_unique<Sidecar>(
        *config_.sidecar, facts, node_,
        [this](const std::string& why) { fitness_.set(kSidecar, why); }, clock_);
  }

  void makeProbes() {
    probes_ = std::make_unique<Probes>(
        config_.probes, Probes::Ports{node_, clock_,
                                      [this](HookSpec spec, std::function<void(Status)> done) {
                                        supervisor_.runBeside(std::move(spec), std::move(done));
                                      },
                                      [this](const std::string& part, const std::string& why) {
                                        fitness_.set(part, why);
                                      }});
  }

  LevelPorts ports() {
    LevelPorts out = levelPorts(supervisor_);
    if (sidecar_ != nullptr) out.sidecar = sidecar_->levels();
    return out;
  }

  // Ready is not logged in: the program runs, and a server that is away must keep nobody from
  // starting what comes after it.
  void onStarted() {
    fitness_.tellAgain();
    pauseProbes();
    if (probes_ != nullptr) probes_->start();
    started_ = true;
    notifier_.ready();
  }

  // Who is attached to may have been active since before this agent was started. Its demotion needs
  // the supervisor, so this is a thread of its own.
  void settle() {
    if (failover_ != nullptr) failover_->settle();
    if (stop_asked_) return;
    const Status started = node_.start();
    if (started) return onStarted();
    failed_ = true;
    (void)fail(started);
    kill(getpid(), SIGTERM);
  }

  // Everything of the agent's that is to be done again and again, on the supervisor's thread.
  void tick() {
    if (failover_ != nullptr) failover_->tick();
    if (attached_ != nullptr) (*attached_)->tick();
    pauseProbes();
    notifier_.tick();
    if (!started_) return;
    if (health_ != nullptr && !stop_asked_) health_->tick();
    std::string status = failover_ != nullptr ? failover_->describe() : "started";
    const std::string reason = fitness_.reason();
    if (!reason.empty()) status += "; not fit for the active role: " + reason;
    notifier_.status(status);
  }

  // Where the program runs only while the node is active, a standby's is down on purpose.
  void pauseProbes() {
    if (probes_ == nullptr || failover_ == nullptr) return;
    probes_->setPaused(!failover_->runsProgram());
  }

  Attachment::Callbacks attachmentCallbacks() {
    Attachment::Callbacks out;
    out.gone = [this](const std::string& why) {
      if (failover_ != nullptr) failover_->programGone(why);
    };
    out.unfit = [this](const std::string& why) { fitness_.set(Fitness::kProgram, why); };
    out.restarted = [this](const std::string& why) { node_.resign("restarted: " + why); };
    return out;
  }

  HealthCheck::Callbacks healthCallbacks() {
    HealthCheck::Callbacks out;
    out.standing = [this](Duration timeout) { return failover_->standing(timeout); };
    out.begin = [this](HookSpec spec, std::function<void(Status)> done) {
      supervisor_.runBeside(std::move(spec), std::move(done));
    };
    out.unfit = [this](const std::string& why) { fitness_.set(kHealth, why); };
    out.failed = [this](const std::string& why) { node_.resign(why); };
    return out;
  }

  Supervisor::Callbacks callbacks() {
    Supervisor::Callbacks out;
    // The role first, while the program still runs: giving it up is what demotion is for. On a
    // thread of its own, since demotion needs the supervisor.
    if (config_.levels) out.started = [this] { node_.applicationStarted(); };
    out.stop_asked = [this] {
      stop_asked_ = true;
      notifier_.stopping();
      stopping_ = std::thread([this] {
        if (settling_.joinable()) settling_.join();
        node_.stop();
        supervisor_.finish();
      });
    };
    out.hangup = [this] { reload(); };
    out.tick = [this] { tick(); };
    if (failover_ != nullptr) {
      out.gone = [this](const std::string& why) { failover_->programGone(why); };
      out.unfit = [this](const std::string& why) { fitness_.set(Fitness::kProgram, why); };
    }
    return out;
  }

  // The node logs what comes of it. On a thread of its own, since the program is to be watched
  // meanwhile.
  void reload() {
    if (is_reading_.exchange(true)) return;
    if (reading_.joinable()) reading_.join();
    notifier_.reloading();
    reading_ = std::thread([this] {
      if (!config_.node.log_rules.empty()) (void)node_.reloadLogRules();
      is_reading_ = false;
      notifier_.ready();
    });
  }

  const AgentConfig& config_;
  Node& node_;
  Clock& clock_;
  Supervisor supervisor_;
  Fitness fitness_;
  Notifier notifier_;
  std::unique_ptr<Sidecar> sidecar_;
  std::unique_ptr<Attached> attached_;  // null: the supervisor runs the program
  std::unique_ptr<Failover> failover_;
  std::unique_ptr<HealthCheck> health_;
  std::unique_ptr<Probes> probes_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stop_asked_{false};
  std::atomic<bool> failed_{false};
  std::thread settling_;
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
  Sources sources(config.sources, (*node)->intake(), SystemClock::forHolder());
  if (const Status started = sources.start(); !started) return fail(started);
  const int code = Inner(config, **node, watch, sources).run();
  // With the program's last words; the node keeps them as it ends.
  sources.stop();
  return code;
}

}  // namespace muster::agent
