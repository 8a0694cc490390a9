// Muster's failovers: a Prosody, a muster-coordinator, three applications with a Node, and three
// programs that muster-agent supervises.
#pragma once

#include <memory>

#include "bench/failover/contest.h"

namespace muster::bench {

// Its contests belong to the main thread, whose event loop the operator's connection needs: it
// makes a QCoreApplication.
class MusterSystem {
 public:
  static Result<std::unique_ptr<MusterSystem>> start(Run& run, const Settings& settings);
  virtual ~MusterSystem() = default;
  // Which must not outlive it.
  virtual std::unique_ptr<Contest> contest(Kind kind) = 0;
};

// A Nap for the main thread once there is a system: its event loop goes on.
void loopFor(Duration time);

}  // namespace muster::bench
