#include "tests/libcontrol/election/simulation/sim_coordinator.h"

#include "tests/libcontrol/election/simulation/sim_network.h"
#include "tests/libcontrol/election/simulation/sim_operators.h"

namespace muster::election {

void SimCoordinator::start() {
  if (process.up) return;
  process.start(run_.now(), fate_);
  if (run_.stormy && run_.profile.lengths_change && fate_.chance(0.5)) {
    run_.note(Fault::kLengthChanged);
    run_.config.lease_ttl = anyTtl(fate_);
  }
  const Store& store = disk_.content();
  if (run_.recording()) {
    run_.say(std::string("coordinator starts from ") + phaseName(store.record.phase) + " " +
             std::to_string(store.record.epoch));
  }
  if (store.record.move) run_.note(Fault::kMoveResumed);
  machine_.emplace(run_.config, store.record, run_.nonces, clock(),
                   std::vector<group::KnownMove>(store.known.begin(), store.known.end()));
  wake_.reset();
  present_.clear();
  undo_ = nullptr;
  last_grant_ = clock();
  judged_ = {clock(), clock(), clock(), {}, {}, {}, {}, 0, {}, false};
  heard_.clear();
  let_go_.clear();
  crash_hold_until_.reset();
  for (const auto& [jid, member] : members_) give(member);
  if (isGroupPaused()) givePause();
  scheduleWake();
  run_.agenda.after(fate_.millis(10, 200), [this, life = process.life] {
    if (process.life == life) process.run([this] { linkUp(); });
  });
}

void SimCoordinator::linkUp() {
  if (process.linked) return;
  if (run_.now() < network_.serverUpAt()) {
    run_.agenda.at(network_.serverUpAt(), [this, life = process.life] {
      if (process.life == life) process.run([this] { linkUp(); });
    });
    return;
  }
  process.linked = true;
  network_.probe();
}

// What is not received any more can't be relied upon: everybody counts as gone until probed.
void SimCoordinator::loseLink(Duration down) {
  if (!process.linked) return;
  run_.note(Fault::kCoordinatorLinkDrop);
  run_.say("coordinator loses its connection");
  process.linked = false;
  ++process.link;
  process.run([this] {
    for (const auto& [full, facts] : std::map(present_)) {
      process.run([this, gone = group::MemberGone{full}] {
        know(gone);
        step(gone);
      });
    }
  });
  run_.agenda.after(down, [this, life = process.life, link = process.link] {
    process.run([this, life, link] {
      if (process.life == life && process.link == link) linkUp();
    });
  });
}

void SimCoordinator::crash() {
  if (!process.up) return;
  run_.say("coordinator crashes");
  run_.note(Fault::kCoordinatorCrash);
  if (disk_.writing()) {
    switch (fate_.below(3)) {
      case 0:
        run_.note(Fault::kWriteLost);
        disk_.abandon();
        break;
      case 1:
        run_.note(Fault::kWriteTorn);  // a journal that is cut short is rolled back
        disk_.abandon();
        break;
      default:
        run_.note(Fault::kWriteKept);
        finishWrite();
    }
  }
  process.crash();
  operators_->coordinatorGone();
}

void SimCoordinator::restart() {
  if (!process.up) return;
  crash();
  run_.agenda.after(fate_.millis(50, 5000), [this] { start(); });
}

void SimCoordinator::backUp() {
  if (!disk().move) copy_ = disk_.content();
}

// Somebody wipes the machine, or brings an old copy back; whoever is configured is enrolled again.
void SimCoordinator::loseStore(bool restored) {
  if (!process.up || (restored && !copy_)) return;
  run_.note(restored ? Fault::kStoreRestored : Fault::kStoreLost);
  crash();
  run_.say(restored ? "an old copy of the coordinator's store is restored"
                    : "the coordinator's store is lost");
  disk_.replace(restored ? *copy_ : Store{});
  run_.invariants.storeReplaced();
  operators_->storeReplaced();
  run_.agenda.after(fate_.millis(50, 5000), [this] {
    start();
    operators_->enrollAll();
  });
}

void SimCoordinator::pause(Duration length) {
  if (!process.up || process.paused) return;
  run_.note(length > limits::kMaxLoopGap ? Fault::kCoordinatorGap : Fault::kCoordinatorPause);
  stall(length, false);
}

void SimCoordinator::suspend(Duration length) {
  if (!process.up || process.paused) return;
  run_.note(Fault::kCoordinatorSuspend);
  stall(length, true);
}

void SimCoordinator::stall(Duration length, bool suspended) {
  process.paused = true;
  suspended_ = suspended;
  stalled_at_ = run_.now();
  stalled_clock_ = clock();
  if (run_.recording()) {
    run_.say(std::string("coordinator is ") + (suspended ? "suspended for " : "paused for ") +
             std::to_string(length.toMillis()) + " ms");
  }
  run_.agenda.after(length, [this, since = stalled_at_, life = process.life] {
    if (process.life == life && stalled_at_ == since) wake();
  });
}

// A driver drops its link after a gap before it handles what had come over it. That is for the sake
// of operators' commands; the lease protocol must bear old input as well.
void SimCoordinator::wake() {
  if (!process.up || !process.paused) return;
  const Duration after = run_.now() - stalled_at_;
  if (suspended_) {
    process.clock.set(run_.now(), stalled_clock_);
    wake_.reset();
  }
  if (after > limits::kMaxLoopGap && fate_.chance(0.5)) {
    process.runFirst([this] { loseLink(fate_.millis(50, 1500)); });
  }
  process.resume(false);
  if (process.up && !process.busy) scheduleWake();
}

void SimCoordinator::slew(double rate) {
  process.clock.setRate(run_.now(), rate);
  if (!process.up) return;
  wake_.reset();
  scheduleWake();
}

// --- what reaches it --------------------------------------------------------------------------

void SimCoordinator::receive(group::Event stanza) {
  if (!process.linked) return;
  process.run([this, stanza = std::move(stanza), link = process.link] {
    if (process.link != link) return;
    know(stanza);
    step(stanza);
  });
}

void SimCoordinator::know(const group::Event& event) {
  if (const auto* present = std::get_if<group::MemberPresent>(&event)) {
    tell(present->jid, *present);
  } else if (const auto* gone = std::get_if<group::MemberGone>(&event)) {
    tell(gone->jid, std::nullopt);
  } else {
    std::visit(Overloaded{
                   [](const auto&) {},
                   [this](const group::QueryAnswered& e) { hear(e.jid); },
                   [this](const group::AcquireReceived& e) { hear(e.from); },
                   [this](const group::RenewReceived& e) { hear(e.from); },
                   [this](const group::ReleaseReceived& e) { hear(e.from); },
                   [this](const group::OfferAccepted& e) { hear(e.from); },
                   [this](const group::OfferDeclined& e) { hear(e.from); },
                   [this](const group::DrainedReceived& e) { hear(e.from); },
               },
               event);
  }
}

void SimCoordinator::hear(const Jid& full) {
  const auto heard = heard_.find(full);
  const ElapsedTime before = heard == heard_.end() ? ElapsedTime{} : heard->second;
  heard_[full] = clock();
  undo_ = [this, full, before] { heard_[full] = before; };
}

void SimCoordinator::tell(const Jid& full, std::optional<group::MemberPresent> facts) {
  const auto known = present_.find(full);
  std::optional<group::MemberPresent> before;
  if (known != present_.end()) before = known->second;
  undo_ = [this, full, before] { tell(full, before); };
  if (facts) {
    present_.insert_or_assign(full, *facts);
  } else {
    present_.erase(full);
  }
}

void SimCoordinator::give(group::Event event) {
  process.run([this, event = std::move(event)] { step(event); });
}

void SimCoordinator::enroll(const group::MemberEnrolled& member) {
  process.run([this, member] { change(member.jid, member); });
}

void SimCoordinator::remove(const Jid& jid) {
  process.run([this, jid] { change(jid, std::nullopt); });
}

// A driver whose write fails must not forget what is in its list of members: it tries again.
void SimCoordinator::change(const Jid& jid, std::optional<group::MemberEnrolled> member) {
  const auto known = members_.find(jid);
  std::optional<group::MemberEnrolled> before;
  if (known != members_.end()) before = known->second;
  undo_ = [this, jid, before, member] {
    if (before) members_[jid] = *before;
    if (!before) members_.erase(jid);
    run_.agenda.after(Duration::millis(60), [this, jid, member] {
      process.run([this, jid, member] { change(jid, member); });
    });
  };
  if (!member) {
    members_.erase(jid);
    step(group::MemberRemoved{jid});
    let_go_.erase(jid);  // if it comes back it is somebody new
    return;
  }
  members_[jid] = *member;
  step(*member);
  // Whoever is enrolled is asked for its presence.
  for (const auto& [full, facts] : present_) {
    if (full.bare() == jid) receive(facts);
  }
}

void SimCoordinator::pauseGroup(std::optional<Duration> length) {
  process.run([this, length] {
    paused_until_.reset();
    if (length) paused_until_ = run_.now() + *length;
    givePause();
  });
}

// The pause is kept by the wall clock, so that it ends by whatever clock the process has. A driver
// whose write fails in that step must not forget what is in force: it tries again.
void SimCoordinator::givePause() {
  process.run([this] {
    undo_ = [this] {
      run_.agenda.after(Duration::millis(60), [this, life = process.life] {
        if (process.life == life) givePause();
      });
    };
    if (!isGroupPaused()) {
      judged_.paused_until.reset();
      step(group::Resumed{});
    } else {
      const group::Paused pause{process.clock.at(*paused_until_), "by ann"};
      step(pause);
      judged_.paused_until = pause.until;
    }
  });
}

const group::MemberEnrolled* SimCoordinator::member(const Jid& jid) const {
  const auto found = members_.find(jid);
  return found == members_.end() ? nullptr : &found->second;
}

// --- the driver -------------------------------------------------------------------------------

void SimCoordinator::step(const group::Event& event) {
  ++run_.result.steps;
  if (const auto* fenced = std::get_if<group::HolderFenced>(&event)) {
    fenced_.insert(fenced->instance);
  }
  // Somebody looks after the group: that ends a hold.
  somebody_asks_ = std::holds_alternative<group::MoveRequested>(event);
  if (somebody_asks_) {
    crash_hold_until_.reset();
    let_go_.clear();
  }
  GroupMachine next = *machine_;
  decided_ = clock();
  watchLevel();
  judged_before_ = judged_;
  group::Effects effects = next.step(event, decided_);
  judge(machine_->record(), next.record(), event);
  if (!effects.empty() && std::holds_alternative<group::Persist>(effects.front())) {
    return persist(std::move(next), std::move(effects));
  }
  if (next.record() != machine_->record()) run_.fail("a record changed that is not to be written");
  undo_ = nullptr;
  machine_ = std::move(next);
  carryOut(effects);
  scheduleWake();
}

void SimCoordinator::persist(GroupMachine next, group::Effects effects) {
  process.busy = true;
  const auto& write = std::get<group::Persist>(effects.front());
  Store store{write.record, disk_.content().known};
  for (const group::KnownMove& outcome : write.outcomes) store.known.push_back(outcome);
  while (store.known.size() > limits::kMaxKnownMoves) store.known.pop_front();
  judgeWrite(write);
  if (!run_.keeps(Rule::kDurableBeforeGrant)) carryOut(effects);
  disk_.begin(std::move(store));
  run_.moment(fate_);
  const Duration delay = run_.diskDelay(fate_);
  if (fate_.mishap(run_.profile.crash_in_write)) {
    run_.agenda.after(delay / 2, [this, life = process.life] {
      if (process.life == life) restart();
    });
  }
  run_.agenda.after(
      delay, [this, life = process.life, machine = std::make_shared<GroupMachine>(std::move(next)),
              to_do = std::make_shared<group::Effects>(std::move(effects))] {
        if (!process.up || process.life != life) return;
        process.diskDone([this, machine, to_do] { written(*machine, *to_do); });
      });
}

void SimCoordinator::finishWrite() {
  run_.invariants.recordWritten(disk(), disk_.writing()->record);
  disk_.finish();
}

void SimCoordinator::written(const GroupMachine& next, const group::Effects& effects) {
  process.busy = false;
  const bool full = run_.stormy && run_.now() < disk_full_until_;
  const bool failed = full || fate_.mishap(run_.profile.write_fails);
  if (failed && run_.keeps(Rule::kWriteKnown)) return writeFails(full);
  if (failed) {
    disk_.abandon();
  } else {
    finishWrite();
  }
  undo_ = nullptr;
  machine_ = next;
  carryOut(effects);
  scheduleWake();
  process.drainLoop();
}

// A driver may go on as if the event had been lost, if it knows that nothing was written; else it
// ends and starts from what the disk says.
void SimCoordinator::writeFails(bool full) {
  run_.note(full ? Fault::kDiskFull : Fault::kWriteFailed);
  run_.say("coordinator's write failed");
  if (fate_.chance(0.5)) {
    disk_.abandon();
    judged_ = judged_before_;
    if (undo_) std::exchange(undo_, nullptr)();
    undo_ = nullptr;
    run_.agenda.after(Duration::millis(50), [this, life = process.life] {
      if (process.life == life) give(group::Tick{});
    });
    return process.drainLoop();
  }
  if (full) {
    disk_.abandon();
  } else {
    run_.note(Fault::kWriteUnknown);  // crash() decides what became of it
  }
  restart();
}

void SimCoordinator::scheduleWake() {
  const std::optional<ElapsedTime> wake = machine_->nextWake();
  if (!wake || wake == wake_) return;
  wake_ = wake;
  const Duration late{static_cast<int64_t>(fate_.below(2'000'000))};
  run_.agenda.at(process.clock.whenItShows(*wake) + late, [this, wake, life = process.life] {
    if (!process.up || process.life != life || wake_ != wake) return;
    wake_.reset();
    give(group::Tick{});
  });
}

void SimCoordinator::carryOut(const group::Effects& effects) {
  const uint64_t life = process.life;
  for (const group::Effect& effect : effects) {
    if (!process.up || process.life != life) return;
    carryOut(effect);
  }
}

void SimCoordinator::carryOut(const group::Effect& effect) {
  std::visit(Overloaded{
                 [](const group::Persist&) {},
                 [this](const group::Reply& e) { reply(e); },
                 [this](const group::SendOffer& e) {
                   const Holder target{disk().jid, disk().instance};
                   run_.invariants.offered(target, e.message.epoch, run_.now());
                   run_.invariants.offerJustified(disk(), e.message, e.to);
                   network_.sendOffer(e);
                 },
                 [this](const group::SendDrain& e) {
                   run_.invariants.drainJustified(disk(), e.message, e.to);
                   network_.sendDrain(e);
                 },
                 [this](const group::SendQuery& e) { network_.sendQuery(e); },
                 [this](const group::Alarm& e) { alarm(e); },
                 [this](const group::PhaseChanged& e) { phaseChanged(e); },
                 [](const group::TookOver&) {},
                 [this](const group::MoveStarted& e) { operators_->started(e); },
                 [this](const group::MoveFinished& e) { operators_->finished(e); },
             },
             effect);
}

void SimCoordinator::reply(const group::Reply& effect) {
  if (const auto* granted = std::get_if<Granted>(&effect.message)) {
    last_grant_ = decided_;
    if (disk().phase == Phase::kDraining) judgeRenewal(*granted);
  }
  network_.coordinatorReplies(effect);
}

void SimCoordinator::alarm(const group::Alarm& alarm) {
  if (alarm.kind == group::AlarmKind::kFlapHold) {
    run_.note(Fault::kFlapHold);
    judgeHold();
  }
  if (alarm.kind == group::AlarmKind::kCrashLoop) {
    run_.note(Fault::kCrashLoop);
    // What time had brought about by then was before the request.
    if (!somebody_asks_) crash_hold_until_ = decided_ + run_.config.crash_loop_hold;
    held_until_ = run_.now() + run_.config.crash_loop_hold * 2;
  }
  if (run_.recording()) run_.say("ALARM " + alarm.text);
}

void SimCoordinator::phaseChanged(const group::PhaseChanged& e) {
  run_.moment(fate_);
  if (!run_.recording()) return;
  run_.say(std::string("coordinator: ") + phaseName(e.from) + " -> " + phaseName(e.to) + " epoch " +
           std::to_string(e.epoch) + " " + e.jid.local() + ": " + e.cause);
}

}  // namespace muster::election
