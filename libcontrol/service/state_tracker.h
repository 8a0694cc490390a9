// Keeps a state from changing with every breath of the figures.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// What is told, given what the figures say. A worse state is told once it has held for `worse_for`,
// a better one once it has held for `better_for`; where worse states took turns it is the least bad
// of them. After limits::kFlapChanges changes within the hour a better state must hold for
// limits::kFlapSteady at least: damped. That there is no data is told at once and always; meanwhile
// the state behind it may get better, as without anything bad. Plain value; one thread; times that
// run back are taken as the last one.
class StateTracker {
 public:
  StateTracker(Duration worse_for, Duration better_for)
      : worse_for_(worse_for), better_for_(better_for) {}

  // Takes a state as given, as no change.
  void begin(LevelState state, ElapsedTime now);
  // For how long; takes effect with the next step.
  void configure(Duration worse_for, Duration better_for);
  LevelState step(LevelState judged, ElapsedTime now);

  // As of the last step; kNoData before the first one.
  LevelState state() const { return told_; }
  // The state apart from whether there are data: what hysteresis starts from.
  LevelState held() const { return held_; }
  // nullopt before the first step.
  std::optional<ElapsedTime> since() const { return since_; }
  // Changes within the last hour; not those to and from kNoData.
  uint32_t flaps(ElapsedTime now) const;
  bool isDamped(ElapsedTime now) const { return flaps(now) >= limits::kFlapChanges; }

  // Takes up what another process told: `held` since `since`, with so many changes in the hour
  // before, which are taken to be as recent as they can.
  void restore(LevelState held, ElapsedTime since, uint32_t flaps, ElapsedTime now);

 private:
  void follow(LevelState judged, ElapsedTime now);
  void change(LevelState to, ElapsedTime now);

  Duration worse_for_;
  Duration better_for_;
  LevelState told_ = LevelState::kNoData;
  LevelState held_ = LevelState::kOk;
  std::optional<ElapsedTime> since_;
  ElapsedTime last_{};
  // The state that was judged nearest to the one held since it was last judged so, and since when.
  std::optional<LevelState> pending_;
  ElapsedTime pending_since_{};
  // When it changed last, a ring: more are not told apart.
  std::array<ElapsedTime, 32> changes_{};
  size_t change_count_ = 0;
};

}  // namespace muster::service
