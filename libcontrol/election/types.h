// What both sides of the lease protocol share: phases, the durable record of a group, the wait-out.
// docs/election.md has the rules.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"

namespace muster::election {

// Where a group's record stands. Written to disk before anything that depends on it is sent.
enum class Phase {
  kVacant,    // nobody can hold a lease
  kOffered,   // one member may acquire, under one nonce
  kActive,    // granted to one (JID, instance)
  kDraining,  // still that holder's, told to stop
};
// "VACANT", "OFFERED", "ACTIVE", "DRAINING".
const char* phaseName(Phase phase);

// What the coordinator keeps on disk for a group, all of it in one atomic write. A plain value.
struct GroupRecord {
  std::string group;
  Phase phase = Phase::kVacant;
  // Of the latest offer, also while vacant; 0 before the first.
  uint64_t epoch = 0;
  // Bare: the offer's target while OFFERED, the holder while ACTIVE or DRAINING, else empty.
  Jid jid;
  // That node's process instance; null while VACANT.
  InstanceId instance;
  // Of the offer that led here; null while VACANT.
  Id128 offer_nonce;
  // T of the offer and of every grant under this epoch; a restart waits by this one, not by what
  // the configuration says now. Zero while VACANT.
  Duration lease_ttl;
  // The highest epoch offered or reported by any node; never less than `epoch`.
  uint64_t highest_epoch = 0;

  bool operator==(const GroupRecord&) const = default;
};

// W: how long, on the waiter's clock, a lease of length `ttl` can be in force after the request for
// it was received, when every clock's rate is within 1 ± `rate_bound` (0 <= rate_bound <= 0.1).
Duration waitOut(Duration ttl, double rate_bound, Duration margin);

// Opaque to the machines: says to the driver which request an answer belongs to.
using ReplyToken = uint64_t;

}  // namespace muster::election
