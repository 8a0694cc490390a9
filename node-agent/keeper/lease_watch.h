// How the agent's inner process tells its keeper of its lease: an instant in memory that both
// share.
#pragma once

#include <atomic>
#include <cstdint>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/fd.h"

namespace muster::agent {

// Any thread. Not copyable.
class LeaseWatch {
 public:
  // On the clock that goes on through a suspend.
  static int64_t now();
  // Memory of its own, by whose descriptor, which ends at exec, another process can share it.
  static Result<Fd> makeMemory();
  // In such memory, which stays mapped until the process ends: threads may look at it until then.
  // All who share it see one and the same.
  static Result<LeaseWatch*> in(const Fd& memory);

  LeaseWatch() = default;
  LeaseWatch(const LeaseWatch&) = delete;
  LeaseWatch& operator=(const LeaseWatch&) = delete;

  // The lease is over that long from now: what runs then is killed. Replaces what was said before.
  void endsIn(Duration left) { end_ns_.store(now() + left.ns); }
  // Nothing is active.
  void clear() { end_ns_.store(0); }
  bool isOver() const;

 private:
  std::atomic<int64_t> end_ns_{0};
};

}  // namespace muster::agent
