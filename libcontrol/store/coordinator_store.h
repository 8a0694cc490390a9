// The coordinator's durable memory: groups and their moves, hooks to run, members, grants,
// subscriptions, the overrides of log levels, the audit trail, the groups' history, incidents and
// the outbox. Every store is an interface with two implementations, in SQLite and in memory, that
// pass the same tests; that of SQLite may have its rows kept elsewhere (row_log.h). All of one
// CoordinatorStore is used from one thread. What a call changes is durable (fsync) when it returns
// ok. When it refuses (a code that it documents) nothing has changed; after any other error, which
// is the disk's, the outcome is unknown until the file is opened again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/records.h"

namespace muster::store {

class GroupStore {
 public:
  virtual ~GroupStore() = default;
  // Inserts or replaces the group of that name. kConflict if epoch or highest_epoch would fall
  // below what is on record, kInvalidArgument for an empty or over-long name, or an epoch above
  // its own highest_epoch or above 2^63 - 1, kResourceExhausted beyond limits::kMaxGroups.
  // `ended`, moves of the group with their outcomes, become durable in the same instant; of each
  // group the newest limits::kMaxKnownMoves with a key are kept.
  virtual Status save(const GroupRow& row, const std::vector<MoveRow>& ended) = 0;
  Status save(const GroupRow& row) { return save(row, {}); }
  // The outcome of a change, on the thread that asked for it.
  using Done = std::function<void(const Status&)>;
  // The same as save(), but the outcome comes by `done`, before this returns or later: what is
  // durable elsewhere takes a round trip, and others need not wait for it. Until then loadAll() may
  // or may not have it.
  virtual void saveThen(const GroupRow& row, const std::vector<MoveRow>& ended, Done done) {
    done(save(row, ended));
  }
  // `done` once it is certain that at some moment after this call no other process was the one that
  // saves groups here; an error if it can't be known.
  virtual void confirm(Done done) { done(Status::ok()); }
  // By name; each with its running move.
  virtual Result<std::vector<GroupRow>> loadAll() = 0;
  // Those of a group that have ended and have a key, the oldest first.
  virtual Result<std::vector<MoveRow>> endedMoves(const std::string& group) = 0;
  // Inserts or replaces the group's pause. kInvalidArgument for an empty or over-long text,
  // kResourceExhausted beyond limits::kMaxGroups.
  virtual Status setPause(const PauseRow& row) = 0;
  // Idempotent: ok as well if there was none.
  virtual Status clearPause(const std::string& group) = 0;
  // By group; those that are over as well, until they are cleared.
  virtual Result<std::vector<PauseRow>> pauses() = 0;
  // The same of moves to come, one for each group.
  virtual Status schedule(const ScheduledMoveRow& row) = 0;
  virtual Status unschedule(const std::string& group) = 0;
  virtual Result<std::vector<ScheduledMoveRow>> scheduled() = 0;
};

// What one moment of the hooks comes to: all of it, or nothing, becomes durable.
struct HookCommit {
  std::vector<HookHolderRow> holders{};  // inserted or replaced
  std::vector<HookRunRow> runs{};        // inserted or replaced
  std::vector<uint64_t> done{};          // runs that are gone, by seq

