// The messages of the lease protocol as plain values, field by field what LeaseMessage in
// proto/muster/wire.proto carries. Drivers translate (durations there are in milliseconds).
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"

namespace muster::election {

struct Offer {
  std::string group;
  uint64_t epoch = 0;
  Duration lease_ttl;
  Id128 offer_nonce;
};
struct Acquire {
  std::string group;
  uint64_t epoch = 0;
  Id128 offer_nonce;
  InstanceId instance;
  uint64_t request_nonce = 0;
};
struct Renew {
  std::string group;
  uint64_t epoch = 0;
  InstanceId instance;
  uint64_t request_nonce = 0;
};
struct Granted {
  uint64_t epoch = 0;
  Duration lease_ttl;
  uint64_t request_nonce = 0;
  bool draining = false;
};
struct Denied {
  uint64_t request_nonce = 0;  // 0 in the answer to an offer or a drain
  std::string reason;
  uint64_t highest_epoch = 0;  // the highest that whoever denies has seen
};
struct Drain {
  std::string group;
  uint64_t epoch = 0;
  InstanceId instance;
  uint64_t demand_nonce = 0;
};
struct Drained {
  uint64_t epoch = 0;
  InstanceId instance;
  uint64_t demand_nonce = 0;
};
struct Release {
  std::string group;
  uint64_t epoch = 0;
  InstanceId instance;
  // Why, for people: a clause such as "its supervisor says that the application is gone: ended by
  // signal 9"; at most limits::kMaxReleaseReasonBytes, may be empty.
  std::string reason{};
  // Given up on request or at a shutdown, not because something failed.
  bool orderly = false;
};
struct Accepted {};

}  // namespace muster::election
