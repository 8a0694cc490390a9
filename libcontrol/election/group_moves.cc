// Moves of the active role that somebody asked for.
#include <algorithm>

#include "libcontrol/election/group.h"

namespace muster::election {
namespace {

// Keys remembered; a script repeats a request within minutes, not after hundreds of others.
constexpr size_t kMaxKnownMoves = 256;

bool isSame(const group::MoveRequested& a, const group::MoveRequested& b) {
  return a.target == b.target && a.expect_epoch == b.expect_epoch;
}

std::string reasons(const Decision& decision, const std::string& but) {
  std::string text;
  for (const Verdict& verdict : decision.verdicts) {
    if (verdict.candidate.name == but) continue;
    text += (text.empty() ? "" : "; ") + verdict.candidate.name + ": " + verdict.why;
    if (text.size() > 400) return text + "; and more";
  }
  return text.empty() ? "the group has no other member" : text;
}

}  // namespace

void GroupMachine::on(const group::MoveRequested& event) {
  if (isRepeat(event)) return;
  const bool held = record_.phase == Phase::kActive || record_.phase == Phase::kDraining;
  const Jid from = held ? record_.jid : Jid();
  if (Status refusal = refuseMove(event); !refusal) {
    const group::MoveFinished outcome{event.key,     refusal,    from,          from,
                                      record_.epoch, Duration(), refusal.text()};
    rememberMove(event, outcome);
    effects_.push_back(outcome);
    return;
  }
  rememberMove(event, std::nullopt);
  move_ = Move{event, from, now_, {}};
  confirm_deadline_ = std::max(confirm_deadline_, now_ + config_.promote_timeout);
  // Somebody wants it now: what failed before doesn't count.
  for (auto& [jid, member] : members_) {
    member.failures = 0;
    member.not_before = now_;
  }
  if (event.target && record_.phase == Phase::kActive && record_.jid == *event.target &&
      confirmed_active_) {
    finishMove(Status::ok(), nameOf(record_.jid) + " is active already");
    return;
  }
  effects_.push_back(group::MoveStarted{event.key, from, event.target, record_.epoch});
  if (event.target && record_.phase == Phase::kOffered && !recovered_ &&
      record_.jid != *event.target) {
    // As good as timed out: no grant was answered under it, and an acquire will meet no offer.
    vacate("the offer to " + nameOf(record_.jid) + " was withdrawn for a move");
  }
}

bool GroupMachine::isRepeat(const group::MoveRequested& request) {
  if (request.key.empty()) return false;
  const auto known =
      std::find_if(known_moves_.begin(), known_moves_.end(),
                   [&](const KnownMove& move) { return move.request.key == request.key; });
  if (known == known_moves_.end()) return false;
  if (!isSame(known->request, request)) {
    const std::string text =
        "the key " + request.key + " was used for another request; take a new key for this one";
    effects_.push_back(group::MoveFinished{
        request.key, {Code::kInvalidArgument, text, "key"}, {}, {}, record_.epoch, {}, text});
  } else if (known->outcome) {
    effects_.push_back(*known->outcome);
  } else {
    effects_.push_back(
        group::MoveStarted{request.key, move_->from, move_->request.target, record_.epoch});
  }
  return true;
}

Status GroupMachine::refuseMove(const group::MoveRequested& request) const {
  if (request.expect_epoch && *request.expect_epoch != record_.epoch) {
    return {Code::kConflict,
            record_.group + " is at epoch " + std::to_string(record_.epoch) + ", not at " +
                std::to_string(*request.expect_epoch) + " as expected; nothing was moved",
            "expect_epoch"};
  }
  if (move_) {
    return {Code::kConflict, "a move of " + record_.group + " asked for by " +
                                 move_->request.caller + " is under way; wait for its outcome"};
  }
  if (request.target) return refuseTarget(*request.target);
  // Whoever is being offered the role is as good a destination as any.
  if (record_.phase == Phase::kOffered) return Status::ok();
  const Decision decision = candidates(now_);
  for (const Verdict& verdict : decision.verdicts) {
    const Member& member = members_.at(verdict.candidate.jid);
    const bool only_backing_off = now_ < member.not_before && !member.epoch_alarmed &&
                                  liveCount(member, now_) == 1 && !member.config.drained &&
                                  !member.config.nofailover;
    if (verdict.candidate.jid != record_.jid && (verdict.eligible || only_backing_off)) {
      return Status::ok();
    }
  }
  return {Code::kUnavailable, "no other node of " + record_.group +
                                  " can become active: " + reasons(decision, nameOf(record_.jid))};
}

Status GroupMachine::refuseTarget(const Jid& target) const {
  const auto member = members_.find(target);
  if (member == members_.end()) {
    return {Code::kNotFound, target.toString() + " is not a member of " + record_.group, "to"};
  }
  const bool is_active = record_.phase == Phase::kActive && record_.jid == target;
  if (is_active) return Status::ok();
  Candidate facts = candidate(member->second, now_);
  if (facts.instances == 0) {
    return {Code::kUnavailable, facts.name + " is not present", "to"};
  }
  // A pause after a failed offer is no reason to refuse a person.
  if (!member->second.epoch_alarmed) facts.barred.clear();
  const Decision decision = choose(config_.choose, {facts});
  if (decision.best()) return Status::ok();
  return {Code::kRefusedUnsafe,
          facts.name + " can't become active: " + decision.verdicts.front().why, "to"};
}

// While ACTIVE: the move has arrived, or the holder has to make room.
void GroupMachine::pursueMove() {
  if (!move_) return;
  const std::optional<Jid>& target = move_->request.target;
  const bool arrived = target ? record_.jid == *target : record_.jid != move_->from;
  if (!arrived) {
    beginDrain("a move was asked for by " + move_->request.caller);
  } else if (confirmed_active_) {
    finishMove(Status::ok(), nameOf(record_.jid) + " is active");
  } else if (now_ >= confirm_deadline_) {
    const std::string text =
        nameOf(record_.jid) + " holds the lease but has not said in time that it is active";
    finishMove({Code::kTimeout, text}, text);
  }
}

// While VACANT: the move's next offer, or its end if there is nobody left for it.
void GroupMachine::fillForMove() {
  const std::optional<Jid>& target = move_->request.target;
  Decision decision = candidates(now_);
  const Verdict* chosen = nullptr;
  for (const Verdict& verdict : decision.verdicts) {
    const bool wanted =
        target ? verdict.candidate.jid == *target : verdict.candidate.jid != move_->from;
    if (wanted && verdict.eligible) {
      chosen = &verdict;
      break;
    }
  }
  if (chosen) {
    const Jid jid = chosen->candidate.jid;
    offerTo(jid, std::move(decision));
    return;
  }
  std::string text = move_->last_failure;
  if (text.empty()) {
    const Verdict* verdict = target ? decision.find(*target) : nullptr;
    text = target ? nameOf(*target) + " can't become active: " +
                        (verdict ? verdict->why : "it is no longer a member")
                  : "no other node can become active: " + reasons(decision, nameOf(move_->from));
  }
  text += "; the best candidate is taken instead";
  finishMove({Code::kUnavailable, text}, text);
}

void GroupMachine::finishMove(Status status, std::string text) {
  const Jid active = record_.phase == Phase::kActive ? record_.jid : Jid();
  const group::MoveFinished outcome{move_->request.key, std::move(status),   move_->from,    active,
                                    record_.epoch,      now_ - move_->begun, std::move(text)};
  const group::MoveRequested request = move_->request;
  move_.reset();
  rememberMove(request, outcome);
  effects_.push_back(outcome);
}

void GroupMachine::rememberMove(const group::MoveRequested& request,
                                std::optional<group::MoveFinished> outcome) {
  if (request.key.empty()) return;
  for (KnownMove& move : known_moves_) {
    if (move.request.key == request.key) {
      move.outcome = std::move(outcome);
      return;
    }
  }
  known_moves_.push_back({request, std::move(outcome)});
  if (known_moves_.size() <= kMaxKnownMoves) return;
  const auto oldest_done =
      std::find_if(known_moves_.begin(), known_moves_.end(),
                   [](const KnownMove& move) { return move.outcome.has_value(); });
  known_moves_.erase(oldest_done);
}

}  // namespace muster::election