  bool isEmpty() const { return holders.empty() && runs.empty() && done.empty(); }
};

// What the site's hooks are still to be told.
class HookStore {
 public:
  virtual ~HookStore() = default;
  // kInvalidArgument for a row without group or hook; kResourceExhausted beyond limits::kMaxGroups
  // times limits::kMaxHookRuns. The same again changes nothing.
  virtual Status commit(const HookCommit& commit) = 0;
  // By group.
  virtual Result<std::vector<HookHolderRow>> holders() = 0;
  // By seq.
  virtual Result<std::vector<HookRunRow>> runs() = 0;
};

class MemberStore {
 public:
  virtual ~MemberStore() = default;
  // kConflict if the name or the JID is enrolled already (field() says which), kInvalidArgument for
  // an empty one, kResourceExhausted beyond limits::kMaxMembers.
  virtual Status add(const MemberRow& row) = 0;
  // Replaces the member of that JID. kNotFound if there is none, else as add().
  virtual Status update(const MemberRow& row) = 0;
  // By name; kNotFound if there is none.
  virtual Status remove(const std::string& name) = 0;
  // By name.
  virtual Result<std::vector<MemberRow>> list() = 0;
};

class GrantStore {
 public:
  virtual ~GrantStore() = default;
  // Grants, or changes the role. The same role again changes nothing, not even the version.
  // kInvalidArgument for role 0 or an empty JID, kResourceExhausted beyond limits::kMaxGrants.
  virtual Status set(const GrantRow& row) = 0;
  // kNotFound if the JID has no role.
  virtual Status remove(const std::string& jid) = 0;
  // The JID's role; 0 if it has none.
  virtual Result<int> roleOf(const std::string& jid) = 0;
  // By JID.
  virtual Result<std::vector<GrantRow>> list() = 0;
  // Grows by one with every change, across restarts; 0 before the first.
  virtual Result<uint64_t> version() = 0;
};

class SubscriptionStore {
 public:
  virtual ~SubscriptionStore() = default;
  // Idempotent. kInvalidArgument for an empty address, kResourceExhausted beyond
  // limits::kMaxSubscriptions.
  virtual Status add(const SubscriptionRow& row) = 0;
  // Idempotent: ok as well if there was none.
  virtual Status remove(const SubscriptionRow& row) = 0;
  // By contact, then subscriber.
  virtual Result<std::vector<SubscriptionRow>> list() = 0;
  // The subscribers of one contact, in order.
  virtual Result<std::vector<std::string>> listFor(const std::string& contact) = 0;
};

// Which audit entries; an unset field matches all.
struct AuditQuery {
  std::optional<WallTime> from;        // at or after
  std::optional<WallTime> until;       // before
  std::optional<std::string> who;      // exactly
  std::optional<std::string> verb;     // exactly
  std::optional<uint64_t> before_seq;  // for the next page: the last seq of this one
  size_t limit = 100;                  // 1 to limits::kMaxAuditPage
};

// Append-only. Keeps the newest entries: beyond its capacity the oldest are dropped, in batches,
// so that a steady trail doesn't pay for a deletion with each entry.
class AuditStore {
 public:
  virtual ~AuditStore() = default;
  // Gives back the entry's seq. Over-long texts are cut to limits::kMaxAuditTextBytes.
  virtual Result<uint64_t> append(const AuditEntry& entry) = 0;
  // Newest first. kInvalidArgument for a limit out of range.
  virtual Result<std::vector<AuditEntry>> query(const AuditQuery& query) = 0;
  virtual Result<size_t> count() = 0;
};

// Which events of the groups' history; an unset field matches all.
struct HistoryQuery {
  std::optional<std::string> group;    // exactly
  std::optional<WallTime> from;        // at or after
  std::optional<uint64_t> before_seq;  // for the next page: the last seq of this one
  size_t limit = 100;                  // 1 to limits::kMaxAuditPage
};

// Append-only and bounded as the audit trail is.
class HistoryStore {
 public:
  virtual ~HistoryStore() = default;
  // All of them or, on an error, none.
  virtual Status append(const std::vector<HistoryRow>& rows) = 0;
  // Newest first. kInvalidArgument for a limit out of range.
  virtual Result<std::vector<HistoryRow>> query(const HistoryQuery& query) = 0;
  virtual Result<size_t> count() = 0;
};

// One for each target and logger.
class OverrideStore {
 public:
  virtual ~OverrideStore() = default;
  // Inserts or replaces. kInvalidArgument for an empty logger, level 0, or a name where none
  // belongs and none where one does; kResourceExhausted beyond limits::kMaxOverrides.
  virtual Status set(const OverrideRow& row) = 0;
  // Idempotent: ok as well if there was none.
  virtual Status remove(OverrideTarget kind, const std::string& target,
                        const std::string& logger) = 0;
  // Removes those whose time is over.
  virtual Status expire(WallTime now) = 0;
  // By kind, target and logger: the later ones are the more particular.
  virtual Result<std::vector<OverrideRow>> list() = 0;
};

// What one event of the incidents comes to: all of it, or nothing, becomes durable.
struct AlertCommit {
  std::vector<AlertSubscriptionRow> subscribed{};                   // inserted or replaced
  std::vector<std::pair<std::string, std::string>> unsubscribed{};  // by JID and target
  std::vector<IncidentRow> incidents{};                             // inserted or replaced
  std::vector<IncidentNoteRow> notes{};                             // added
  std::vector<SilenceRow> silences{};                               // inserted or replaced
  std::vector<std::string> silences_over{};                         // by target
  std::vector<OutboxRow> outbox{};  // inserted, or replaced in their places
  std::vector<DeliveryRow> done{};  // leave the outbox, by id, and are recorded

