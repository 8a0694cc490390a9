// Failovers of Redis Sentinel: three sentinels, and for each kind of failover a master of its own
// with two replicas.
#pragma once

#include <memory>

#include "bench/failover/contest.h"

namespace muster::bench {

class SentinelSystem {
 public:
  static Result<std::unique_ptr<SentinelSystem>> start(Run& run, const Settings& settings);
  virtual ~SentinelSystem() = default;
  // Which must not outlive it.
  virtual std::unique_ptr<Contest> contest(Kind kind) = 0;
};

}  // namespace muster::bench
