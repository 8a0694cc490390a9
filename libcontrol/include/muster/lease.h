// The right to be the active node of a group, for a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace muster {

struct LeaseState;  // shared between the copies of a Lease and the library

// A copyable handle on a lease. It ends by itself unless the library renews it, which it does for
// as long as the coordinator agrees. Any thread may ask it at any time; every answer is made
// against the clock at that instant, since timers don't run while a machine is suspended.
//
// Only a check at the resource is safe against a process or a machine that was paused between the
// question and the write: hand epoch() and instance() to a verifier there (muster/fence.h).
class Lease {
 public:
  explicit Lease(std::shared_ptr<const LeaseState> state);

  // The fencing token: strictly increasing in the group, one holder each.
  uint64_t epoch() const;
  // 32 hex digits: the process instance that holds it.
  const std::string& instance() const;

  // How long it may still be used; zero or negative once it is over.
  std::chrono::nanoseconds remaining() const;
  // Whether an operation that takes at most max_op would end before the lease does.
  bool guard(std::chrono::nanoseconds max_op) const;
  bool valid() const { return guard(std::chrono::nanoseconds(0)); }

 private:
  std::shared_ptr<const LeaseState> state_;
};

// Why a node stops being active.
struct Demotion {
  enum class Cause {
    kDrain,      // the coordinator asked: finish in order, the lease goes on being renewed
    kLeaseOver,  // it could not be renewed: stop at once
    kShutdown,   // Node::stop()
  };
  Cause cause;
  uint64_t epoch;
  // How long the callback may take before the process is ended.
  std::chrono::nanoseconds within;
};

}  // namespace muster
