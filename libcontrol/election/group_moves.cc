// Moves of the active role that somebody asked for. One is first a question to those who could take
// the role (isMovePending()), then a promise on disk, which only an outcome ends.
#include <algorithm>

#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"
#include "libcontrol/election/wording.h"

namespace muster::election {
namespace {

bool isSame(const group::MoveRequested& a, const group::MoveRequested& b) {
  return a.target == b.target && a.expect_epoch == b.expect_epoch && a.force == b.force &&
         a.leave_vacant == b.leave_vacant && a.away_from == b.away_from;
}

}  // namespace

void GroupMachine::on(const group::MoveRequested& event) {
  if (isRepeat(event)) return;
  forgetOldSilence();
  if (Status refusal = refuseMove(event); !refusal) {
    group::MoveFinished outcome;
    outcome.text = refusal.text();
    outcome.status = std::move(refusal);
    return answerMove(event, std::move(outcome));
  }
  if (std::string text = nothingToMove(event); !text.empty()) {
    group::MoveFinished outcome;
    outcome.text = std::move(text);
    return answerMove(event, std::move(outcome));
  }
  // One of the machine's own that was only being asked about makes room.
  move_ = Move{recordOf(event), now_};
  rememberMove(event, std::nullopt);
  // Somebody wants it now: what failed before doesn't count.
  for (auto& [jid, member] : members_) {
    member.failures = 0;
    member.not_before = now_;
  }
  endCrashLoopHold();
}

// A repeat of one that is still being asked about hears nothing yet: what comes is for both.
bool GroupMachine::isRepeat(const group::MoveRequested& request) {
  if (request.key.empty() || !keeps(Rule::kIdempotencyKey)) return false;
  const auto known =
      std::find_if(known_moves_->begin(), known_moves_->end(),
                   [&](const KnownMove& move) { return move.request.key == request.key; });
  if (known == known_moves_->end()) return false;
  if (!isSame(known->request, request)) {
    group::MoveFinished outcome;
    outcome.key = request.key;
    outcome.text =
        "the key " + request.key + " was used for another request; take a new key for this one";
    outcome.status = {Code::kInvalidArgument, outcome.text, "key"};
    outcome.epoch = record_.epoch;
    outcome.caller = request.caller;
    outcome.context = request.context;
    effects_.push_back(std::move(outcome));
  } else if (known->outcome) {
    effects_.push_back(*known->outcome);
  } else if (!isMovePending()) {
    effects_.push_back(group::MoveStarted{request.key, move_->record.from, move_->record.target,
                                          move_->record.from_epoch});
  }
  return true;
}

bool GroupMachine::knowsMove(const std::string& key) const {
  return std::any_of(known_moves_->begin(), known_moves_->end(),
                     [&](const KnownMove& move) { return move.request.key == key; });
}

MoveRecord GroupMachine::recordOf(const group::MoveRequested& request) const {
  MoveRecord move;
  move.key = request.key;
  move.target = request.target;
  move.away_from = request.away_from;
  move.expect_epoch = request.expect_epoch;
  move.caller = request.caller;
  move.force = request.force;
  move.leave_vacant = request.leave_vacant;
  move.context = request.context;
  if (isHeld() || request.away_from == record_.jid) move.from = record_.jid;
  move.from_epoch = record_.epoch;
  return move;
}

group::MoveRequested GroupMachine::requestOf(const MoveRecord& move) {
  group::MoveRequested request;
  request.key = move.key;
  request.target = move.target;
  request.expect_epoch = move.expect_epoch;
  request.caller = move.caller;
  request.force = move.force;
  request.leave_vacant = move.leave_vacant;
  request.away_from = move.away_from;
  request.context = move.context;
  return request;
}

// Empty if there is something.
std::string GroupMachine::nothingToMove(const group::MoveRequested& request) const {
  if (request.target && record_.phase == Phase::kActive && record_.jid == *request.target &&
      confirmed_active_) {
    return nameOf(record_.jid) + " is active already";
  }
  const bool has_role = record_.phase != Phase::kVacant && request.away_from == record_.jid;
  if (request.away_from && !has_role) {
    return nameOf(*request.away_from) + " does not have the role of " + record_.group;
  }
  return {};
}

// What is wrong with the request from the start; whoever could take the role is not yet asked.
Status GroupMachine::refuseMove(const group::MoveRequested& request) const {
  if (request.expect_epoch && *request.expect_epoch != record_.epoch &&
      keeps(Rule::kExpectedEpoch)) {
    return {Code::kConflict,
            record_.group + " is at epoch " + std::to_string(record_.epoch) + ", not at " +
                std::to_string(*request.expect_epoch) + " as expected; nothing was moved",
            "expect_epoch"};
  }
  if (move_ && (move_->accepted || !move_->record.automatic)) {
    return {Code::kConflict,
            (move_->record.automatic
                 ? "a move of " + record_.group + " that the coordinator decided on"
                 : "a move of " + record_.group + " asked for by " + move_->record.caller) +
                " is under way; wait for its outcome"};
  }
  if (request.target && request.leave_vacant) {
    return {Code::kInvalidArgument,
            "a move to a node can't leave the group vacant; leave out one of the two",
            "leave_vacant"};
  }
  if (request.target && request.target == request.away_from) {
    return {Code::kInvalidArgument, "the role can't move from a node to itself", "to"};
  }
  if (request.target && !members_.contains(*request.target)) {
    return {Code::kNotFound, request.target->toString() + " is not a member of " + record_.group,
            "to"};
  }
  if (!nothingToMove(request).empty()) return Status::ok();
  const MoveRecord move = recordOf(request);
  if (hasArrived(move)) return Status::ok();
  if (move.leave_vacant && move.force && !move.from.isEmpty()) return Status::ok();
  const Decision decision = decisionFor(move, false);
  for (const Verdict& verdict : decision.verdicts) {
    const bool possible =
        verdict.eligible || (verdict.obstacle == Obstacle::kUnknownLive && move.target);
    if (possible && isWanted(move, verdict.candidate.jid)) return Status::ok();
  }
  return noDestination(move);
}

// Why nobody whom the move wants can take the role.
Status GroupMachine::noDestination(const MoveRecord& move) const {
  const Decision decision = decisionFor(move, move_ && move_->accepted);
  if (!move.target) {
    const std::string text =
        "no other node of " + record_.group + " can become active: " + reasons(decision, move.from);
    if (!move.leave_vacant) return {Code::kUnavailable, text};
    return {Code::kRefusedUnsafe,
            text + ". With force " + record_.group + " is left without an active node", "force"};
  }
  const std::string name = nameOf(*move.target);
  const Verdict* verdict = decision.find(*move.target);
  if (!verdict) return {Code::kUnavailable, name + " is no longer a member", "to"};
  std::string text = name + " can't become active: " + verdict->why;
  const bool missing =
      verdict->obstacle == Obstacle::kAbsent || verdict->obstacle == Obstacle::kSilent;
  if (missing) return {Code::kUnavailable, std::move(text), "to"};
  if (isTaste(verdict->obstacle) && !move.force) text += "; force overrides that";
  return {Code::kRefusedUnsafe, std::move(text), "to"};
}

bool GroupMachine::isWanted(const MoveRecord& move, const Jid& bare) {
  if (move.target) return bare == *move.target;
  return bare != move.from && bare != move.away_from;
}

// The candidates as the move sees them. Backing off counts only for what failed during the move.
Decision GroupMachine::decisionFor(const MoveRecord& move, bool with_backoff) const {
  Decision decision = candidates(now_);
  if (!with_backoff && !move.automatic) {
    std::vector<Candidate> all;
    for (Verdict& verdict : decision.verdicts) {
      verdict.candidate.barred.clear();
      all.push_back(std::move(verdict.candidate));
    }
    decision = choose(config_.choose, std::move(all));
  }
  // Who may leave the group vacant needs nobody who is unfit: the other candidates may be drained
  // too.
  if (!move.force || move.leave_vacant) return decision;
  // Of a choice that is left to us, taste is set aside only when nobody meets it.
  const bool met =
      std::any_of(decision.verdicts.begin(), decision.verdicts.end(), [&](const Verdict& verdict) {
        return verdict.eligible && isWanted(move, verdict.candidate.jid);
      });
  return met ? decision : withoutTaste(decision, with_backoff);
}

// The role, or the offer of it, is where the move wants it.
bool GroupMachine::hasArrived(const MoveRecord& move) const {
  if (record_.phase != Phase::kOffered && record_.phase != Phase::kActive) return false;
  return isWanted(move, record_.jid);
}

void GroupMachine::pursueAsking() {
  const MoveRecord& move = move_->record;
  if (hasArrived(move)) return acceptMove();
  const Choice choice = pick(decisionFor(move, true), &move);
  if (!choice.jid.isEmpty()) return acceptMove();
  if (choice.wait) return;
  if (move.leave_vacant && move.force && !move.from.isEmpty()) return acceptMove();
  if (move.automatic) {
    // Nobody waits for it and nothing was touched; the level has to be bad for another while.
    under_floor_since_.reset();
    move_.reset();
    return;
  }
  Status status = noDestination(move);
  std::string text = status.text();
  finishMove(std::move(status), std::move(text));
}

// From here on the move is on disk and has to come to an end.
void GroupMachine::acceptMove() {
  Move& move = *move_;
  move.accepted = true;
  move.asked = now_ - move.begun;
  const bool arrived = hasArrived(move.record);
  if (isHeld() && !arrived) move.record.from = record_.jid;
  if (move.record.automatic || !keeps(Rule::kHumanNotCounted)) automatic_moves_.push_back(now_);
  record_.move = move.record;
  confirm_deadline_ = std::max(confirm_deadline_, now_ + config_.promote_timeout);
  effects_.push_back(
      group::MoveStarted{move.record.key, move.record.from, move.record.target, record_.epoch});
  if (record_.phase == Phase::kOffered && !recovered_ && !arrived) {
    // As good as timed out: no grant was answered under it, and an acquire will meet no offer.
    vacate("the offer to " + nameOf(record_.jid) + " was withdrawn for a move");
  }
}

// While ACTIVE: the move has arrived, or the holder has to make room.
void GroupMachine::pursueMove() {
  if (!move_ || !move_->accepted) return;
  const MoveRecord& move = move_->record;
  if (!hasArrived(move)) {
    beginDrain(move.automatic ? move.cause : "a move was asked for by " + move.caller,
               DrainFor::kMove);
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
  const MoveRecord& move = move_->record;
  const Choice choice = pick(decisionFor(move, true), &move);
  if (!choice.jid.isEmpty()) return offerTo(choice.jid);
  // After a restart the members appear one by one.
  if (choice.wait || (move_->resumed && !isSettled(now_))) return;
  const std::string none = noDestination(move).text();
  if (move.leave_vacant && move.force) {
    owes_active_ = false;
    return finishMove(Status::ok(),
                      record_.group + " is left without an active node, as asked for: " + none);
  }
  std::string text = move_->last_failure.empty() ? none : move_->last_failure;
  text += "; the best candidate is taken instead";
  owes_active_ = true;
  finishMove({Code::kUnavailable, text}, text);
}

void GroupMachine::finishMove(Status status, std::string text) {
  const Move move = *move_;
  move_.reset();
  record_.move.reset();
  group::MoveFinished outcome;
  outcome.status = std::move(status);
  outcome.duration = now_ - move.begun;
  outcome.text = std::move(text);
  outcome.resumed = move.resumed;
  if (record_.epoch != move.record.from_epoch) outcome.steps = takeover_.steps;
  outcome.steps.ask = move.asked;
  outcome.automatic = move.record.automatic;
  outcome.from = move.record.from;
  outcome.from_epoch = move.record.from_epoch;
  // If it came to nothing, the level has to be bad for another while before the next one.
  if (move.record.automatic) under_floor_since_.reset();
  answerMove(requestOf(move.record), std::move(outcome));
}

void GroupMachine::answerMove(const group::MoveRequested& request, group::MoveFinished outcome) {
  outcome.key = request.key;
  outcome.caller = request.caller;
  outcome.context = request.context;
  outcome.forced = request.force;
  outcome.epoch = record_.epoch;
  if (isHeld()) outcome.to = record_.jid;
  rememberMove(request, outcome);
  if (!request.key.empty()) outcomes_.push_back({request, outcome});
  effects_.push_back(std::move(outcome));
}

void GroupMachine::rememberMove(const group::MoveRequested& request,
                                std::optional<group::MoveFinished> outcome) {
  if (request.key.empty()) return;
  auto moves = std::make_shared<std::vector<KnownMove>>(*known_moves_);
  std::erase_if(*moves, [&](const KnownMove& move) { return move.request.key == request.key; });
  moves->push_back({request, std::move(outcome)});
  if (moves->size() > limits::kMaxKnownMoves) {
    moves->erase(std::find_if(moves->begin(), moves->end(),
                              [](const KnownMove& move) { return move.outcome.has_value(); }));
  }
  known_moves_ = std::move(moves);
}

}  // namespace muster::election
