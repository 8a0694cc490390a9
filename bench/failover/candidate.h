// A candidate of an election in etcd, as its documentation describes one: a key with a lease under
// a prefix; the oldest key's owner leads, and every other one watches the key before its own.
#pragma once

#include <cstdint>
#include <string>

#include "bench/failover/told.h"
#include "libcontrol/base/clock.h"

namespace muster::bench {

struct CandidateConfig {
  std::string endpoint;  // "http://HOST:PORT"
  std::string prefix;
  Duration ttl;  // whole seconds
};

// Tells when it leads and when it has stopped to. Resigns at SIGUSR1, which must be blocked in
// every thread, and then stands again. Returns only if etcd can't be used at all.
Status stand(const CandidateConfig& config, const Teller& teller);

}  // namespace muster::bench