  bool isEmpty() const {
    return subscribed.empty() && unsubscribed.empty() && incidents.empty() && notes.empty() &&
           silences.empty() && silences_over.empty() && outbox.empty() && done.empty();
  }
};

struct IncidentQuery {
  bool open_only = false;
  std::optional<uint64_t> id = std::nullopt;
  // Those that were open at any time since then.
  std::optional<WallTime> since = std::nullopt;
  std::optional<uint64_t> before_id = std::nullopt;  // for the next page
  size_t limit = 100;                                // 1 to limits::kMaxAuditPage
};

// Incidents, who wants to hear of them, and what is still to be told.
class AlertStore {
 public:
  virtual ~AlertStore() = default;
  // kInvalidArgument for a row without its key. Of incidents that are over and of deliveries the
  // newest limits::kMaxEndedIncidents and limits::kMaxDeliveries are kept.
  virtual Status commit(const AlertCommit& commit) = 0;
  // By JID, then target.
  virtual Result<std::vector<AlertSubscriptionRow>> subscriptions() = 0;
  // Newest first. kInvalidArgument for a limit out of range.
  virtual Result<std::vector<IncidentRow>> incidents(const IncidentQuery& query) = 0;
  // The highest id that was ever kept; 0: none.
  virtual Result<uint64_t> lastIncident() = 0;
  // Oldest first.
  virtual Result<std::vector<IncidentNoteRow>> notes(uint64_t incident) = 0;
  // By target.
  virtual Result<std::vector<SilenceRow>> silences() = 0;
  // In the order in which they were posted.
  virtual Result<std::vector<OutboxRow>> outbox() = 0;
  // Newest first, of one incident or of all.
  virtual Result<std::vector<DeliveryRow>> deliveries(std::optional<uint64_t> incident,
                                                      size_t limit) = 0;
};

struct CoordinatorStoreOptions {
  size_t audit_capacity = limits::kMaxAuditEntries;
  size_t history_capacity = limits::kMaxHistoryEvents;
  size_t incident_capacity = limits::kMaxEndedIncidents;
  size_t delivery_capacity = limits::kMaxDeliveries;
  // How long a call may wait for somebody who reads the file beside us (a backup, a shell).
  Duration busy_timeout = Duration::seconds(5);
};

// Owns the connection and the stores on it; they live as long as it does.
class CoordinatorStore {
 public:
  // Makes the file (mode 0600) if it isn't there; its folder must exist. kConflict if another
  // process has it open (a flock on FILE.lock says so), kDataLoss if it is not a database or a
  // damaged one, kRefusedUnsafe if a newer version of this program wrote it.
  static Result<std::unique_ptr<CoordinatorStore>> open(
      const std::filesystem::path& file, const CoordinatorStoreOptions& options = {});
  // Gone with the object; for tests and for a coordinator that is told to keep nothing.
  static std::unique_ptr<CoordinatorStore> openMemory(const CoordinatorStoreOptions& options = {});

  virtual ~CoordinatorStore() = default;

  virtual GroupStore& groups() = 0;
  virtual HookStore& hooks() = 0;
  virtual MemberStore& members() = 0;
  virtual GrantStore& grants() = 0;
  virtual SubscriptionStore& subscriptions() = 0;
  virtual AuditStore& audit() = 0;
  virtual HistoryStore& history() = 0;
  virtual OverrideStore& overrides() = 0;
  virtual AlertStore& alerts() = 0;
};

}  // namespace muster::store
