// When the machine's watchdog is fed for a lease, with which timeout, and when it may be disarmed.
//
// A watchdog resets the machine unless it is fed again within its timeout. While a lease is held it
// is kept such that its time is up a moment before the lease's end, whatever becomes of the process
// or the machine: it counts whole seconds from its last feed, so a feed is allowed only while those
// still fit into what is left of the lease, and the last one is made just when they do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libcontrol/base/clock.h"

namespace muster::election {

// What to try with a device, in whole seconds.

// Timeouts for leases of that length, the longest first; each is half of the one before it. Empty:
// the lease is too short for any device.
std::vector<int> watchdogTimeouts(Duration ttl);
// The shortest lease for a device whose shortest timeout this is.
Duration shortestGuardedLease(int timeout_s);

// The state of one node's watchdog. Pure, not thread-safe: next() says what is to be done now, what
// came of it is told, and next() is asked again, at nextWake() at the latest. Time is the holder's
// elapsed time, as in NodeMachine.
class WatchdogPlan {
 public:
  struct Action {
    enum class Kind {
      kNone,
      kFeed,    // open the device unless it is open, set the timeout, feed
      kDisarm,  // and close it
    };
    Kind kind = Kind::kNone;
    int timeout_s = 0;
  };

  // What the device takes, the longest first, found out while no lease was held; empty: it can't
  // be used, and no lease is guarded until something else is said.
  void setTimeouts(std::vector<int> timeouts);

  // The lease of `epoch` is over at `end`. Ignored once the application has stopped under it.
  void extended(uint64_t epoch, ElapsedTime end, ElapsedTime now);
  // The application has stopped under `epoch`; of a later one that has begun by now nothing is
  // said.
  void stopped(uint64_t epoch);
  // It has stopped under whichever was the last.
  void stopped() { stopped(epoch_); }

  Action next(ElapsedTime now) const;
  std::optional<ElapsedTime> nextWake(ElapsedTime now) const;

  // The clock was read before and after: the device counts from some instant between both.
  void fed(int timeout_s, ElapsedTime before, ElapsedTime after);
  // It could not be fed; it is tried again soon. `counts`: it is open all the same.
  void failed(ElapsedTime now, bool counts);
  void disarmed();
  // It can't be: from now on it is fed every half of this timeout while no lease is held.
  void cannotDisarm(int timeout_s, ElapsedTime now);

  // The epoch of the lease that is held; 0: none.
  uint64_t held() const { return held_ ? epoch_ : 0; }
  // Whether the device counts.
  bool isArmed() const { return armed_; }
  bool isKept() const { return kept_s_ != 0; }
  // When it resets the machine at the latest, by the node's clock.
  ElapsedTime deadline() const { return deadline_; }

 private:
  std::optional<int> longestThatFits(ElapsedTime now) const;

  std::vector<int> timeouts_;
  uint64_t epoch_ = 0;
  bool held_ = false;
  ElapsedTime end_{};
  bool armed_ = false;
  int kept_s_ = 0;  // it can't be disarmed and is fed by this timeout; 0: it can, as far as known
  ElapsedTime deadline_{};
  std::optional<ElapsedTime> next_feed_;
};

}  // namespace muster::election
