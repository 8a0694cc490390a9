#include "libcontrol/service/state_tracker.h"

#include <algorithm>

namespace muster::service {

void StateTracker::configure(Duration worse_for, Duration better_for) {
  worse_for_ = worse_for;
  better_for_ = better_for;
}

void StateTracker::begin(LevelState state, ElapsedTime now) {
  restore(state, now, 0, now);
  told_ = state;
}

LevelState StateTracker::step(LevelState judged, ElapsedTime now) {
  now = since_ ? std::max(last_, now) : now;
  last_ = now;
  follow(judged == LevelState::kNoData ? LevelState::kOk : judged, now);
  const LevelState told = judged == LevelState::kNoData ? judged : held_;
  if (told != told_ || !since_) since_ = now;
  told_ = told;
  return told_;
}

void StateTracker::follow(LevelState judged, ElapsedTime now) {
  if (judged == held_) {
    pending_.reset();
    return;
  }
  const bool worse = judged > held_;
  if (!pending_ || (*pending_ > held_) != worse) {
    pending_ = judged;
    pending_since_ = now;
  }
  pending_ = worse ? std::min(*pending_, judged) : std::max(*pending_, judged);
  const Duration better_for =
      isDamped(now) ? std::max(better_for_, limits::kFlapSteady) : better_for_;
  if (now - pending_since_ < (worse ? worse_for_ : better_for)) return;
  change(*pending_, now);
  pending_.reset();
  // Beyond the one that has held for long enough there may be another, whose time begins now.
  if (judged != held_) follow(judged, now);
}

void StateTracker::change(LevelState to, ElapsedTime now) {
  held_ = to;
  changes_[change_count_++ % changes_.size()] = now;
}

uint32_t StateTracker::flaps(ElapsedTime now) const {
  const size_t kept = std::min(change_count_, changes_.size());
  return static_cast<uint32_t>(
      std::count_if(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(kept),
                    [&](ElapsedTime at) { return now - at < limits::kFlapWindow; }));
}

void StateTracker::restore(LevelState held, ElapsedTime since, uint32_t flaps, ElapsedTime now) {
  held_ = held == LevelState::kNoData ? LevelState::kOk : held;
  told_ = held_;
  since_ = since;
  last_ = now;
  pending_.reset();
  change_count_ = std::min<size_t>(flaps, changes_.size());
  changes_.fill(since);
}

}  // namespace muster::service
