#include "tests/libcontrol/election/simulation/sim_coordinator.h"

#include "tests/libcontrol/election/simulation/sim_coordinators.h"
#include "tests/libcontrol/election/simulation/sim_network.h"
#include "tests/libcontrol/election/simulation/sim_operators.h"

namespace muster::election {

SimCoordinator::SimCoordinator(Run& run, Network& network, SimCoordinators& all, uint32_t part,
                               const char* called)
    : name(run.profile.shared ? called : "coordinator"),
      address(Jid::parse(std::string(called) + ".example.org").value()),
      run_(run),
      fate_(run, part),
      network_(network),
      all_(all),
      store_(all.store),
      etcd_(run.profile.shared ? &all.etcd : nullptr) {}

void SimCoordinator::start() {
  if (process.up) return;
  process.start(run_.now(), fate_);
  leads_ = false;
  run_.agenda.after(fate_.millis(10, 200), [this, life = process.life] {
    if (process.life == life) process.run([this] { linkUp(); });
  });
  if (etcd_ == nullptr) return lead(store_.disk.content());
  read_before_ = store_.disk.content();
  stand();
}

void SimCoordinator::lead(const Kept& kept) {
  leads_ = true;
  if (run_.stormy && run_.profile.lengths_change && fate_.chance(0.5)) {
    run_.note(Fault::kLengthChanged);
    // The further apart old and new are, the more depends on which of them counts.
    run_.config.lease_ttl = run_.profile.failsafe && fate_.chance(0.7)
                                ? fate_.chance(0.5) ? kLongestTtl : kShortestTtl
                                : anyTtl(fate_);
    switchFailsafe(0.3);
  }
  if (run_.recording()) {
    run_.say(name + (etcd_ ? " leads from " : " starts from ") + phaseName(kept.record.phase) +
             " " + std::to_string(kept.record.epoch));
  }
  if (kept.record.move) run_.note(Fault::kMoveResumed);
  config_ = run_.config;
  machine_.emplace(config_, kept.record, run_.nonces, clock(),
                   std::vector<group::KnownMove>(kept.known.begin(), kept.known.end()));
  wake_.reset();
  present_.clear();
  undo_ = nullptr;
  last_grant_ = clock();
  judged_ = {clock(), clock(), clock(), {}, {}, {}, {}, 0, {}, false};
  heard_.clear();
  let_go_.clear();
  crash_hold_until_.reset();
  for (const auto& [jid, member] : store_.members) give(member);
  giveMembersListed();
  if (isGroupPaused()) givePause();
  scheduleWake();
  if (process.linked) takePublicAddress();
}

void SimCoordinator::switchFailsafe(double chance) {
  if (!run_.profile.failsafe || !fate_.chance(chance)) return;
  run_.note(Fault::kFailsafeSwitched);
  const bool on = run_.config.failsafe_limit > Duration{};
  run_.config.failsafe_limit = on ? Duration{} : fate_.millis(5000, 20000);
}

void SimCoordinator::takePublicAddress() {
  all_.takePublicAddress(*this);
  network_.probe();
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
  if (leads_) takePublicAddress();
}

// What is not received any more can't be relied upon: everybody counts as gone until probed.
void SimCoordinator::loseLink(Duration down) {
  if (!process.linked) return;
  run_.note(Fault::kCoordinatorLinkDrop);
  run_.say(name + " loses its connection");
  process.linked = false;
  ++process.link;
  everybodyGone();
  run_.agenda.after(down, [this, life = process.life, link = process.link] {
    process.run([this, life, link] {
      if (process.life == life && process.link == link) linkUp();
    });
  });
}

void SimCoordinator::everybodyGone() {
  process.run([this] {
    if (!leads_) return;
    for (const auto& [full, facts] : std::map(present_)) {
      process.run([this, gone = group::MemberGone{full}] {
        if (!leads_) return;
        know(gone);
        step(gone);
      });
    }
  });
}

// Whoever leads, or thinks so, comes back for it.
void SimCoordinator::losePublicAddress() {
  if (!up()) return;
  everybodyGone();
  run_.agenda.after(fate_.millis(50, 2000), [this, life = process.life] {
    if (!process.up || process.life != life) return;
    process.run([this] {
      if (leads_ && process.linked && &all_.leading() != this) takePublicAddress();
    });
  });
}

void SimCoordinator::crash() {
  if (!process.up) return;
  run_.say(name + " crashes");
  run_.note(Fault::kCoordinatorCrash);
  // What is on its way to etcd goes on by itself.
  if (etcd_ == nullptr && store_.disk.writing()) {
    switch (fate_.below(3)) {
      case 0:
        run_.note(Fault::kWriteLost);
        store_.disk.abandon();
        break;
      case 1:
        run_.note(Fault::kWriteTorn);  // a journal that is cut short is rolled back
        store_.disk.abandon();
        break;
      default:
        run_.note(Fault::kWriteKept);
        finishWrite();
    }
  }
  end();
}

void SimCoordinator::end() {
  process.crash();
  leads_ = false;
  commits_.clear();
  under_way_.reset();
  operators_->coordinatorGone();
}

void SimCoordinator::restart(Duration longest) {
  if (!process.up) return;
  crash();
  run_.agenda.after(fate_.millis(50, longest.toMillis()), [this] { start(); });
}

void SimCoordinator::restartShortened(Duration longest) {
  run_.note(Fault::kLengthChanged);
  run_.config.lease_ttl = kShortestTtl;
  restart(longest);
}

void SimCoordinator::backUp() {
  if (!disk().move) store_.copy = store_.disk.content();
}

// Somebody wipes the machine, or brings an old copy back; whoever is configured is enrolled again.
void SimCoordinator::loseStore(bool restored, Duration longest) {
  if (!process.up || (restored && !store_.copy)) return;
  run_.note(restored ? Fault::kStoreRestored : Fault::kStoreLost);
  crash();
  run_.say(restored ? "an old copy of the coordinator's store is restored"
                    : "the coordinator's store is lost");
  const Jid holder = disk().jid;
  // Whom that holder may not know is forgotten with the rest.
  for (const Jid& jid : disk().untold) store_.members.erase(jid);
  store_.disk.replace(restored ? *store_.copy : Kept{});
  run_.invariants.storeReplaced();
  operators_->storeReplaced();
  run_.members_unknown = run_.profile.failsafe;
  if (!restored) switchFailsafe(0.6);
  run_.promises_unknown = run_.members_unknown && run_.config.failsafe_limit <= Duration{};
  run_.agenda.after(fate_.millis(50, longest.toMillis()), [this, holder] {
    start();
    run_.members_unknown ? operators_->enrollAgain(holder) : operators_->enrollAll();
  });
}

void SimCoordinator::pause(Duration length) {
  if (!process.up || process.paused) return;
  run_.note(length > limits::kMaxLoopGap ? Fault::kCoordinatorGap : Fault::kCoordinatorPause);
  if (etcd_ != nullptr && leads_) run_.note(Fault::kLeaderPaused);
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
    run_.say(name + (suspended ? " is suspended for " : " is paused for ") +
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
  if (up() && !process.busy) scheduleWake();
}

void SimCoordinator::slew(double rate) {
  process.clock.setRate(run_.now(), rate);
  if (!up()) return;
  wake_.reset();
  scheduleWake();
}

// --- what reaches it --------------------------------------------------------------------------

void SimCoordinator::receive(group::Event stanza) {
  if (!process.linked) return;
  process.run([this, stanza = std::move(stanza), link = process.link] {
    if (process.link != link) return;
    if (!leads_) return answerAsStandby(stanza);
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
  process.run([this, event = std::move(event)] {
    if (leads_) step(event);
  });
}

void SimCoordinator::enroll(const group::MemberEnrolled& member) {
  process.run([this, member] { change(member.jid, member); });
}

// As with a change of the members: it is told again if the write fails.
void SimCoordinator::giveMembersListed() {
  process.run([this] {
    if (!leads_) return;
    undo_ = [this] {
      run_.agenda.after(Duration::millis(60), [this, life = process.life] {
        if (process.life == life) giveMembersListed();
      });
    };
    step(group::MembersListed{});
  });
}

void SimCoordinator::remove(const Jid& jid) {
  process.run([this, jid] { change(jid, std::nullopt); });
}

// A driver whose write fails must not forget what is in its list of members: it tries again.
void SimCoordinator::change(const Jid& jid, std::optional<group::MemberEnrolled> member) {
  if (!leads_) return;
  if (!isInOffice()) return lose("its list of members can't be written");
  const auto known = store_.members.find(jid);
  std::optional<group::MemberEnrolled> before;
  if (known != store_.members.end()) before = known->second;
  undo_ = [this, jid, before, member] {
    if (before) store_.members[jid] = *before;
    if (!before) store_.members.erase(jid);
    run_.agenda.after(Duration::millis(60), [this, jid, member] {
      process.run([this, jid, member] { change(jid, member); });
    });
  };
  if (!member) {
    store_.members.erase(jid);
    step(group::MemberRemoved{jid});
    let_go_.erase(jid);  // if it comes back it is somebody new
    return;
  }
  store_.members[jid] = *member;
  step(*member);
  if (!disk().untold.empty()) run_.note(Fault::kUntoldMember);
  // Whoever is enrolled is asked for its presence; until then the machine knows of none of it.
  for (const auto& [full, facts] : std::map(present_)) {
    if (full.bare() != jid) continue;
    if (!before) present_.erase(full);
    receive(facts);
  }
}

void SimCoordinator::pauseGroup(std::optional<Duration> length) {
  process.run([this, length] {
    if (!leads_) return;
    if (!isInOffice()) return lose("the pause can't be written");
    store_.paused_until.reset();
    if (length) store_.paused_until = run_.now() + *length;
    givePause();
  });
}

// The pause is kept by the wall clock, so that it ends by whatever clock the process has. A driver
// whose write fails in that step must not forget what is in force: it tries again.
void SimCoordinator::givePause() {
  process.run([this] {
    if (!leads_) return;
    undo_ = [this] {
      run_.agenda.after(Duration::millis(60), [this, life = process.life] {
        if (process.life == life) givePause();
      });
    };
    if (!isGroupPaused()) {
      judged_.paused_until.reset();
      step(group::Resumed{});
    } else {
      const group::Paused pause{process.clock.at(*store_.paused_until), "by ann"};
      step(pause);
      judged_.paused_until = pause.until;
    }
  });
}

const group::MemberEnrolled* SimCoordinator::member(const Jid& jid) const {
  const auto found = store_.members.find(jid);
  return found == store_.members.end() ? nullptr : &found->second;
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
  // What is wanted by one that has been deposed is never done.
  if (isInOffice()) judge(machine_->record(), next.record(), event);
  if (!effects.empty() && std::holds_alternative<group::Persist>(effects.front())) {
    return persist(std::move(next), std::move(effects));
  }
  if (next.record() != machine_->record()) run_.fail("a record changed that is not to be written");
  adopt(next, effects, /*is_written=*/false);
}

void SimCoordinator::adopt(const GroupMachine& next, const group::Effects& effects,
                           bool is_written) {
  undo_ = nullptr;
  machine_ = next;
  carryOut(effects, is_written);
  if (up() && !process.busy) scheduleWake();
}

void SimCoordinator::persist(GroupMachine next, group::Effects effects) {
  process.busy = true;
  const auto& write = std::get<group::Persist>(effects.front());
  Kept kept{write.record, store_.disk.content().known};
  for (const group::KnownMove& outcome : write.outcomes) kept.known.push_back(outcome);
  while (kept.known.size() > limits::kMaxKnownMoves) kept.known.pop_front();
  if (isInOffice()) judgeWrite(write);
  if (!run_.keeps(Rule::kDurableBeforeGrant)) carryOut(effects, true);
  run_.moment(fate_);
  auto machine = std::make_shared<GroupMachine>(std::move(next));
  auto to_do = std::make_shared<group::Effects>(std::move(effects));
  if (etcd_ != nullptr) {
    writeToEtcd(std::move(kept), std::move(machine), std::move(to_do));
  } else {
    writeToDisk(std::move(kept), std::move(machine), std::move(to_do));
  }
}

void SimCoordinator::writeToDisk(Kept kept, std::shared_ptr<GroupMachine> next,
                                 std::shared_ptr<group::Effects> effects) {
  store_.disk.begin(std::move(kept));
  const Duration delay = run_.diskDelay(fate_);
  if (fate_.mishap(run_.profile.crash_in_write)) {
    run_.agenda.after(delay / 2, [this, life = process.life] {
      if (process.life == life) restart();
    });
  }
  run_.agenda.after(delay, [this, life = process.life, next, effects] {
    if (!process.up || process.life != life) return;
    process.answered([this, next, effects] { written(*next, *effects); });
  });
}

void SimCoordinator::finishWrite() {
  run_.invariants.recordWritten(disk(), store_.disk.writing()->record);
  store_.disk.finish();
}

void SimCoordinator::written(const GroupMachine& next, const group::Effects& effects) {
  process.busy = false;
  const bool full = run_.stormy && run_.now() < disk_full_until_;
  const bool failed = full || fate_.mishap(run_.profile.write_fails);
  if (failed && run_.keeps(Rule::kWriteKnown)) return writeFails(full);
  if (failed) {
    store_.disk.abandon();
  } else {
    finishWrite();
  }
  adopt(next, effects, /*is_written=*/true);
  process.drainLoop();
}

// A driver may go on as if the event had been lost, if it knows that nothing was written; else it
// ends and starts from what the disk says.
void SimCoordinator::writeFails(bool full) {
  run_.note(full ? Fault::kDiskFull : Fault::kWriteFailed);
  run_.say(name + "'s write failed");
  if (fate_.chance(0.5)) {
    store_.disk.abandon();
    judged_ = judged_before_;
    if (undo_) std::exchange(undo_, nullptr)();
    undo_ = nullptr;
    run_.agenda.after(Duration::millis(50), [this, life = process.life] {
      if (process.life == life) give(group::Tick{});
    });
    return process.drainLoop();
  }
  if (full) {
    store_.disk.abandon();
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
    if (!up() || process.life != life || wake_ != wake) return;
    wake_.reset();
    give(group::Tick{});
  });
}

void SimCoordinator::carryOut(const group::Effects& effects, bool is_written) {
  const uint64_t life = process.life;
  for (const group::Effect& effect : effects) {
    if (!process.up || process.life != life) return;
    carryOut(effect, is_written);
  }
}

void SimCoordinator::carryOut(const group::Effect& effect, bool is_written) {
  // With an etcd what was written has been witnessed there.
  if (etcd_ == nullptr || (!is_written && isInOffice())) witness(effect);
  // What people are told without a record has to be confirmed as well.
  const auto tell = [&](auto what) { etcd_ == nullptr || is_written ? what() : confirm({}, what); };
  std::visit(
      Overloaded{
          [](const group::Persist&) {},
          [&](const group::Reply& e) { reply(e, is_written); },
          [this](const group::SendOffer& e) { network_.sendOffer(*this, e); },
          [this](const group::SendDrain& e) { network_.sendDrain(*this, e); },
          [this](const group::SendQuery& e) { network_.sendQuery(*this, e); },
          [this](const group::Alarm& e) { alarm(e); },
          [this](const group::PhaseChanged& e) { phaseChanged(e); },
          [](const group::TookOver&) {},
          [&](const group::MoveStarted& e) { tell([this, e] { operators_->started(e); }); },
          [&](const group::MoveFinished& e) { tell([this, e] { operators_->finished(e); }); },
      },
      effect);
}

void SimCoordinator::witness(const group::Effect& effect) {
  if (const auto* offer = std::get_if<group::SendOffer>(&effect)) {
    run_.invariants.offered({disk().jid, disk().instance}, offer->message.epoch, run_.now());
    run_.invariants.offerJustified(disk(), offer->message, offer->to);
  } else if (const auto* drain = std::get_if<group::SendDrain>(&effect)) {
    run_.invariants.drainJustified(disk(), drain->message, drain->to);
  }
}

void SimCoordinator::reply(const group::Reply& effect, bool is_written) {
  const auto* granted = std::get_if<Granted>(&effect.message);
  if (granted != nullptr) {
    last_grant_ = decided_;
    run_.members_unknown = run_.promises_unknown = false;
    if (isInOffice() && disk().phase == Phase::kDraining) judgeRenewal(*granted);
  }
  const bool confirmed = is_written || (granted != nullptr && !run_.keeps(Rule::kRenewalConfirmed));
  if (etcd_ == nullptr || confirmed) {
    if (etcd_ == nullptr || !is_written) network_.witness(effect);
    return network_.coordinatorReplies(*this, effect);
  }
  confirm([this, effect] { network_.witness(effect); },
          [this, effect] { network_.coordinatorReplies(*this, effect); });
}

void SimCoordinator::alarm(const group::Alarm& alarm) {
  if (alarm.kind == group::AlarmKind::kFlapHold) {
    run_.note(Fault::kFlapHold);
    if (isInOffice()) judgeHold();
  }
  if (alarm.kind == group::AlarmKind::kCrashLoop) {
    run_.note(Fault::kCrashLoop);
    // What time had brought about by then was before the request.
    if (!somebody_asks_) crash_hold_until_ = decided_ + config_.crash_loop_hold;
    held_until_ = run_.now() + config_.crash_loop_hold * 2;
  }
  if (run_.recording()) run_.say("ALARM " + alarm.text);
}

void SimCoordinator::phaseChanged(const group::PhaseChanged& e) {
  run_.moment(fate_);
  if (!run_.recording()) return;
  run_.say(name + ": " + phaseName(e.from) + " -> " + phaseName(e.to) + " epoch " +
           std::to_string(e.epoch) + " " + e.jid.local() + ": " + e.cause);
}

}  // namespace muster::election
