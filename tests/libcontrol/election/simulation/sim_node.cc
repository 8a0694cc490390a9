// The node's process and its driver.
#include "tests/libcontrol/election/simulation/sim_node.h"

#include <memory>

#include "tests/libcontrol/election/simulation/sim_network.h"

namespace muster::election {
namespace {

constexpr const char* kRoles[] = {"standby", "starting", "active", "draining"};
// By then the tick that is due at a lease's end has come: timers are late, not lost.
constexpr Duration kTimerSlack = Duration::millis(20);

}  // namespace

SimNode::SimNode(Run& run, Network& network, Resource& resource, std::vector<Jid> coordinators,
                 const char* called, uint32_t number, bool is_twin)
    : name(called),
      bare(Jid::parse(name + "@example.org").value()),
      wire(run, kOfNodes + 2 * number),
      addresses(std::move(coordinators)),
      is_twin_(is_twin),
      run_(run),
      fate_(run, kOfNodes + 2 * number + 1),
      network_(network),
      resource_(resource) {
  process.clock.setRate({}, run.dice.between(1 - kRateBound, 1 + kRateBound));
}

void SimNode::start() {
  if (process.up || torn_) return;
  process.start(run_.now(), fate_);
  instance_ = Id128::make(run_.nonces);
  full_ = bare.withResource(nodeResource(instance_));
  NodeConfig config;
  config.group = run_.config.name;
  config.instance = instance_;
  config.demote_timeout = Duration::seconds(4);
  machine_.emplace(config, disk_.content(), run_.nonces);
  wake_.reset();
  lease_ends_.clear();
  watched_ = application_gone_ = false;
  if (drained_) give(node::OffersDeclined{"drained"});
  if (run_.recording()) run_.say(name + " starts as " + full_.resource());
  run_.agenda.after(fate_.millis(20, 300), [this, life = process.life] {
    if (process.life == life) network_.login(*this);
  });
  heartbeat();
}

void SimNode::restartLater() {
  if (is_twin_) return;
  run_.agenda.after(run_.stormy ? fate_.millis(200, 8000) : fate_.millis(200, 1000),
                    [this] { start(); });
}

// Presence is sent again now and then, as the coordinator's probes would bring it about.
void SimNode::heartbeat() {
  run_.agenda.after(Duration::seconds(2), [this, life = process.life] {
    if (!process.up || process.life != life) return;
    if (!process.paused) network_.sendPresence(*this);
    heartbeat();
  });
}

group::MemberPresent SimNode::presence() const {
  group::MemberPresent presence;
  presence.jid = full_;
  presence.instance = instance_;
  presence.level_percent = level_;
  presence.drained = drained_;
  presence.highest_epoch = run_.keeps(Rule::kEpochReported) ? diskEpoch() : 0;
  presence.lease_ttl = machine_->lastLeaseTtl();
  if (machine_->role() == node::Role::kActive) presence.active_epoch = machine_->heldEpoch();
  presence.busy = machine_->role() != node::Role::kStandby;
  return presence;
}

void SimNode::crash(const std::string& why) {
  if (!process.up) return;
  if (run_.recording()) run_.say(name + " is gone: " + why);
  crashDisk();
  network_.processGone(*this);
  process.crash();
  applicationEnds();
  run_.invariants.processGone(holder());
  restartLater();
}

void SimNode::crashDisk() {
  if (!disk_.writing()) return;
  switch (fate_.below(run_.stormy ? 4 : 2)) {
    case 0:
    case 1:
      run_.note(Fault::kWriteLost);
      return disk_.abandon();
    case 2:
      run_.note(Fault::kWriteKept);
      run_.invariants.nodeEpochWritten(name, diskEpoch(), disk_.writing()->highest_epoch);
      return disk_.finish();
    default:
      break;
  }
  // Cut short, and its checksum tells: nobody knows the highest epoch that was here.
  run_.say(name + "'s state is torn");
  torn_ = true;
  disk_.abandon();
  run_.agenda.after(fate_.millis(1000, 15000), [this] { removeTornState(); });
}

void SimNode::removeTornState() {
  if (!torn_) return;
  run_.note(Fault::kNodeStateTorn);
  run_.say("somebody removes the torn state of " + name);
  torn_ = false;
  disk_.replace({});
  if (!is_twin_) start();
}

void SimNode::crashBriefly(bool disk_lost) {
  if (run_.promises_unknown) disk_lost = false;
  crash(disk_lost ? "its disk is lost" : "crash");
  if (disk_lost) disk_.replace({});
  run_.agenda.after(fate_.millis(50, 1000), [this] { start(); });
}

void SimNode::shutdown() {
  if (!process.up) return;
  run_.note(Fault::kShutdown);
  run_.say(name + " is asked to shut down");
  give(node::ShutdownRequested{});
}

void SimNode::pause(Duration length) {
  if (!process.up || process.paused) return;
  run_.note(length > limits::kMaxLoopGap ? Fault::kLoopGap : Fault::kPause);
  stall(length, false);
}

void SimNode::suspend(Duration length) {
  if (!process.up || process.paused) return;
  run_.note(Fault::kSuspend);
  stall(length, true);
}

void SimNode::stall(Duration length, bool suspended) {
  process.paused = true;
  suspended_ = suspended;
  stalled_at_ = run_.now();
  if (run_.recording()) {
    run_.say(name + (suspended ? " is suspended for " : " is paused for ") +
             std::to_string(length.toMillis()) + " ms");
  }
  run_.agenda.after(length, [this, since = stalled_at_, life = process.life] {
    if (process.life == life && stalled_at_ == since) wake();
  });
}

// What it has missed is old by now; the loop notices the gap before it reads it.
void SimNode::wake() {
  if (!process.up || !process.paused) return;
  const Duration after = run_.now() - stalled_at_;
  if (after > limits::kMaxLoopGap) {
    process.runFirst([this, after] {
      const uint64_t link = process.link;
      step(node::LoopGap{after});
      if (process.link == link) run_.fail(name + " goes on reading what came before a gap");
    });
  } else if (suspended_) {
    // A timer that runs by a clock that stood still fires that much later.
    const uint64_t life = process.life;
    wake_.reset();
    timers_late_until_ = run_.now() + after + kTimerSlack;
    run_.agenda.after(after, [this, life] {
      if (process.up && process.life == life) give(node::Tick{});
    });
  }
  const bool application_first = fate_.chance(0.5);
  if (application_first && process.applicationWaits()) run_.note(Fault::kApplicationWokeFirst);
  process.resume(application_first);
}

void SimNode::slew(double rate) {
  process.clock.setRate(run_.now(), rate);
  for (const LeaseEnd& end : lease_ends_) {
    run_.invariants.leaseEndMoved(holder(), end.epoch, process.clock.whenItShows(end.granted),
                                  process.clock.whenItShows(end.promised));
  }
  if (!process.up) return;
  wake_.reset();
  scheduleWake();
}

void SimNode::fillDisk(Duration length) {
  disk_full_until_ = run_.now() + length;
}

ElapsedTime SimNode::leaseUntil(uint64_t epoch, ElapsedTime end) {
  LeaseEnd& known = endOf(epoch);
  known.granted = std::max(known.granted, end);
  return process.clock.whenItShows(end);
}

SimNode::LeaseEnd& SimNode::endOf(uint64_t epoch) {
  if (lease_ends_.empty() || lease_ends_.back().epoch != epoch) {
    lease_ends_.push_back({epoch, {}, {}});
  }
  return lease_ends_.back();
}

// --- the driver -------------------------------------------------------------------------------

void SimNode::give(node::Event event) {
  process.run([this, event = std::move(event)] { step(event); });
}

// A denial of what it asked for ends the use of the lease at once, but for an orderly stop.
void SimNode::denied(const Denied& message) {
  const bool stops = machine_->role() == node::Role::kDraining;
  step(node::DeniedReceived{message});
  if (!process.up || stops || latest_asked_ != message.request_nonce) return;
  if (usableEpoch() != 0) run_.fail(name + " goes on using a lease whose renewal was denied");
}

void SimNode::step(const node::Event& event) {
  ++run_.result.steps;
  NodeMachine next = *machine_;
  node::Effects effects = next.step(event, process.clock.at(run_.now()));
  if (!effects.empty() && std::holds_alternative<node::Persist>(effects.front())) {
    return persist(std::move(next), std::move(effects));
  }
  machine_ = std::move(next);
  carryOut(effects);
  settle();
}

void SimNode::persist(NodeMachine next, node::Effects effects) {
  process.busy = true;
  disk_.begin(std::get<node::Persist>(effects.front()));
  run_.moment(fate_);
  const Duration delay = run_.diskDelay(fate_);
  if (fate_.mishap(run_.profile.crash_in_write)) {
    run_.agenda.after(delay / 2, [this, life = process.life] {
      if (process.life == life) crash("crash during a write");
    });
  }
  run_.agenda.after(
      delay, [this, life = process.life, machine = std::make_shared<NodeMachine>(std::move(next)),
              to_do = std::make_shared<node::Effects>(std::move(effects))] {
        if (!process.up || process.life != life) return;
        process.answered([this, machine, to_do] { written(*machine, *to_do); });
      });
}

void SimNode::written(const NodeMachine& next, const node::Effects& effects) {
  process.busy = false;
  const bool full = run_.stormy && run_.now() < disk_full_until_;
  if (full || fate_.mishap(run_.profile.write_fails)) {
    run_.note(full ? Fault::kDiskFull : Fault::kWriteFailed);
    run_.say(name + "'s write failed");
    disk_.abandon();
    scheduleWake();
  } else {
    run_.invariants.nodeEpochWritten(name, diskEpoch(), disk_.writing()->highest_epoch);
    disk_.finish();
    machine_ = next;
    carryOut(effects);
    settle();
  }
  process.drainLoop();
}

// After every step: is what the node believes true, when is it to be woken, may it end?
void SimNode::settle() {
  if (!process.up) return;
  const uint64_t held = machine_->heldEpoch();
  if (held != 0 && process.clock.at(run_.now()) < machine_->useUntil()) {
    run_.invariants.used(holder(), held, run_.now());
  }
  if (machine_->isStopped()) return crash("shut down in order");
  scheduleWake();
}

void SimNode::scheduleWake() {
  const std::optional<ElapsedTime> wake = machine_->nextWake();
  if (!wake || wake == wake_) return;
  wake_ = wake;
  // Timers are never early and mostly a little late.
  const Duration late{static_cast<int64_t>(fate_.below(2'000'000))};
  run_.agenda.at(process.clock.whenItShows(*wake) + late, [this, wake, life = process.life] {
    if (!process.up || process.life != life || wake_ != wake) return;
    wake_.reset();
    give(node::Tick{});
  });
}

void SimNode::carryOut(const node::Effects& effects) {
  const uint64_t life = process.life;
  for (const node::Effect& effect : effects) {
    if (!process.up || process.life != life) return;
    carryOut(effect);
  }
}

void SimNode::carryOut(const node::Effect& effect) {
  std::visit(Overloaded{
                 [](const node::Persist&) {},
                 [this](const node::SendAcquire& e) {
                   run_.invariants.acquiring(name, e.message.epoch, diskEpoch());
                   run_.invariants.asking(holder(), e.message.epoch);
                   network_.ask(*this, e.message);
                   run_.moment(fate_);
                 },
                 [this](const node::SendRenew& e) {
                   latest_asked_ = e.message.request_nonce;
                   run_.invariants.asking(holder(), e.message.epoch);
                   network_.ask(*this, e.message);
                 },
                 [this](const node::SendRelease& e) {
                   if (run_.recording())
                     run_.say(name + " releases epoch " + std::to_string(e.message.epoch));
                   stopped(e.message.epoch);
                   network_.release(*this, e.message);
                 },
                 [this](const node::Reply& e) {
                   if (const auto* drained = std::get_if<Drained>(&e.message))
                     stopped(drained->epoch);
                   network_.nodeReplies(*this, e);
                 },
                 [this](const node::AskPromise& e) { network_.askPromise(*this, e); },
                 [this](const node::FailsafeChanged& e) {
                   run_.note(e.on ? Fault::kFailsafeBegun : Fault::kFailsafeEnded);
                   if (run_.recording()) run_.say(name + ": " + e.text);
                 },
                 [this](const node::Promote& e) { promote(e); },
                 [this](const node::Demote& e) { demote(e); },
                 [this](const node::LeaseExtended& e) { extend(e); },
                 [this](const node::LeaseOver&) { lease_epoch_ = 0; },
                 [this](const node::Kill& e) {
                   run_.note(Fault::kKill);
                   crash(e.why);
                 },
                 [this](const node::DropLink&) {
                   latest_asked_ = 0;
                   network_.dropLink(*this, fate_.millis(100, 1500));
                 },
                 [this](const node::RoleChanged& e) {
                   if (run_.recording()) {
                     run_.say(name + " is " + kRoles[static_cast<int>(e.role)] + ", holds epoch " +
                              std::to_string(e.epoch));
                   }
                   network_.sendPresence(*this);
                 },
             },
             effect);
}

// It says that nothing runs under this epoch any more.
void SimNode::stopped(uint64_t epoch) {
  run_.invariants.givenUp(holder(), epoch, applicationRuns() && application_epoch_ == epoch);
}

void SimNode::extend(const node::LeaseExtended& effect) {
  run_.invariants.published(holder(), effect.deadline, effect.end,
                            machine_->lastLeaseTtl().value_or(kLongestTtl));
  if (machine_->isFailsafe()) {
    endOf(effect.epoch).promised = effect.end;
    run_.invariants.promised(holder(), effect.epoch, process.clock.whenItShows(effect.end));
  } else {
    latest_asked_ = 0;  // its answer may be on its way twice, and the second one be different
  }
  lease_epoch_ = effect.epoch;
  lease_deadline_ = effect.deadline;
  lease_end_ = effect.end;
  if (!watched_) watchEnd();
  watchDeadline();
}

// Whoever may not act under its lease any more is told to stop, unless everything stands still.
void SimNode::watchDeadline() {
  const ElapsedTime deadline = lease_deadline_;
  run_.agenda.at(
      std::max(process.clock.whenItShows(deadline), run_.now()) + kTimerSlack,
      [this, deadline, life = application_life_] {
        const bool over = application_life_ == life && lease_deadline_ == deadline &&
                          process.clock.at(run_.now()) >= deadline + kTimerSlack / 2;
        const bool stands = process.paused || process.busy || run_.now() < timers_late_until_;
        if (!process.up || !over || stands || !application_active_ || callback_runs_) return;
        run_.fail(name + "'s application is not told to stop when its lease may not be used");
      });
}

// Whoever has not stopped when the lease ends is killed, unless everything stands still.
void SimNode::watchEnd() {
  watched_ = true;
  const ElapsedTime end = std::max(process.clock.whenItShows(lease_end_), run_.now());
  run_.agenda.at(end + kTimerSlack, [this, life = process.life] {
    if (process.life != life) return;
    watched_ = false;
    if (!process.up || !applicationRuns()) return;
    const bool over = process.clock.at(run_.now()) >= lease_end_ + kTimerSlack / 2;
    const bool stands = process.paused || process.busy || run_.now() < timers_late_until_;
    if (over && !stands) return run_.fail(name + "'s application runs on after its lease");
    watchEnd();
  });
}

}  // namespace muster::election
