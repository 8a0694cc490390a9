// Is there a reason for what the coordinator's machine wants? Judged from what really happened, at
// the moment of the decision, whether or not it comes to be written.
#include "tests/libcontrol/election/simulation/sim_coordinator.h"
#include "tests/libcontrol/election/simulation/sim_network.h"
#include "tests/libcontrol/election/simulation/sim_operators.h"

namespace muster::election {
namespace {

// There is a step with every renewal.
constexpr Duration kLongToNotice = Duration::seconds(3);

}  // namespace

void SimCoordinator::judge(const GroupRecord& before, const GroupRecord& after,
                           const group::Event& event) {
  watchMembership(after);
  if (after == before) return;
  if (after.highest_epoch > before.highest_epoch + limits::kMaxEpochJump) {
    run_.fail("an epoch was believed that can't be true");
  }
  const bool same = after.epoch == before.epoch && after.phase != Phase::kVacant;
  if (before.phase != Phase::kVacant && !same) {
    Grounds grounds = groundsToVacate(before, after);
    // It may begin and end in one step.
    grounds.offer_withdrawn |=
        judged_.offered_epoch == before.epoch &&
        (machine_->moveRunning() || std::holds_alternative<group::MoveRequested>(event));
    run_.invariants.vacated(before, grounds, run_.now());
    if (before.phase == Phase::kOffered) run_.note(Fault::kOfferTimeout);
    if (before.phase == Phase::kOffered && grounds.offer_lapsed && !grounds.offer_withdrawn) {
      let_go_[before.jid] = decided_;
    }
  }
  if (after.move && after.move != before.move) {
    if (after.move->automatic) {
      judgeAutomatic(before);
    } else {
      judgeMove(*after.move);
    }
  }
  if (before.move && !after.move && after.phase != Phase::kActive) judged_.owes_active = true;
  if (after.phase == before.phase && after.epoch == before.epoch) return;
  switch (after.phase) {
    case Phase::kVacant:
      if (isGroupPaused()) run_.note(Fault::kPausedVacant);
      break;
    case Phase::kOffered:
      judged_.offered = decided_;
      judged_.offered_epoch = after.epoch;
      judgeOffer(after);
      break;
    case Phase::kActive:
      judged_.active = decided_;
      judged_.owes_active = false;
      if (member(after.jid) == nullptr) run_.fail("the role goes to somebody who is no member");
      break;
    case Phase::kDraining:
      judged_.draining = decided_;
      if (!isDrainDue(before, after)) run_.fail("a holder is told to stop without a reason");
      break;
  }
}

void SimCoordinator::judgeOffer(const GroupRecord& after) {
  const group::MemberEnrolled* target = member(after.jid);
  if (target == nullptr) return run_.fail("an offer goes to somebody who is no member");
  const group::MemberPresent* facts = nullptr;
  for (const auto& [full, present] : present_) {
    if (full.bare() == after.jid && present.instance == after.instance) facts = &present;
  }
  if (facts == nullptr) return run_.fail("an offer goes to a process that is not present");
  judgeTarget(after, *facts);
  judgePause(after);
  const auto let_go = let_go_.find(after.jid);
  if (let_go != let_go_.end() && decided_ - let_go->second < config_.backoff_first) {
    run_.fail("an offer goes again at once to somebody who let one go by");
  }
  if (after.move && after.move->force) return;
  if (target->drained || facts->drained) run_.fail("an offer goes to a drained member");
  if (target->nofailover) run_.fail("an offer goes to a member that is tagged nofailover");
  if (facts->level_percent && *facts->level_percent < config_.choose.level_floor) {
    run_.fail("an offer goes to a member under the floor");
  }
}

void SimCoordinator::judgePause(const GroupRecord& after) {
  if (!judged_.paused_until || decided_ >= *judged_.paused_until || after.move ||
      judged_.owes_active)
    return;
  run_.fail("the role goes to somebody by itself while the group is paused");
}

bool SimCoordinator::hasHeard(const Jid& full, Duration within) const {
  const auto heard = heard_.find(full);
  return heard != heard_.end() && decided_ - heard->second <= within;
}

// What nobody can override.
void SimCoordinator::judgeTarget(const GroupRecord& after, const group::MemberPresent& facts) {
  if (!hasHeard(facts.jid, config_.lease_ttl))
    run_.fail("an offer goes to a process that may be dead");
  for (const auto& [full, present] : present_) {
    if (full.bare() == after.jid && full != facts.jid && hasHeard(full, config_.lease_ttl)) {
      run_.fail("an offer goes to one of two live processes");
    }
  }
  for (const auto& [full, present] : present_) {
    if (full.bare() == after.jid &&
        present.highest_epoch > after.highest_epoch + limits::kMaxEpochJump) {
      run_.fail("an offer goes to a member whose epoch can't be true");
    }
  }
  if (crash_hold_until_ && decided_ < *crash_hold_until_ && !after.move) {
    run_.fail("an offer goes out during a hold");
  }
}

// Only off a holder that has long been under the floor, and within the limits.
void SimCoordinator::judgeAutomatic(const GroupRecord& before) {
  if (judged_.paused_until && decided_ < *judged_.paused_until) {
    run_.fail("the role moves by itself while the group is paused");
  }
  run_.note(Fault::kAutomaticMove);
  ++judged_.automatic_moves;
  // Between the decision and its record lies a question to the target.
  const Duration asking = config_.query_timeout * 2;
  if (!judged_.move_due || decided_ - *judged_.move_due > asking) {
    run_.fail("a move begins by itself off a holder that is well");
  }
  if (before.phase == Phase::kActive && decided_ - judged_.active < config_.min_between_moves) {
    run_.fail("a move begins by itself too soon after the last change");
  }
  if (judged_.automatic_moves > config_.max_moves_per_hour) {
    run_.fail("more moves by themselves than are allowed");
  }
}

// Moves off a live holder are held by as many as there were, or by what came just before.
void SimCoordinator::judgeHold() {
  const bool many = judged_.automatic_moves >= config_.max_moves_per_hour;
  const bool soon = decided_ - judged_.active < config_.min_between_moves;
  if (!many && !soon) run_.fail("a move by itself is held without a reason");
}

void SimCoordinator::judgeMove(const MoveRecord& move) {
  if (!operators_->askedFor(move)) run_.fail("a move begins that nobody asked for so");
  if (operators_->wasTold(move.key)) run_.fail("a move runs again whose outcome is known");
}

// A move that was promised stays on the disk until its outcome is there.
void SimCoordinator::judgeWrite(const group::Persist& write) {
  const std::optional<MoveRecord>& promised = disk().move;
  if (!promised || promised->key.empty() || write.record.move == promised) return;
  for (const group::KnownMove& outcome : write.outcomes) {
    if (outcome.request.key == promised->key && outcome.outcome) return;
  }
  run_.fail("the move " + promised->key + " is forgotten without an outcome");
}

// While DRAINING. A drain that begins in the very step is told by the drain itself.
void SimCoordinator::judgeRenewal(const Granted& granted) const {
  const Duration since = decided_ - judged_.draining;
  if (since >= config_.drain_deadline) {
    run_.fail("a renewal was granted after the drain's deadline");
  }
  if (since > Duration{} && !granted.draining) run_.fail("a holder is not told that it drains");
}

// The same conditions as in the rules, but on what really was sent and answered.
Grounds SimCoordinator::groundsToVacate(const GroupRecord& before, const GroupRecord& after) const {
  Grounds grounds;
  grounds.said_so = network_.gaveUp(before);
  grounds.fenced = fenced_.contains(before.instance);
  grounds.waited =
      decided_ - last_grant_ >= waitOut(before.lease_ttl, config_.clock_rate_bound, {});
  if (before.phase == Phase::kOffered && judged_.offered_epoch == before.epoch) {
    grounds.offer_lapsed = decided_ - judged_.offered >= config_.offer_timeout;
    grounds.offer_withdrawn =
        after.move.has_value() || before.move.has_value() || member(before.jid) == nullptr;
  }
  if (grounds.waited && !grounds.said_so && !grounds.fenced && before.phase != Phase::kOffered) {
    run_.note(Fault::kLeaseRanOut);
  }
  return grounds;
}

bool SimCoordinator::isDrainDue(const GroupRecord& before, const GroupRecord& after) const {
  if (member(before.jid) == nullptr) return true;
  if (decided_ - judged_.active >= config_.promote_timeout) return true;
  return after.move.has_value();
}

// Whoever is no member any more is told to stop, also if a crash came between.
void SimCoordinator::watchMembership(const GroupRecord& record) {
  if (record.phase != Phase::kActive || member(record.jid) != nullptr) {
    judged_.stranger_since.reset();
  } else if (!judged_.stranger_since) {
    judged_.stranger_since = decided_;
  } else if (decided_ - *judged_.stranger_since > config_.settle + kLongToNotice) {
    run_.fail("a holder that is no member keeps the role");
  }
}

// Since when the holder's level, as far as it is known, is under the floor.
void SimCoordinator::watchLevel() {
  const GroupRecord& record = machine_->record();
  bool under = false;
  for (const auto& [full, present] : present_) {
    const bool holder = full.bare() == record.jid && present.instance == record.instance;
    if (holder && present.level_percent) {
      under = *present.level_percent < config_.choose.level_floor;
    }
  }
  if (!under) {
    judged_.under_floor_since.reset();
  } else if (!judged_.under_floor_since) {
    judged_.under_floor_since = clock();
  } else if (clock() - *judged_.under_floor_since >= config_.floor_time) {
    judged_.move_due = clock();
  }
}

}  // namespace muster::election
