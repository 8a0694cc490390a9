// What the coordinator keeps, as plain records of the store's own: the daemon converts to and from
// the structs of the layers that decide.
#pragma once

#include <cstdint>
#include <optional>
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

// A move of a group's active role: as it was asked for and, once it has ended, what came of it.
struct MoveRow {
  std::string group;
  // Whose repeat is the same request; empty of a move that nobody can repeat.
  std::string key;
  std::string target;                    // bare JID; empty: the best candidate
  std::string away_from;                 // bare JID; not empty: the role is to leave this member
  std::optional<uint64_t> expect_epoch;  // refused unless the group's epoch was this one
  std::string caller;                    // bare JID, or the part that wanted it by itself
  std::string cause;                     // why, if it was no person who asked
  bool force = false;
  bool leave_vacant = false;
  bool automatic = false;
  std::string from;  // bare JID of who was active at its beginning; empty if nobody was
  uint64_t from_epoch = 0;
  std::string context;  // the coordinator's own: whom to tell, and what follows
  // Empty while it runs; else codeName() of the outcome, and the rest of it.
  std::string code;
  std::string field;  // the argument at fault, of a failure
  std::string text;
  std::string to;  // bare JID of who was active at its end; empty if nobody was
  uint64_t epoch = 0;
  int64_t duration_ms = 0;
  bool resumed = false;  // the coordinator restarted in the middle: the duration counts from then

  bool isRunning() const { return code.empty(); }
  bool operator==(const MoveRow&) const = default;
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
  // The move that runs, whose `group` is this one's name; without an outcome.
  std::optional<MoveRow> move = std::nullopt;
  // Of a group whose holders may go on without a coordinator: for how long the latest one may,
  // rounded up, 0 if it can't; T of its lease, rounded up; the list of members that holders are
  // told, with its version; and who of them that holder may not know. Bare JIDs.
  int64_t failsafe_ms = 0;
  int64_t failsafe_lease_ms = 0;
  uint64_t members_version = 0;
  std::vector<std::string> listed{};
  std::vector<std::string> untold{};

  bool operator==(const GroupRow&) const = default;
};

// Until when a group's role goes nowhere by itself, and who wanted it so.
struct PauseRow {
  std::string group;
  WallTime until;
  std::string by;      // bare JID
  std::string reason;  // may be empty
  WallTime set_at;

  bool operator==(const PauseRow&) const = default;
};

// Of whose promotion the site's hooks were told last, and whether of its end as well.
struct HookHolderRow {
  std::string group;
  std::string node;    // its name; empty: of nobody's yet
  uint64_t epoch = 0;  // 0: of nobody's yet
  bool ended = true;

  bool operator==(const HookHolderRow&) const = default;
};

// A hook that is to be run, or was when it was written.
struct HookRunRow {
  uint64_t seq = 0;  // given by the coordinator: the order in which a group's are run
  std::string group;
  std::string hook;
  std::string old_node;  // names; may be empty
  std::string new_node;
  uint64_t old_epoch = 0;  // 0: none
  uint64_t epoch = 0;
  std::string cause;
  std::string by;       // bare JID of who asked for it; empty: nobody did
  std::string outcome;  // of a move, by then
  WallTime at;
  bool begun = false;  // it may have been started

  bool operator==(const HookRunRow&) const = default;
};

// A move of a group's role that somebody wants at a time to come.
struct ScheduledMoveRow {
  std::string group;
  WallTime at;
  std::string to;  // a node's name; empty: the best candidate
  bool force = false;
  std::string by;     // bare JID
  std::string place;  // the address at which it was asked
  std::string call;   // of the audit trail's entries
  WallTime set_at;

  bool operator==(const ScheduledMoveRow&) const = default;
};

// Whether a node is kept out of the active role on purpose, and who wanted it so.
struct DrainRow {
  bool drained = false;
  std::string by;       // bare JID of whoever changed it last
  std::string reason;   // may be empty
  WallTime changed_at;  // 0: never changed

  bool operator==(const DrainRow&) const = default;
};

struct MemberRow {
  std::string jid;    // bare, normalised; unique
  std::string name;   // unique in the whole cluster
  std::string group;  // empty: a node without failover
  WallTime enrolled_at;
  std::string enrolled_by;
  int priority = 0;  // the higher, the sooner it is chosen
  bool nofailover = false;
  DrainRow drain = {};

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
  std::string call = {};  // the same in all entries of one call; may be empty

