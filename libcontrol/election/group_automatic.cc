// Moves that nobody asked for: off a live holder whose level is bad, within limits.
#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"
#include "libcontrol/election/wording.h"

namespace muster::election {
namespace {

constexpr Duration kHour = Duration::seconds(3600);

}  // namespace

void GroupMachine::on(const group::Paused& event) {
  pause_ = event;
}

void GroupMachine::on(const group::Resumed&) {
  pause_.reset();
}

void GroupMachine::on(const group::MoveAllowed& event) {
  allowed_epoch_ = event.epoch;
}

void GroupMachine::on(const group::MoveVetoed& event) {
  veto_ = event;
}

bool GroupMachine::isPaused(ElapsedTime now) const {
  return pause_ && now < pause_->until && keeps(Rule::kPauseHolds);
}

// None unless the holder is active and counts something.
std::optional<double> GroupMachine::holderLevel() const {
  if (record_.phase != Phase::kActive || !confirmed_active_) return std::nullopt;
  const Presence* holder = findInstance(record_.jid, record_.instance);
  return holder ? holder->facts.level_percent : std::nullopt;
}

bool GroupMachine::isUnderFloor() const {
  const auto level = holderLevel();
  return level && *level < config_.choose.level_floor;
}

// Better by so much that the role wouldn't come back at once. Empty if nobody is.
Jid GroupMachine::betterThanHolder(ElapsedTime now) const {
  const double own = holderLevel().value_or(100);
  const double enough = std::max(std::min(100.0, config_.choose.level_floor + config_.floor_margin),
                                 own + config_.better_by);
  const Decision decision = candidates(now);
  for (const Verdict& verdict : decision.verdicts) {
    if (!verdict.eligible) break;
    const Candidate& candidate = verdict.candidate;
    if (candidate.jid == record_.jid || !candidate.level_percent) continue;
    if (*candidate.level_percent >= enough) return candidate.jid;
  }
  return {};
}

void GroupMachine::watchLevel() {
  const bool allowed = std::exchange(allowed_epoch_, 0) == record_.epoch;
  due_.reset();
  if (!isUnderFloor() || isPaused(now_)) {
    // Whoever is still being asked is no longer needed.
    if (isMovePending() && move_->record.automatic) move_.reset();
    under_floor_since_.reset();
    flap_alarmed_ = false;
    return;
  }
  if (!under_floor_since_) under_floor_since_ = now_;
  if (move_ || config_.max_moves_per_hour == 0) return;
  if (now_ - *under_floor_since_ < config_.floor_time && keeps(Rule::kFloorTime)) return;
  std::erase_if(automatic_moves_, [this](ElapsedTime at) { return now_ - at >= kHour; });
  const Jid better = betterThanHolder(now_);
  if (better.isEmpty()) return;
  const std::string due = nameOf(record_.jid) + "'s level has been under the floor of " +
                          formatPercent(config_.choose.level_floor) + "% for " +
                          shownTime(now_ - *under_floor_since_) + " and " + nameOf(better) +
                          "'s is better";
  if (const auto hold = moveHold(now_)) {
    if (flap_alarmed_ || !hold->alarming) return;
    flap_alarmed_ = true;
    effects_.push_back(group::Alarm{due + ", but " + hold->why, group::AlarmKind::kFlapHold});
    return;
  }
  if (config_.ask_before_moves && !allowed) {
    due_ = DueMove{better, due};
    return;
  }
  MoveRecord move;
  move.target = better;
  move.caller = "the coordinator";
  move.automatic = true;
  move.cause = due;
  move.from = record_.jid;
  move.from_epoch = record_.epoch;
  move_ = Move{std::move(move), now_};
}

// Why the role stays although a move is due, and until when.
std::optional<GroupMachine::Hold> GroupMachine::moveHold(ElapsedTime now) const {
  if (!under_floor_since_ || now - *under_floor_since_ < config_.floor_time) return std::nullopt;
  const ElapsedTime settled = granted_at_ + config_.min_between_moves;
  if (now < settled && keeps(Rule::kMinBetweenMoves)) {
    // Of a holder from before this start nobody knows how long it has had the role.
    return Hold{settled,
                "it has had the role for " + shownTime(now - granted_at_) +
                    " only, and no move off a live holder comes before " +
                    shownTime(config_.min_between_moves),
                !inherited_};
  }
  if (veto_ && veto_->epoch == record_.epoch && now < veto_->until) {
    return Hold{veto_->until, veto_->why, true};
  }
  const auto recent =
      static_cast<int>(std::count_if(automatic_moves_.begin(), automatic_moves_.end(),
                                     [&](ElapsedTime at) { return now - at < kHour; }));
  if (recent < config_.max_moves_per_hour || recent == 0) return std::nullopt;
  if (!keeps(Rule::kMovesPerHour)) return std::nullopt;
  return Hold{automatic_moves_[automatic_moves_.size() - static_cast<size_t>(recent)] + kHour,
              "there were " + std::to_string(recent) +
                  " moves off a live holder within the hour already, as many as are allowed",
              true};
}

// What there is to say of a holder under the floor; empty if it is well.
std::string GroupMachine::levelNote(ElapsedTime now) const {
  const auto level = holderLevel();
  if (!level || !isUnderFloor()) return {};
  std::string note = nameOf(record_.jid) + "'s level " + formatPercent(*level) +
                     "% is under the floor of " + formatPercent(config_.choose.level_floor) + "%";
  const Jid better = betterThanHolder(now);
  if (better.isEmpty()) return note + ", and no other node is better by enough";
  // What holds it is said elsewhere.
  if (isPaused(now)) return note + " and " + nameOf(better) + "'s is better";
  if (config_.max_moves_per_hour == 0) return note + "; moves off a live holder are switched off";
  if (const auto hold = moveHold(now)) {
    return note + " and " + nameOf(better) + "'s is better, but " + hold->why +
           ": held for another " + shownTime(hold->until - now);
  }
  if (due_)
    return note + " and " + nameOf(due_->to) + "'s is better; it is asked if the role may move";
  const ElapsedTime due = under_floor_since_.value_or(now) + config_.floor_time;
  return note + " and " + nameOf(better) + "'s is better; if it stays so the role moves in " +
         shownTime(due - now);
}

}  // namespace muster::election
