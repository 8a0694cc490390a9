// The nodes' half of the simulated group, and the network.
#include "tests/libcontrol/election/sim_cluster.h"

#include <cstdio>

namespace muster::election {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

constexpr double kRateBound = 0.01;

}  // namespace

Cluster::Cluster(uint64_t seed, bool with_timeline)
    : dice(seed), with_timeline_(with_timeline), nonces_(seed ^ 0x5bd1e995u) {
  result.seed = seed;
  static constexpr int kTtls[] = {1000, 1500, 2000, 3000, 5000};
  config.name = "storage";
  config.lease_ttl = Duration::millis(kTtls[dice.below(5)]);
  config.clock_rate_bound = kRateBound;
  config.wait_margin = Duration::millis(5);
  config.drain_deadline = dice.millis(1500, 6000);
  config.offer_timeout = dice.millis(500, 2000);
  config.promote_timeout = Duration::seconds(8);
  config.backoff_last = Duration::seconds(4);
  loss = dice.chance(0.3) ? 0 : dice.between(0, 0.25);
  disk_record_.group = config.name;
  coordinator_.rate = dice.between(1 - kRateBound, 1 + kRateBound);
  for (const char* name : {"n1", "n2", "n3", "n1"}) {
    auto node = std::make_unique<SimNode>();
    node->is_twin = nodes.size() == 3;
    node->name = name;
    node->bare = Jid::parse(std::string(name) + "@example.org").value();
    node->process.rate = dice.between(1 - kRateBound, 1 + kRateBound);
    if (node->is_twin) node->name = "twin";
    nodes.push_back(std::move(node));
  }
}

void Cluster::say(const std::string& line) {
  if (!with_timeline_) return;
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%9.3f  ", static_cast<double>(agenda.now().ns) * 1e-9);
  result.timeline.push_back(stamp + line);
}

// --- the network ------------------------------------------------------------------------------