  bool operator==(const AuditEntry&) const = default;
};

// One thing that happened to a group's active role.
struct HistoryRow {
  uint64_t seq = 0;  // given by the store: 1, 2, ...; ignored by append()
  WallTime at;
  std::string group;
  std::string what;  // "active", "vacant", "moved", "move-failed", "alarm", ...
  std::string from;  // nodes' names, empty if none
  std::string to;
  uint64_t epoch = 0;
  int64_t duration_ms = 0;  // 0: not measured
  std::string cause;
  std::string who;  // bare JID of who asked; empty if nobody did
  // Of a change of the active node, how long each part took; 0: there was none.
  int64_t drain_ms = 0;
  int64_t wait_ms = 0;
  int64_t offer_ms = 0;
  int64_t promote_ms = 0;

  bool operator==(const HistoryRow&) const = default;
};

// The numbers stand in the database and never change.
enum class OverrideTarget : int {
  kAll = 0,
  kGroup = 1,
  kNode = 2,
};

// A log level that nodes which join later get too, with the time that is left.
struct OverrideRow {
  OverrideTarget kind = OverrideTarget::kAll;
  std::string target;  // the group's or node's name; empty for kAll
  std::string logger;
  int level = 0;  // muster.v1.LogLevel's number; never 0
  std::string by;
  WallTime set_at;
  std::optional<WallTime> until;  // unset: for ever

  bool operator==(const OverrideRow&) const = default;
};

// Somebody's wish to hear when a target's level falls; one for each person and target.
struct AlertSubscriptionRow {
  std::string jid;              // bare
  std::string target;           // "user.ledger", "ledger", "node1", "overall"
  std::string place;            // bare; the address that speaks
  std::optional<double> below;  // percent; unset: the target's own objective
  int64_t for_ms = 0;
  int severity = 2;  // muster.v1.IncidentSeverity's number
  WallTime since;

  bool operator==(const AlertSubscriptionRow&) const = default;
};

struct IncidentRow {
  uint64_t id = 0;  // never 0 and never given twice
  std::string target;
  std::string group;
  int severity = 2;
  bool storm = false;
  std::string sentence;  // the level at its beginning
  std::optional<double> percent;
  double objective = 0;
  std::optional<double> budget_left;
  std::string log_lines;  // one a line
  WallTime since;
  WallTime opened;
  std::optional<WallTime> ended;
  std::string recovered;  // the level at its end, or why it is over
  std::string covered;    // targets, one a line
  uint32_t thresholds = 0;
  std::string followers;  // one a line: the bare JID, a blank, and the address that speaks to it
  bool announced = false;
  std::string acked_by;
  std::optional<WallTime> acked_at;
  std::string assignee;
  std::string resolved_by;
  uint32_t steps_done = 0;  // of the escalation

  bool operator==(const IncidentRow&) const = default;
};

struct IncidentNoteRow {
  uint64_t seq = 0;  // given by the store; ignored when it is added
  uint64_t incident = 0;
  WallTime at;
  std::string who;   // bare JID; empty: the coordinator itself
  std::string what;  // "opened", "ack", "note", ...
  std::string text;

  bool operator==(const IncidentNoteRow&) const = default;
};

struct SilenceRow {
  std::string target;
  std::string by;
  std::string reason;
  WallTime from;
  WallTime until;

  bool operator==(const SilenceRow&) const = default;
};

// Something that is to be told and has not been delivered yet.
struct OutboxRow {
  std::string id;       // of the stanza and of its repetitions; unique
  std::string channel;  // empty: a chat message
  std::string to;       // bare JID; empty of a channel
  std::string from;
  uint64_t incident = 0;  // 0: of none
  int kind = 0;           // the coordinator's own number
  std::string text;
  std::string gist;
  bool until_acked = false;
  WallTime created;
  uint32_t attempts = 0;
  std::optional<WallTime> sent;  // the last attempt
  bool confirmed = false;

  bool operator==(const OutboxRow&) const = default;
};

// What became of a message of the outbox.
struct DeliveryRow {
  uint64_t seq = 0;  // given by the store
  WallTime at;
  std::string id;
  std::string channel;
  std::string to;
  uint64_t incident = 0;
  int kind = 0;
  uint32_t attempts = 0;
  std::string outcome;

  bool operator==(const DeliveryRow&) const = default;
};

}  // namespace muster::store
