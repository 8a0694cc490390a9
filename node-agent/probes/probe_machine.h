// When a probe is due, and what its results mean. Pure: time is passed in.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"

namespace muster::agent {

struct ProbeTiming {
  Duration interval = Duration::seconds(10);
  Duration timeout = Duration::seconds(2);  // at most the interval
  int fall = 3;                             // failures in a row until it is down
  int rise = 2;                             // successes in a row until it is up again
};

// One probe. It has at most one run at a time, and a run that took too long puts the next one off
// instead of piling them up.
class ProbeMachine {
 public:
  // The first run is due at `first`.
  ProbeMachine(ProbeTiming timing, ElapsedTime first) : timing_(timing), due_(first) {}

  bool isDue(ElapsedTime now) const { return !running_ && !paused_ && due_ <= now; }
  // When isDue() may be true; ElapsedTime::max(): not before something else happens.
  ElapsedTime due() const { return running_ || paused_ ? ElapsedTime::max() : due_; }

  // Returns the run's number, for end().
  uint64_t begin(ElapsedTime now);

  struct Effect {
    bool counts = false;     // the run is over, and its result is one good or bad request
    bool went_down = false;  // with this result
    bool came_up = false;
  };
  // Of a run that was begun before a pause nothing is taken.
  Effect end(uint64_t run, bool good, ElapsedTime now);

  // While it is paused nothing is due and nothing is down: what is probed is not there on purpose.
  // came_up if it was down.
  Effect pause(bool paused, ElapsedTime now);

  bool isDown() const { return down_; }

 private:
  const ProbeTiming timing_;
  ElapsedTime due_;
  ElapsedTime began_{};
  uint64_t run_ = 0;
  bool running_ = false;
  bool paused_ = false;
  bool down_ = false;
  int in_a_row_ = 0;  // results that speak against the present state
};

}  // namespace muster::agent
