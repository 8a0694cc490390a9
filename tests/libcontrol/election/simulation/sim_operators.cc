#include "tests/libcontrol/election/simulation/sim_operators.h"

#include <algorithm>

namespace muster::election {

group::MemberEnrolled Operators::asMember(const SimNode& node) {
  group::MemberEnrolled member;
  member.jid = node.bare;
  member.name = node.name;
  member.priority = node.name == "n1" ? 1 : 0;
  return member;
}

void Operators::enrollFirst() {
  if (!run_.profile.shared) return enrollAll();
  for (const auto& node : nodes_) {
    if (!node->isTwin()) coordinators_.store.members[node->bare] = asMember(*node);
  }
}

void Operators::enrollAll() {
  for (const auto& node : nodes_) {
    if (node->isTwin() || coordinator().member(node->bare) != nullptr) continue;
    coordinator().enroll(asMember(*node));
  }
}

// Nobody waits for a holder that is no member.
void Operators::enrollAgain(const Jid& holder) {
  for (const auto& node : nodes_) {
    if (node->isTwin() || node->bare != holder || coordinator().member(holder) != nullptr) continue;
    coordinator().enroll(asMember(*node));
  }
}

// --- moves ------------------------------------------------------------------------------------

group::MoveRequested Operators::makeMove() {
  Dice& dice = run_.dice;
  group::MoveRequested request;
  if (dice.chance(0.9)) request.key = "k" + std::to_string(next_key_++);
  request.caller = "ann";
  if (dice.chance(0.6)) request.target = dice.pick(nodes_)->bare;
  if (dice.chance(0.4)) request.expect_epoch = coordinator().disk().epoch + dice.below(2);
  request.force = dice.chance(0.3);
  if (dice.chance(0.15)) request.away_from = dice.pick(nodes_)->bare;
  return request;
}

void Operators::move() {
  if (!coordinator().up()) return;
  ask(makeMove());
}

void Operators::ask(const group::MoveRequested& request) {
  run_.note(Fault::kMove);
  if (request.force) run_.note(Fault::kMoveForced);
  if (request.expect_epoch && *request.expect_epoch != coordinator().disk().epoch) {
    run_.note(Fault::kMoveWrongEpoch);
  }
  if (coordinator().disk().phase == Phase::kDraining) run_.note(Fault::kMoveWhileDraining);
  if (coordinator().disk().move) run_.note(Fault::kMoveDuringMove);
  if (run_.recording()) {
    run_.say("operator asks for move " + request.key + " to " +
             (request.target ? request.target->local() : "anyone") +
             (request.away_from ? " away from " + request.away_from->local() : "") +
             (request.force ? ", forced" : "") +
             (request.expect_epoch ? ", expecting " + std::to_string(*request.expect_epoch) : ""));
  }
  asked_.push_back(request);
  coordinator().give(request);
}

void Operators::repeatMove() {
  if (!coordinator().up() || asked_.empty()) return;
  group::MoveRequested request = run_.dice.pick(asked_);
  if (request.key.empty()) return;
  if (run_.dice.chance(0.2)) {
    run_.note(Fault::kMoveKeyReused);
    request.expect_epoch = 1'000'000'000;
    return coordinator().give(request);
  }
  run_.note(Fault::kMoveRepeated);
  run_.say("operator repeats move " + request.key);
  coordinator().give(request);
}

std::string Operators::moveTo(const SimNode& target, uint64_t expected_epoch) {
  group::MoveRequested request;
  request.key = "k" + std::to_string(next_key_++);
  request.caller = "ann";
  request.target = target.bare;
  request.expect_epoch = expected_epoch;
  ask(request);
  return request.key;
}

// A dry run changes nothing, and refuses what would be refused.
void Operators::plan() {
  if (!coordinator().up()) return;
  run_.note(Fault::kPlan);
  coordinator().run([this] {
    if (coordinator().up()) checkPlan(makeMove());
  });
}

void Operators::checkPlan(const group::MoveRequested& request) {
  const GroupMachine& machine = coordinator().machine();
  const ElapsedTime now = coordinator().clock();
  const group::Plan plan = machine.plan(request, now);
  GroupMachine copy = machine;
  if (plan.status.isOk() != copy.plan(request, now).status.isOk()) {
    run_.fail("the same plan differs the second time");
  }
  machine.view(now);
  if (plan.status.isOk()) return;
  for (const group::Effect& effect : copy.step(request, now)) {
    // Another one, of the machine's own, may be due in that very step; it has no key.
    const auto* started = std::get_if<group::MoveStarted>(&effect);
    if (started != nullptr && !request.key.empty() && started->key == request.key) {
      run_.fail("a move was begun that the dry run refused: " + plan.status.text());
    }
  }
}

void Operators::started(const group::MoveStarted& move) {
  run_.say("move " + move.key + " started");
  running_.emplace(move.key, run_.now());
}

void Operators::finished(const group::MoveFinished& move) {
  running_.erase(move.key);
  const bool ran = move.duration > Duration{};
  run_.note(move.status                                           ? Fault::kMoveDone
            : ran && move.status.code() != Code::kInvalidArgument ? Fault::kMoveFailed
                                                                  : Fault::kMoveRefused);
  if (run_.recording()) run_.say("move " + move.key + " finished: " + move.text);
  if (move.key.empty() || move.status.code() == Code::kInvalidArgument) return;
  const auto [known, first] = outcomes_.emplace(move.key, move.status.code());
  if (!first && known->second != move.status.code()) {
    run_.fail("the move " + move.key + " had two outcomes");
  }
}

std::optional<Code> Operators::outcomeOf(const std::string& key) const {
  const auto found = outcomes_.find(key);
  if (found == outcomes_.end()) return std::nullopt;
  return found->second;
}

bool Operators::askedFor(const MoveRecord& move) const {
  if (move.expect_epoch && *move.expect_epoch != move.from_epoch) return false;
  return std::any_of(asked_.begin(), asked_.end(), [&](const group::MoveRequested& request) {
    return request.key == move.key && request.target == move.target &&
           request.away_from == move.away_from && request.expect_epoch == move.expect_epoch &&
           request.force == move.force && request.leave_vacant == move.leave_vacant;
  });
}

void Operators::storeReplaced() {
  asked_.clear();
  running_.clear();
  outcomes_.clear();
}

// --- members ----------------------------------------------------------------------------------

// As `drain NODE` does: the member is marked, then its role is moved away.
void Operators::drainOrUndrain(SimNode& node) {
  if (!coordinator().up() || coordinator().member(node.bare) == nullptr) return;
  group::MemberEnrolled member = *coordinator().member(node.bare);
  member.drained = !member.drained;
  const bool holds = coordinator().disk().jid == node.bare;
  run_.note(!member.drained ? Fault::kUndrainMember
            : holds         ? Fault::kDrainHolder
                            : Fault::kDrainMember);
  if (run_.recording()) {
    run_.say("operator " + std::string(member.drained ? "drains " : "undrains ") + node.name);
  }
  coordinator().enroll(member);
  if (!member.drained || run_.dice.chance(0.2)) return;
  group::MoveRequested request;
  request.key = "k" + std::to_string(next_key_++);
  request.caller = "ann";
  request.away_from = node.bare;
  request.force = request.leave_vacant = run_.dice.chance(0.5);
  ask(request);
}

void Operators::tag(SimNode& node) {
  if (!coordinator().up() || coordinator().member(node.bare) == nullptr) return;
  group::MemberEnrolled member = *coordinator().member(node.bare);
  member.nofailover = !member.nofailover;
  if (member.nofailover) run_.note(Fault::kTagMember);
  if (run_.recording()) {
    run_.say("operator " + std::string(member.nofailover ? "tags " : "untags ") + node.name +
             " as nofailover");
  }
  coordinator().enroll(member);
}

void Operators::removeOrEnroll(SimNode& node) {
  if (!coordinator().up() || run_.members_unknown) return;
  if (coordinator().member(node.bare) == nullptr) {
    run_.note(Fault::kEnrollMember);
    run_.say("operator enrolls " + node.name);
    group::MemberEnrolled member;
    member.jid = node.bare;
    member.name = node.name;
    return coordinator().enroll(member);
  }
  run_.note(coordinator().disk().jid == node.bare ? Fault::kRemoveHolder : Fault::kRemoveMember);
  run_.say("operator removes " + node.name);
  coordinator().remove(node.bare);
  // The list of members is written before the machine is told; a crash may come between.
  if (run_.dice.chance(0.2)) {
    run_.agenda.after(run_.dice.millis(0, 4), [this] { coordinator().restart(); });
  }
  if (run_.dice.chance(0.8)) {
    enrollLater(run_.dice.millis(100, 9000));
  }
}

void Operators::enrollLater(Duration delay) {
  run_.agenda.after(delay, [this] {
    if (run_.members_unknown && countMembers() > 0) return enrollLater(Duration::seconds(1));
    if (coordinator().up()) enrollAll();
  });
}

int Operators::countMembers() {
  return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [this](const auto& node) {
    return coordinator().member(node->bare) != nullptr;
  }));
}

// A fencing hook has ended a process for certain and says so.
void Operators::fence(SimNode& node, bool the_holder) {
  if (!node.process.up) return;
  if (!the_holder) {
    run_.note(Fault::kWrongFence);
    return coordinator().give(group::HolderFenced{Id128::make(run_.nonces), "a confused script"});
  }
  run_.note(Fault::kFenced);
  const InstanceId instance = node.instance();
  node.crash("fenced");
  coordinator().give(group::HolderFenced{instance, "the host's fence"});
}

void Operators::undoAll() {
  const bool all = run_.dice.chance(0.5);
  coordinator().run([this, all] {
    if (!coordinator().up()) return;
    // Two are enough for a group; whoever was removed must not be active then.
    if (!all && countMembers() >= 2) return;
    run_.members_unknown ? enrollLater({}) : enrollAll();
  });
  for (const auto& node : nodes_) {
    if (coordinator().member(node->bare) == nullptr) continue;
    group::MemberEnrolled member = *coordinator().member(node->bare);
    member.drained = member.nofailover = false;
    coordinator().enroll(member);
  }
}

}  // namespace muster::election
