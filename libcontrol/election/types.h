// What both sides of the lease protocol share: phases, the durable record of a group, the wait-out.
// docs/election.md has the rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

// A move of the role that was accepted and has no outcome yet. Kept with the group's record, so
// that a coordinator that restarts in the middle goes on with it and can tell whoever asked. A
// plain value.
struct MoveRecord {
  std::string key;               // of the request; empty: never the same as another
  std::optional<Jid> target;     // bare; none: the best candidate
  std::optional<Jid> away_from;  // bare; the role was to leave this member
  std::optional<uint64_t> expect_epoch;
  std::string caller;  // for people; of an automatic move the coordinator's own words
  bool force = false;
  bool leave_vacant = false;
  bool automatic = false;   // nobody asked: the machine's own decision
  std::string cause;        // of an automatic move, one sentence
  Jid from;                 // bare; who had the role when it began, empty if nobody
  uint64_t from_epoch = 0;  // the group's epoch when it began
  std::string context;      // the driver's own, given back with the outcome

  bool operator==(const MoveRecord&) const = default;
};

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
  // The move under way, in any phase.
  std::optional<MoveRecord> move{};
  // For how long after its last grant the latest holder may go on without a coordinator, its last
  // lease included; zero: it can't, or has stopped for certain.
  Duration failsafe_limit{};
  // T of that holder's lease, by which the promises to it were made; zero likewise.
  Duration failsafe_lease{};
  // Of the list of members, as holders are told; and that list: bare, sorted. Only of groups whose
  // holders may go on.
  uint64_t members_version = 0;
  std::vector<Jid> listed{};
  // Those of them whom that holder may not know, so that it would go on without their promise.
  std::vector<Jid> untold{};

  bool operator==(const GroupRecord&) const = default;
};

// W: how long, on the waiter's clock, a lease of length `ttl` can be in force after the request for
// it was received, when every clock's rate is within 1 ± `rate_bound` (0 <= rate_bound <= 0.1).
Duration waitOut(Duration ttl, double rate_bound, Duration margin);

// Opaque to the machines: says to the driver which request an answer belongs to.
using ReplyToken = uint64_t;

}  // namespace muster::election
