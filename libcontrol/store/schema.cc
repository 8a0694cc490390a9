#include "libcontrol/store/schema.h"

#include <array>
#include <string>

namespace muster::store {
namespace {

// "MSTR" and "MSTA".
constexpr int64_t kCoordinatorId = 0x4d535452;
constexpr int64_t kAuditTrailId = 0x4d535441;

// What was once released is never edited, only added to.
constexpr std::array kCoordinatorSteps = {
    R"sql(
CREATE TABLE groups (
  name TEXT PRIMARY KEY,
  phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 3),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  highest_epoch INTEGER NOT NULL CHECK (highest_epoch >= epoch),
  holder TEXT NOT NULL,
  instance BLOB NOT NULL CHECK (length(instance) = 16),
  offer_nonce BLOB NOT NULL CHECK (length(offer_nonce) = 16),
  lease_ttl_ms INTEGER NOT NULL,
  moved_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE members (
  jid TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  "group" TEXT NOT NULL,
  enrolled_at_ms INTEGER NOT NULL,
  enrolled_by TEXT NOT NULL
) STRICT;
CREATE TABLE grants (
  jid TEXT PRIMARY KEY,
  role INTEGER NOT NULL CHECK (role > 0),
  granted_at_ms INTEGER NOT NULL,
  granted_by TEXT NOT NULL
) STRICT;
CREATE TABLE grants_version (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  version INTEGER NOT NULL
) STRICT;
INSERT INTO grants_version VALUES (1, 0);
CREATE TABLE subscriptions (
  contact TEXT NOT NULL,
  subscriber TEXT NOT NULL,
  PRIMARY KEY (contact, subscriber)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, even after the oldest are gone
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  face TEXT NOT NULL,
  place TEXT NOT NULL,
  verb TEXT NOT NULL,
  arguments TEXT NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
)sql",
    R"sql(
ALTER TABLE members ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN nofailover INTEGER NOT NULL DEFAULT 0 CHECK (nofailover IN (0, 1));
ALTER TABLE members ADD COLUMN drained INTEGER NOT NULL DEFAULT 0 CHECK (drained IN (0, 1));
ALTER TABLE members ADD COLUMN drain_by TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN drain_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN drain_changed_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN call TEXT NOT NULL DEFAULT '';
CREATE TABLE moves (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they ended
  "group" TEXT NOT NULL,
  key TEXT NOT NULL,
  target TEXT NOT NULL,
  away_from TEXT NOT NULL,
  expect_epoch INTEGER,
  caller TEXT NOT NULL,
  cause TEXT NOT NULL,
  force INTEGER NOT NULL CHECK (force IN (0, 1)),
  leave_vacant INTEGER NOT NULL CHECK (leave_vacant IN (0, 1)),
  automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),
  from_jid TEXT NOT NULL,
  from_epoch INTEGER NOT NULL,
  context TEXT NOT NULL,
  code TEXT NOT NULL,                     -- empty: it runs
  field TEXT NOT NULL,
  text TEXT NOT NULL,
  to_jid TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  resumed INTEGER NOT NULL CHECK (resumed IN (0, 1)),
  UNIQUE ("group", key)
) STRICT;
CREATE TABLE history (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  "group" TEXT NOT NULL,
  what TEXT NOT NULL,
  from_node TEXT NOT NULL,
  to_node TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  cause TEXT NOT NULL,
  who TEXT NOT NULL,
  drain_ms INTEGER NOT NULL,
  wait_ms INTEGER NOT NULL,
  offer_ms INTEGER NOT NULL,
  promote_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX history_of_group ON history ("group", seq);
CREATE TABLE overrides (
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
  target TEXT NOT NULL,
  logger TEXT NOT NULL,
  level INTEGER NOT NULL CHECK (level > 0),
  by TEXT NOT NULL,
  set_at_ms INTEGER NOT NULL,
  until_ms INTEGER,                       -- NULL: for ever
  PRIMARY KEY (kind, target, logger)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE alert_subscriptions (
  jid TEXT NOT NULL,
  target TEXT NOT NULL,
  place TEXT NOT NULL,
  below REAL,                             -- percent; NULL: the target's own objective
  for_ms INTEGER NOT NULL CHECK (for_ms >= 0),
  severity INTEGER NOT NULL CHECK (severity BETWEEN 1 AND 2),
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (jid, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice, even after the oldest are gone
  target TEXT NOT NULL,
  "group" TEXT NOT NULL,
  severity INTEGER NOT NULL CHECK (severity BETWEEN 1 AND 2),
  storm INTEGER NOT NULL CHECK (storm IN (0, 1)),
  sentence TEXT NOT NULL,
  percent REAL,                           -- NULL: no data
  objective REAL NOT NULL,
  budget_left REAL,                       -- percent; NULL: not known
  log_lines TEXT NOT NULL,                -- one a line, as are the next two lists
  since_ms INTEGER NOT NULL,
  opened_ms INTEGER NOT NULL,
  ended_ms INTEGER,                       -- NULL: open
  recovered TEXT NOT NULL,
  covered TEXT NOT NULL,
  thresholds INTEGER NOT NULL,
  followers TEXT NOT NULL,                -- bare JID, blank, the address that speaks to it
  announced INTEGER NOT NULL CHECK (announced IN (0, 1)),
  acked_by TEXT NOT NULL,
  acked_ms INTEGER,
  assignee TEXT NOT NULL,
  resolved_by TEXT NOT NULL,
  steps_done INTEGER NOT NULL
) STRICT;
CREATE INDEX open_incidents ON incidents (id) WHERE ended_ms IS NULL;
CREATE TABLE incident_notes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  incident INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX notes_of_incident ON incident_notes (incident, seq);
CREATE TABLE silences (
  target TEXT PRIMARY KEY,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  from_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were posted
  id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,                  -- empty: a chat message
  to_jid TEXT NOT NULL,
  from_jid TEXT NOT NULL,
  incident INTEGER NOT NULL,              -- 0: of none
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  gist TEXT NOT NULL,
  until_acked INTEGER NOT NULL CHECK (until_acked IN (0, 1)),
  created_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  sent_ms INTEGER,                        -- the last attempt; NULL: none yet
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1))
) STRICT;
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  id TEXT NOT NULL,
  channel TEXT NOT NULL,
  to_jid TEXT NOT NULL,
  incident INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
)sql",
    R"sql(
CREATE TABLE scheduled_moves (
  "group" TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  to_node TEXT NOT NULL,
  force INTEGER NOT NULL CHECK (force IN (0, 1)),
  by TEXT NOT NULL,
  place TEXT NOT NULL,
  call TEXT NOT NULL,
  set_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (
  "group" TEXT PRIMARY KEY,
  until_ms INTEGER NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  set_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE hook_holders (
  "group" TEXT PRIMARY KEY,
  node TEXT NOT NULL,                     -- empty: nobody's yet
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  ended INTEGER NOT NULL CHECK (ended IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE hook_runs (
  seq INTEGER PRIMARY KEY,
  "group" TEXT NOT NULL,
  hook TEXT NOT NULL,
  old_node TEXT NOT NULL,
  new_node TEXT NOT NULL,
  old_epoch INTEGER NOT NULL CHECK (old_epoch >= 0),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  cause TEXT NOT NULL,
  by TEXT NOT NULL,
  outcome TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  begun INTEGER NOT NULL CHECK (begun IN (0, 1))
) STRICT;
)sql",
    R"sql(
ALTER TABLE groups ADD COLUMN failsafe_ms INTEGER NOT NULL DEFAULT 0 CHECK (failsafe_ms >= 0);
ALTER TABLE groups ADD COLUMN failsafe_lease_ms INTEGER NOT NULL DEFAULT 0
  CHECK (failsafe_lease_ms >= 0);
ALTER TABLE groups ADD COLUMN members_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN listed TEXT NOT NULL DEFAULT '';  -- a JID a line
ALTER TABLE groups ADD COLUMN untold TEXT NOT NULL DEFAULT '';
)sql",
};

constexpr std::array kAuditTrailSteps = {
    R"sql(
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, even after the oldest are gone
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  face TEXT NOT NULL,
  place TEXT NOT NULL,
  verb TEXT NOT NULL,
  arguments TEXT NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL,
  call TEXT NOT NULL
) STRICT;
)sql",
};

Status migrate(Database& database, const Schema& schema, int64_t from) {
  Transaction transaction(database);
  if (Status begun = transaction.begin(); !begun) return begun;
  for (size_t step = static_cast<size_t>(from); step < schema.steps.size(); ++step) {
    if (Status made = database.execute(schema.steps[step]); !made) return made;
  }
  const std::string marks = "PRAGMA application_id=" + std::to_string(schema.application_id) +
                            ";PRAGMA user_version=" + std::to_string(schema.steps.size());
  if (Status marked = database.execute(marks); !marked) return marked;
  return transaction.commit();
}

}  // namespace

