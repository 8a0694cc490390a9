// What the coordinator keeps, as plain records of the store's own: the daemon converts to and from
// the structs of the layers that decide.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"

namespace muster::store {

// The numbers stand in the database and never change.
enum class GroupPhase : int {
  kVacant = 0,
  kOffered = 1,
  kActive = 2,
  kDraining = 3,
};

// A group's durable record: the one thing by which a restarted coordinator knows who may still
// believe itself active.
struct GroupRow {
  std::string name;
  GroupPhase phase = GroupPhase::kVacant;
  uint64_t epoch = 0;          // of the current or last offer
  uint64_t highest_epoch = 0;  // ever on record or reported; never decreases
  // While OFFERED the target, while ACTIVE or DRAINING the holder; empty while VACANT. Bare JID.
  std::string holder;
  InstanceId instance;       // that node's; null while VACANT
  Id128 offer_nonce;         // of the offer that led here; null while VACANT
  int64_t lease_ttl_ms = 0;  // T of that offer and its grants, rounded up; 0 while VACANT
  WallTime moved_at;         // of the last change of phase; only shown

  bool operator==(const GroupRow&) const = default;
};

struct MemberRow {
  std::string jid;    // bare, normalised; unique
  std::string name;   // unique in the whole cluster
  std::string group;  // empty: a node without failover
  WallTime enrolled_at;
  std::string enrolled_by;

  bool operator==(const MemberRow&) const = default;
};

struct GrantRow {
  std::string jid;  // bare, normalised
  int role = 0;     // muster.v1.Role's number; never 0
  WallTime granted_at;
  std::string granted_by;

  bool operator==(const GrantRow&) const = default;
};

// Somebody's presence subscription to one of the coordinator's contacts.
struct SubscriptionRow {
  std::string contact;     // bare JID, or the component's domain
  std::string subscriber;  // bare JID

  auto operator<=>(const SubscriptionRow&) const = default;
};

// One thing that was asked for, carried out or refused.
struct AuditEntry {
  uint64_t seq = 0;  // given by the store: 1, 2, ...; ignored by append()
  WallTime at;
  std::string who;    // bare JID, or the name of the part that acted by itself
  std::string face;   // "chat", "form", "cli", ...
  std::string place;  // the address at which it was asked
  std::string verb;
  std::string arguments;  // as one line
  std::string code;       // codeName() of the outcome
  std::string text;       // the outcome in a sentence

  bool operator==(const AuditEntry&) const = default;
};

}  // namespace muster::store
