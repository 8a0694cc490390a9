// The agent as two processes: an inner one that does the work, and an outer one that sees to it
// that nothing of the program outlives the inner one or its lease.
//
// The outer process ("keeper") is the one that users start, signal and wait for. It has one thread,
// talks to nobody, and is a subreaper (process_tree.h): when the inner process is killed, all that
// descends from it becomes the keeper's, which ends it. When the inner process stands still
// (SIGSTOP) it can't heed the end of its lease; the keeper then does. When the keeper is killed the
// inner process gets SIGTERM and ends in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "libcontrol/base/clock.h"

namespace muster::agent {

// How the inner process tells the keeper of its lease: an instant in memory that both share. Any
// thread. Not copyable; runKept() owns it.
class LeaseWatch {
 public:
  // On the clock that goes on through a suspend.
  static int64_t now();

  // The lease is over that long from now: what runs then is killed. Replaces what was said before.
  void endsIn(Duration left) { end_ns_.store(now() + left.ns); }
  // Nothing is active.
  void clear() { end_ns_.store(0); }
  bool isOver() const;

 private:
  std::atomic<int64_t> end_ns_{0};
};

// Forks; `inner` runs in the child and its result is the child's exit code. Returns the exit code
// for the process that it returns in: the inner one's own, or the keeper's: what the inner process
// ended with, 1 if it was ended by a signal. To be called before any thread is made.
int runKept(const std::function<int(LeaseWatch&)>& inner);

}  // namespace muster::agent
