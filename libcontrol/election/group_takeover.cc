// How a holder's time ends, and how its successor becomes active.
#include <algorithm>

#include "libcontrol/election/group.h"
#include "libcontrol/election/rules.h"
#include "libcontrol/election/wording.h"

namespace muster::election {

// Nobody can act under the holder's lease any more. `failed`: not in order.
void GroupMachine::holderEnded(std::string cause, bool failed, bool certain) {
  const bool draining = record_.phase == Phase::kDraining;
  takeover_ = Takeover{record_.jid, record_.epoch, cause, {}};
  if (draining) takeover_.steps.drain = now_ - phase_since_;
  if (failed || (draining && drain_for_ == DrainFor::kSlow)) countLoss(now_);
  if (certain) endGoingOn();
  vacate(std::move(cause));
  vacant_since_ = now_;
}

// The holder's lease has been waited out.
void GroupMachine::holderExpired() {
  const std::string whose = nameOf(record_.jid);
  const bool draining = record_.phase == Phase::kDraining;
  const ElapsedTime since = phase_since_;
  // Its presence may outlive it for long: others come first for a moment.
  memberFailed(record_.jid, "let its lease run out");
  countLoss(last_grant_);
  holderEnded("the lease of " + whose + " ran out", false, /*certain=*/false);
  takeover_.steps.wait = now_ - last_grant_;
  takeover_.steps.drain = draining ? std::max(last_grant_ - since, Duration{}) : Duration{};
}

// A promotion that came to nothing, or an active application that did not last. What ends while it
// is being moved away on request is no sign of a loop.
void GroupMachine::countLoss(ElapsedTime lost_at) {
  const bool asked_to_stop = record_.phase == Phase::kDraining && drain_for_ != DrainFor::kSlow;
  if (asked_to_stop) return;
  if (confirmed_active_ && lost_at - confirmed_at_ >= config_.crash_loop_young) return;
  lost_.push_back(now_);
  std::erase_if(lost_, [this](ElapsedTime at) { return now_ - at > config_.crash_loop_window; });
  if (lost_.size() < static_cast<size_t>(config_.crash_loop_count)) return;
  lost_.clear();
  crash_hold_until_ = now_ + config_.crash_loop_hold;
  effects_.push_back(group::Alarm{
      std::to_string(config_.crash_loop_count) + " promotions in " + record_.group +
          " were lost within " + shownTime(config_.crash_loop_window) + ", the last one by " +
          nameOf(record_.jid) + ": a crash loop. Nobody is offered the role for " +
          shownTime(config_.crash_loop_hold) + " or until somebody moves it",
      group::AlarmKind::kCrashLoop});
}

bool GroupMachine::isCrashLoopHeld(ElapsedTime now) const {
  return crash_hold_until_ && now < *crash_hold_until_ && keeps(Rule::kCrashLoopHold);
}

void GroupMachine::endCrashLoopHold() {
  crash_hold_until_.reset();
  lost_.clear();
}

// The holder's presence says that its application is active.
void GroupMachine::confirmActive() {
  if (confirmed_active_) return;
  confirmed_active_ = true;
  confirmed_at_ = now_;
  if (takeover_told_) return;
  takeover_told_ = true;
  takeover_.steps.promote = now_ - granted_at_;
  group::TookOver told;
  told.from = takeover_.from;
  told.from_epoch = takeover_.from_epoch;
  told.to = record_.jid;
  told.epoch = record_.epoch;
  told.cause = takeover_.cause;
  told.steps = takeover_.steps;
  if (record_.move) {
    told.asked_by = record_.move->caller;
    told.automatic = record_.move->automatic;
    told.steps.ask = move_->asked;
    // Nobody asked for it, so only its own cause says why the one before had to stop.
    if (record_.move->automatic) told.cause = record_.move->cause;
  }
  effects_.push_back(std::move(told));
}

// Its presence has to be there and to say something else: without one nothing is known.
bool GroupMachine::isPromotionSlow() const {
  if (record_.phase != Phase::kActive || confirmed_active_ || now_ < confirm_deadline_) {
    return false;
  }
  return findInstance(record_.jid, record_.instance) != nullptr;
}

// A holder that renews but never becomes active would keep the role from everybody else for ever.
void GroupMachine::watchPromotion() {
  if (!isPromotionSlow() || move_) return;
  const std::string whose = nameOf(record_.jid);
  if (!slow_alarmed_) {
    slow_alarmed_ = true;
    effects_.push_back(group::Alarm{whose + " has held the lease of " + record_.group + " for " +
                                        shownTime(now_ - granted_at_) +
                                        " and has not said that it is active",
                                    group::AlarmKind::kSlowPromotion});
  }
  if (isPaused(now_)) return;
  const Choice choice = pick(candidates(now_), nullptr);
  if (choice.jid.isEmpty()) return;
  beginDrain(
      whose + " did not become active in time and " + nameOf(choice.jid) + " can take the role",
      DrainFor::kSlow);
}

}  // namespace muster::election