const Schema& coordinatorSchema() {
  static const Schema kSchema{kCoordinatorId, "a coordinator's", kCoordinatorSteps};
  return kSchema;
}

const Schema& auditTrailSchema() {
  static const Schema kSchema{kAuditTrailId, "an audit trail", kAuditTrailSteps};
  return kSchema;
}

Result<int64_t> knownVersion(Database& database, const Schema& schema) {
  Result<int64_t> id = database.number("PRAGMA application_id");
  if (!id) return id.status();
  Result<int64_t> version = database.number("PRAGMA user_version");
  if (!version) return version.status();
  if (*id != schema.application_id) {
    return Status(Code::kRefusedUnsafe, std::string("it is a database, but not ") + schema.owner);
  }
  const auto current = static_cast<int64_t>(schema.steps.size());
  if (*version >= 0 && *version <= current) return version;
  return Status(Code::kRefusedUnsafe, "its schema version is " + std::to_string(*version) +
                                          ", and this program knows up to " +
                                          std::to_string(current) +
                                          "; run the newer program, or restore an older copy");
}

Status prepareSchema(Database& database, const Schema& schema) {
  Result<int64_t> marks = database.number(
      "SELECT application_id + user_version FROM pragma_application_id, "
      "pragma_user_version");
  if (!marks) return marks.status();
  Result<int64_t> objects = database.number("SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects.status();
  const bool fresh = *marks == 0 && *objects == 0;
  Result<int64_t> version = fresh ? Result<int64_t>(0) : knownVersion(database, schema);
  if (!version) return version.status();
  const auto current = static_cast<int64_t>(schema.steps.size());
  if (Status configured = database.configure(); !configured) return configured;
  Result<int64_t> damaged =
      database.number("SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check <> 'ok'");
  if (!damaged) return damaged.status();
  if (*damaged != 0) {
    return {Code::kDataLoss, "SQLite's quick_check finds it damaged; restore a copy"};
  }
  if (*version == current) return Status::ok();
  return migrate(database, schema, *version);
}

}  // namespace muster::store