void Cluster::transmit(SimNode& node, bool to_coordinator, Action deliver) {
  int copies = 1;
  if (stormy) {
    if (node.partitioned) return;
    if (dice.chance(loss)) return note(Fault::kLoss);
    if (dice.chance(0.03)) {
      note(Fault::kDuplicate);
      copies = 2;
    }
  }
  const uint64_t sequence = ++sent_;
  for (; copies > 0; --copies) {
    Duration delay{static_cast<int64_t>(500'000 + dice.below(20'000'000))};
    if (stormy && dice.chance(0.015)) {
      note(Fault::kLongDelay);
      delay = dice.millis(300, 9000);
    }
    agenda.after(delay, [this, deliver, sequence, direction = to_coordinator ? 1 : 0] {
      uint64_t& latest = latest_delivered_[direction];
      if (sequence < latest) note(Fault::kReorder);
      latest = std::max(latest, sequence);
      deliver();
    });
  }
}

void Cluster::toCoordinator(SimNode& node, group::Event event) {
  if (!node.process.linked) return;
  transmit(node, true, [this, event = std::move(event)] { giveGroup(event); });
}

void Cluster::dropLink(SimNode& node, Duration down) {
  note(Fault::kLinkDrop);
  say(node.name + " loses its connection");
  node.process.linked = false;
  ++node.process.link;
  giveNode(node, node::LinkDown{});
  if (dice.chance(0.5)) unavailable(node, false);
  agenda.after(down, [this, &node, life = node.process.life, link = node.process.link] {
    if (node.process.life == life && node.process.link == link) linkUp(node);
  });
}

void Cluster::linkUp(SimNode& node) {
  if (!node.process.up) return;
  node.process.linked = true;
  giveNode(node, node::LinkUp{});
  sendPresence(node);
}

group::MemberPresent Cluster::presenceOf(const SimNode& node) const {
  group::MemberPresent presence;
  presence.jid = node.full();
  presence.instance = node.instance;
  presence.level_percent = 100;
  presence.highest_epoch = node.disk_epoch;
  if (node.machine->role() == node::Role::kActive)
    presence.active_epoch = node.machine->heldEpoch();
  return presence;
}

void Cluster::sendPresence(SimNode& node) {
  toCoordinator(node, presenceOf(node));
}

// The server's word that a session ended, which may come late.
void Cluster::unavailable(SimNode& node, bool gone_for_good) {
  Duration delay = dice.millis(5, 100);
  if (gone_for_good && stormy && dice.chance(0.4)) {
    note(Fault::kGhostPresence);
    delay = dice.millis(1000, 10000);
    ghosts_[node.full()] = presenceOf(node);
  }
  agenda.after(delay, [this, full = node.full()] {
    ghosts_.erase(full);
    giveGroup(group::MemberGone{full});
  });
}

// --- the node's process -----------------------------------------------------------------------

void Cluster::startNode(SimNode& node) {
  if (node.process.up) return;
  node.process.start(dice);
  node.instance = Id128::make(nonces_);
  NodeConfig node_config;
  node_config.group = config.name;
  node_config.instance = node.instance;
  node_config.demote_timeout = Duration::seconds(4);
  node.machine.emplace(node_config, node.disk_epoch, nonces_);
  node.wake.reset();
  if (recording()) say(node.name + " starts as " + node.full().resource());
  agenda.after(dice.millis(20, 300), [this, &node, life = node.process.life] {
    if (node.process.life == life) linkUp(node);
  });
  heartbeat(node);
}

// Presence is sent again now and then, as the coordinator's probes would bring it about.
void Cluster::heartbeat(SimNode& node) {
  agenda.after(Duration::seconds(2), [this, &node, life = node.process.life] {
    if (!node.process.up || node.process.life != life) return;
    if (!node.process.paused) sendPresence(node);
    heartbeat(node);
  });
}

void Cluster::crashNode(SimNode& node, const std::string& why) {
  if (!node.process.up) return;
  if (recording()) say(node.name + " is gone: " + why);
  if (node.writing) {
    const bool kept = dice.chance(0.5);
    note(kept ? Fault::kWriteKept : Fault::kWriteLost);
    if (kept) node.disk_epoch = *node.writing;
    node.writing.reset();
  }
  unavailable(node, true);
  node.process.crash();
  node.app_active = false;
  node.lease_epoch = 0;
  invariants.processGone(node.holder());
  if (node.is_twin) return;
  agenda.after(stormy ? dice.millis(200, 8000) : dice.millis(200, 1000),
               [this, &node] { startNode(node); });
}

void Cluster::shutdownNode(SimNode& node) {
  if (!node.process.up) return;
  note(Fault::kShutdown);
  say(node.name + " is asked to shut down");
  giveNode(node, node::ShutdownRequested{});
}

void Cluster::pause(Process& process, Duration length, SimNode* node) {
  if (!process.up || process.paused) return;
  process.paused = true;
  note(node ? Fault::kPause : Fault::kCoordinatorPause);
  if (recording()) {
    say((node ? node->name : "coordinator") + " is paused for " +
        std::to_string(length.toMillis()) + " ms");
  }
  agenda.after(length, [this, &process, node, length, life = process.life] {
    if (!process.up || process.life != life) return;
    if (node && length > limits::kMaxLoopGap) {
      note(Fault::kLoopGap);
      process.runFirst([this, node, length] { stepNode(*node, node::LoopGap{length}); });
    }
    process.resume();
  });
}

void Cluster::giveNode(SimNode& node, node::Event event) {
  node.process.run([this, &node, event = std::move(event)] { stepNode(node, event); });
}

void Cluster::stepNode(SimNode& node, const node::Event& event) {
  ++result.steps;
  NodeMachine next = *node.machine;
  node::Effects effects = next.step(event, node.process.local(agenda.now()));
  if (!effects.empty() && std::holds_alternative<node::Persist>(effects.front())) {
    persistNode(node, std::move(next), std::move(effects));
    return;
  }
  node.machine = std::move(next);
  carryOut(node, effects);
  settleNode(node);
}

void Cluster::persistNode(SimNode& node, NodeMachine next, node::Effects effects) {
  node.process.busy = true;
  node.writing = std::get<node::Persist>(effects.front()).highest_epoch;
  const Duration delay = diskDelay();
  if (stormy && dice.chance(0.03)) {
    agenda.after(delay / 2, [this, &node, life = node.process.life] {
      if (node.process.life == life) crashNode(node, "crash during a write");
    });
  }
  agenda.after(delay, [this, &node, life = node.process.life,
                       machine = std::make_shared<NodeMachine>(std::move(next)),
                       effects = std::move(effects)] {
    if (!node.process.up || node.process.life != life) return;
    node.process.diskDone([this, &node, machine, effects] {
      node.process.busy = false;
      const uint64_t epoch = *node.writing;
      node.writing.reset();
      if (stormy && dice.chance(0.03)) {
        note(Fault::kWriteFailed);
        say(node.name + "'s write failed");
      } else {
        invariants.nodeEpochWritten(node.name, node.disk_epoch, epoch);
        node.disk_epoch = epoch;
        node.machine = *machine;
        carryOut(node, effects);
        settleNode(node);
      }
      node.process.drainWaiting();
    });
  });
}

// After every step: is what the node believes true, when is it to be woken, may it end?
void Cluster::settleNode(SimNode& node) {
  if (!node.process.up) return;
  checkUse(node);
  if (node.machine->isStopped()) {
    crashNode(node, "shut down in order");
    return;
  }
  scheduleNodeWake(node);
}

void Cluster::checkUse(SimNode& node) {
  const uint64_t held = node.machine->heldEpoch();
  if (held == 0 || node.process.local(agenda.now()) >= node.machine->useUntil()) return;
  invariants.used(node.holder(), held, agenda.now());
}

void Cluster::scheduleNodeWake(SimNode& node) {
  const std::optional<ElapsedTime> wake = node.machine->nextWake();
  if (!wake || wake == node.wake) return;
  node.wake = wake;
  agenda.at(node.process.real(*wake), [this, &node, wake, life = node.process.life] {
    if (!node.process.up || node.process.life != life || node.wake != wake) return;
    node.wake.reset();
    giveNode(node, node::Tick{});
  });
}

void Cluster::requestSent(SimNode& node, uint64_t nonce) {
  requests_[nonce] = {node.holder(), agenda.now(), &node.process};
}

void Cluster::carryOut(SimNode& node, const node::Effects& effects) {
  const uint64_t life = node.process.life;
  for (const node::Effect& effect : effects) {
    if (!node.process.up || node.process.life != life) return;
    std::visit(
        Overloaded{
            [](const node::Persist&) {},
            [&](const node::SendAcquire& e) {
              invariants.acquiring(node.name, e.message.epoch, node.disk_epoch);
              requestSent(node, e.message.request_nonce);
              tokens_[next_token_] = {&node, node.process.life, node.full()};
              toCoordinator(node, group::AcquireReceived{node.full(), next_token_++, e.message});
            },
            [&](const node::SendRenew& e) {
              requestSent(node, e.message.request_nonce);
              tokens_[next_token_] = {&node, node.process.life, node.full()};
              toCoordinator(node, group::RenewReceived{node.full(), next_token_++, e.message});
            },
            [&](const node::SendRelease& e) {
              if (recording())
                say(node.name + " releases epoch " + std::to_string(e.message.epoch));
              invariants.givenUp(node.holder(), e.message.epoch);
              toCoordinator(node, group::ReleaseReceived{node.full(), 0, e.message});
            },
            [&](const node::Reply& e) {
              const DrainToken token = node_tokens_[e.token];
              node_tokens_.erase(e.token);
              group::Event event = group::Tick{};
              if (const auto* drained = std::get_if<Drained>(&e.message)) {
                if (recording()) say(node.name + " has drained " + std::to_string(drained->epoch));
                invariants.givenUp(node.holder(), drained->epoch);
                event = group::DrainedReceived{node.full(), *drained};
              } else if (const auto* denied = std::get_if<Denied>(&e.message)) {
                if (recording()) say(node.name + " declines: " + denied->reason);
                note(Fault::kDeclined);
                event = group::OfferDeclined{node.full(), token.offer_nonce, *denied};
              } else {
                event = group::OfferAccepted{node.full(), token.offer_nonce};
              }
              // A restarted coordinator doesn't know the request that this answers.
              if (coordinator_.life == token.coordinator_life) toCoordinator(node, event);
            },
            [&](const node::Promote& e) { promote(node, e); },
            [&](const node::Demote& e) { demote(node, e); },
            [&](const node::LeaseExtended& e) {
              node.lease_epoch = e.epoch;
              node.lease_deadline = e.deadline;
            },
            [&](const node::LeaseOver&) { node.lease_epoch = 0; },
            [&](const node::Kill& e) { kill(node, e.why); },
            [&](const node::DropLink&) { dropLink(node, dice.millis(100, 1500)); },
            [&](const node::RoleChanged& e) {
              if (recording()) {
                static constexpr const char* kRoles[] = {"standby", "starting", "active",
                                                         "draining"};
                say(node.name + " is " + kRoles[static_cast<int>(e.role)] + ", holds epoch " +
                    std::to_string(e.epoch));
              }
              sendPresence(node);
            },
        },
        effect);
  }
}

void Cluster::kill(SimNode& node, const std::string& why) {
  note(Fault::kKill);
  crashNode(node, why);
}

Duration Cluster::diskDelay() {
  return stormy && dice.chance(0.05) ? dice.millis(100, 900) : dice.millis(0, 8);
}

// --- the application --------------------------------------------------------------------------

void Cluster::promote(SimNode& node, const node::Promote& effect) {
  const uint64_t life = node.process.life;
  const uint64_t epoch = effect.epoch;
  Duration takes = dice.millis(1, 100);
  if (stormy && dice.chance(0.15)) {
    note(Fault::kSlowPromote);
    takes = dice.millis(500, 7000);
  }
  const bool fails = stormy && dice.chance(0.1);
  if (fails) note(Fault::kPromoteFailed);
  const auto done = [this, &node, life, epoch](Status status) {
    node.process.run([this, &node, life, epoch, status] {
      if (node.process.life != life) return;
      if (recording() && !status) say(node.name + " could not be promoted: " + status.text());
      node.app_active = status.isOk();
      stepNode(node, node::PromoteFinished{epoch, status});
      if (status) scheduleWrite(node);
    });
  };
  agenda.after(dice.millis(0, 15), [this, &node, life, epoch, takes, fails, done] {
    node.process.run([this, &node, life, epoch, takes, fails, done] {
      if (node.process.life != life) return;
      if (!resource_.claim(epoch, node.instance)) {
        note(Fault::kTokenRefused);
        done({Code::kConflict, "a higher token was here before"});
        return;
      }
      invariants.accepted(node.holder(), epoch);
      agenda.after(takes, [done, fails] {
        done(fails ? Status(Code::kInternal, "it does not start") : Status::ok());
      });
    });
  });
}

void Cluster::demote(SimNode& node, const node::Demote& effect) {
  Duration takes = dice.millis(1, 80);
  if (stormy && dice.chance(0.2)) {
    note(Fault::kSlowDemote);
    takes = dice.millis(300, 5000);
  } else if (stormy && dice.chance(0.06)) {
    note(Fault::kHungDemote);
    say(node.name + "'s application hangs in on_demote");
    return;
  }
  agenda.after(takes, [this, &node, life = node.process.life, epoch = effect.epoch] {
    node.process.run([this, &node, life, epoch] {
      if (node.process.life != life) return;
      node.app_active = false;
      stepNode(node, node::DemoteFinished{epoch});
    });
  });
}

void Cluster::scheduleWrite(SimNode& node) {
  agenda.after(dice.millis(300, 900), [this, &node, life = node.process.life] {
    node.process.run([this, &node, life] {
      if (node.process.life != life || !node.app_active) return;
      tryWrite(node);
      scheduleWrite(node);
    });
  });
}

// The application asks its Lease, then writes a little later: what stands between is why the
// resource checks the token too.
void Cluster::tryWrite(SimNode& node) {
  const uint64_t epoch = node.lease_epoch;
  if (epoch == 0 || node.process.local(agenda.now()) >= node.lease_deadline) return;
  invariants.used(node.holder(), epoch, agenda.now());
  if (stormy && dice.chance(0.01)) pause(node.process, dice.millis(1000, 12000), &node);
  agenda.after(dice.millis(0, 30), [this, &node, epoch, life = node.process.life] {
    node.process.run([this, &node, epoch, life] {
      if (node.process.life != life) return;
      if (resource_.check(epoch, node.instance)) {
        invariants.accepted(node.holder(), epoch);
      } else {
        note(Fault::kTokenRefused);
      }
    });
  });
}

}  // namespace muster::election
