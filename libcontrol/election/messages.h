// The messages of the lease protocol as plain values, field by field what LeaseMessage in
// proto/muster/wire.proto carries. Drivers translate (durations there are in milliseconds).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"

namespace muster::election {

struct Offer {
  std::string group;
  uint64_t epoch = 0;
  Duration lease_ttl;
  Id128 offer_nonce;
  // W of a group whose holder may go on by the promises of the others: whoever has started less
  // than this ago may have promised something that it doesn't know of. Zero: no such group.
  Duration failsafe_wait{};
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
  uint64_t members_version = 0;  // of the list that it has; 0: none
};
// How a holder may go on while no coordinator answers, and by whose promises.
struct Failsafe {
  Duration wait;                 // W: for so long the others must promise to accept no other grant
  Duration limit;                // for how long after its last grant was asked for, at most
  uint64_t members_version = 0;  // of the list; counts up within a group
  std::vector<Jid> others;       // the other members: full if it is known which process, else bare
};
struct Granted {
  uint64_t epoch = 0;
  Duration lease_ttl;
  uint64_t request_nonce = 0;
  bool draining = false;
  std::optional<Failsafe> failsafe{};
};
struct Denied {
  uint64_t request_nonce = 0;  // 0 in the answer to an offer or a drain
  std::string reason;
  uint64_t highest_epoch = 0;  // the highest that whoever denies has seen
  // In the answer to an offer: before that there is no use in asking again; zero: nobody can say.
  Duration retry_after{};
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
// From a holder to each other member: accept no other grant for `wait` from now on.
struct PromiseRequest {
  std::string group;
  uint64_t epoch = 0;
  InstanceId instance;
  Duration wait;
  uint64_t request_nonce = 0;
};
struct Promised {
  uint64_t request_nonce = 0;
};

}  // namespace muster::election
