// What people are told of a group: how it stands, and what a move would do.
#include <algorithm>

#include "libcontrol/election/group.h"
#include "libcontrol/election/wording.h"

namespace muster::election {
namespace {

// Candidates named in one sentence; the whole list has its own command.
constexpr size_t kMaxReasons = 5;

}  // namespace

GroupView GroupMachine::view(ElapsedTime now) const {
  GroupView view;
  view.phase = record_.phase;
  view.epoch = record_.epoch;
  if (isHeld()) {
    view.active = record_.jid;
    view.instance = record_.instance;
    view.confirmed = confirmed_active_;
    view.lost = now > silentAt() || findInstance(record_.jid, record_.instance) == nullptr;
  }
  view.move = record_.move;
  view.due = due_;
  view.paused = isPaused(now);
  if (record_.phase == Phase::kVacant) {
    if (isPaused(now)) view.hold = pauseNote(now);
    if (isCrashLoopHeld(now)) view.hold = crashLoopNote(now);
    view.note = vacantNote(now);
  } else {
    if (const auto hold = moveHold(now); hold && !betterThanHolder(now).isEmpty()) {
      view.hold = levelNote(now);
    }
    if (isPaused(now)) view.hold = pauseNote(now);
    view.note = holderNote(now);
  }
  return view;
}

std::string GroupMachine::reasons(const Decision& decision, const Jid& but) const {
  std::string text;
  size_t named = 0;
  size_t others = 0;
  for (const Verdict& verdict : decision.verdicts) {
    if (verdict.candidate.jid == but) continue;
    if (named == kMaxReasons) {
      ++others;
      continue;
    }
    text += (named++ ? "; " : "") + verdict.candidate.name + ": " + verdict.why;
  }
  if (named == 0) return "the group has no other member";
  return others == 0 ? text : text + "; and " + std::to_string(others) + " more";
}

std::string GroupMachine::crashLoopNote(ElapsedTime now) const {
  return std::to_string(config_.crash_loop_count) + " promotions were lost within " +
         shownTime(config_.crash_loop_window) + ": no offers for another " +
         shownTime(*crash_hold_until_ - now) + ", or until somebody asks for a move";
}

std::string GroupMachine::pauseNote(ElapsedTime now) const {
  return "paused" + (pause_->note.empty() ? "" : " " + pause_->note) + ": for another " +
         shownTime(pause_->until - now) + " the role goes nowhere unless somebody asks for a move";
}

std::string GroupMachine::vacantNote(ElapsedTime now) const {
  if (members_.empty()) return "the group has no members";
  if (now < hold_until_) {
    return "waiting until no lease from before the record can be in force, at most " +
           shownTime(hold_until_ - now);
  }
  if (isCrashLoopHeld(now) && !move_) return crashLoopNote(now);
  if (isPaused(now) && !move_ && !owes_active_) return pauseNote(now);
  const Decision decision = candidates(now);
  const Candidate* best = decision.best();
  if (!best) return "no node is eligible: " + reasons(decision, Jid());
  if (!isSettled(now)) return "just started; waiting for the other members to appear";
  if (mayBeHeldUnseen(now)) return unseenNote(now);
  return best->answered ? best->name + " is about to be offered the role"
                        : "asking " + best->name + " whether it is alive";
}

std::string GroupMachine::unseenNote(ElapsedTime now) const {
  std::string missing;
  size_t named = 0;
  size_t others = 0;
  for (const auto& [jid, member] : members_) {
    if (isAccountedFor(member, now)) continue;
    if (named == kMaxReasons) {
      ++others;
      continue;
    }
    missing += (named++ ? ", " : "") + nameOf(jid);
  }
  if (others > 0) missing += " and " + std::to_string(others) + " more";
  if (removed_unseen_) missing += std::string(named ? ", " : "") + "somebody who was removed";
  return "just started; waiting until every member says that it holds no lease that isn't on "
         "record (missing: " +
         missing + "), at most " + shownTime(unseenUntil() - now);
}

std::string GroupMachine::holderNote(ElapsedTime now) const {
  const std::string whose = nameOf(record_.jid);
  if (record_.phase == Phase::kOffered) {
    return recovered_ ? "the coordinator restarted while " + whose +
                            " was offered the role; nobody else can have it for another " +
                            shownTime(leaseGoneAt() - now)
                      : whose + " was offered the role";
  }
  const bool silent = now > silentAt();
  const bool present = findInstance(record_.jid, record_.instance) != nullptr;
  std::string note;
  if (record_.phase == Phase::kDraining) {
    note = now < drain_deadline_
               ? whose + " was told to stop and has " + shownTime(drain_deadline_ - now)
               : whose + " has not stopped in time";
  } else if (!present) {
    note = whose + " is not present";
  } else if (silent) {
    note = whose + " does not renew its lease";
  } else if (!confirmed_active_) {
    note = whose + " holds the lease and has not said yet that it is active";
  } else {
    note = levelNote(now);
  }
  if (silent) note += "; its lease ends for certain in " + shownTime(leaseGoneAt() - now);
  if (isPaused(now)) note += (note.empty() ? "" : "; ") + pauseNote(now);
  return note;
}

group::Plan GroupMachine::plan(const group::MoveRequested& request, ElapsedTime now) const {
  GroupMachine copy = *this;
  copy.now_ = std::max(now_, now);
  copy.effects_.clear();
  copy.expire();
  return copy.planNow(request);
}

group::Plan GroupMachine::planNow(const group::MoveRequested& request) {
  forgetOldSilence();
  group::Plan plan;
  plan.decision = candidates(now_);
  plan.status = refuseMove(request);
  if (!plan.status) return plan;
  if (const std::string done = nothingToMove(request); !done.empty()) {
    plan.steps.push_back(done + "; nothing would be moved");
    return plan;
  }
  planSteps(recordOf(request), plan);
  return plan;
}

void GroupMachine::planSteps(const MoveRecord& move, group::Plan& plan) const {
  const auto add = [&](std::string sentence) { plan.steps.push_back(std::move(sentence)); };
  const bool arrived = hasArrived(move);
  const Verdict* chosen = nullptr;
  const Decision decision = decisionFor(move, false);
  for (const Verdict& verdict : decision.verdicts) {
    if (!chosen && verdict.eligible && isWanted(move, verdict.candidate.jid)) chosen = &verdict;
  }
  const std::string holder = nameOf(record_.jid);
  if (!arrived && chosen && !chosen->candidate.answered) {
    add(chosen->candidate.name + (move.target ? "" : " and other candidates") +
        " would be asked for a sign of life; without one within " +
        shownTime(config_.query_timeout) +
        (move.leave_vacant && move.force ? " the move goes on without a successor"
                                         : " nothing is moved"));
  }
  if (!arrived && record_.phase == Phase::kActive) {
    plan.drained = record_.jid;
    add(holder + " would be told to stop and have " + shownTime(config_.drain_deadline) +
        " for it; if it doesn't answer, its lease is waited out, at most " +
        shownTime(leaseGoneAt() - last_grant_) + " after its last renewal");
  } else if (record_.phase == Phase::kDraining) {
    plan.drained = record_.jid;
    add(holder + " has been told to stop already and would be waited for");
  } else if (record_.phase == Phase::kOffered && recovered_) {
    add("what was offered to " + holder + " before the restart would be waited out, another " +
        shownTime(leaseGoneAt() - now_));
  } else if (record_.phase == Phase::kOffered && !arrived) {
    add("the offer to " + holder + " would be withdrawn");
  }
  if (arrived) {
    add(holder +
        " has the role, or the offer of it, already; the move would be done when it says "
        "that it is active");
    return;
  }
  const ElapsedTime waited_out =
      mayBeHeldUnseen(now_) ? std::max(hold_until_, unseenUntil()) : hold_until_;
  if (now_ < waited_out) {
    add("a lease that isn't on record would be waited out, another " +
        shownTime(waited_out - now_) + " at most");
  }
  if (!chosen) {
    add(record_.group + " would be left without an active node: " + noDestination(move).text());
    return;
  }
  plan.offered = chosen->candidate.jid;
  add(chosen->candidate.name + " would be offered the role under epoch " +
      std::to_string(record_.highest_epoch + 1) + " and have " + shownTime(config_.offer_timeout) +
      " to take it up");
  add("the move is done when " + chosen->candidate.name + " says that it is active, within " +
      shownTime(config_.promote_timeout) + "; if it fails, the best candidate is taken instead");
}

}  // namespace muster::election
