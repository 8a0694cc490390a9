#include "node-agent/probes/probe_machine.h"

#include <algorithm>

namespace muster::agent {

uint64_t ProbeMachine::begin(ElapsedTime now) {
  running_ = true;
  began_ = now;
  return ++run_;
}

ProbeMachine::Effect ProbeMachine::end(uint64_t run, bool good, ElapsedTime now) {
  Effect effect;
  if (!running_ || run != run_) return effect;
  running_ = false;
  due_ = std::max(began_ + timing_.interval, now);
  effect.counts = true;
  if (good != down_) {
    in_a_row_ = 0;
    return effect;
  }
  if (++in_a_row_ < (down_ ? timing_.rise : timing_.fall)) return effect;
  in_a_row_ = 0;
  effect.went_down = !down_;
  effect.came_up = down_;
  down_ = !down_;
  return effect;
}

ProbeMachine::Effect ProbeMachine::pause(bool paused, ElapsedTime now) {
  Effect effect;
  if (paused == paused_) return effect;
  paused_ = paused;
  in_a_row_ = 0;
  // What still runs belongs to the time before.
  running_ = false;
  ++run_;
  due_ = now + timing_.interval;
  effect.came_up = down_;
  down_ = false;
  return effect;
}

}  // namespace muster::agent
