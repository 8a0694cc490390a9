// Failovers of an election in etcd: three members of etcd, and for each kind of failover an
// election of its own with three candidates.
#pragma once

#include <memory>

#include "bench/failover/contest.h"

namespace muster::bench {

class EtcdSystem {
 public:
  static Result<std::unique_ptr<EtcdSystem>> start(Run& run, const Settings& settings);
  virtual ~EtcdSystem() = default;
  // Which must not outlive it.
  virtual std::unique_ptr<Contest> contest(Kind kind) = 0;
};

}  // namespace muster::bench
