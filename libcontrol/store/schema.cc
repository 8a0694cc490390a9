#include "libcontrol/store/schema.h"

#include <array>
#include <string>

namespace muster::store {
namespace {

// "MSTR" in SQLite's header: this file is a coordinator's.
constexpr int64_t kApplicationId = 0x4d535452;

// Element n brings version n to n + 1. What was once released is never edited, only added to.
constexpr std::array kSteps = {
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
};

Status migrate(Database& database, int64_t from) {
  Transaction transaction(database);
  if (Status begun = transaction.begin(); !begun) return begun;
  for (size_t step = static_cast<size_t>(from); step < kSteps.size(); ++step) {
    if (Status made = database.execute(kSteps[step]); !made) return made;
  }
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(kSteps.size());
  if (Status marked = database.execute(marks); !marked) return marked;
  return transaction.commit();
}

}  // namespace

Status prepareSchema(Database& database) {
  Result<int64_t> id = database.number("PRAGMA application_id");
  if (!id) return id.status();
  Result<int64_t> version = database.number("PRAGMA user_version");
  if (!version) return version.status();
  Result<int64_t> objects = database.number("SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects.status();

  const bool fresh = *id == 0 && *version == 0 && *objects == 0;
  if (!fresh && *id != kApplicationId) {
    return {Code::kRefusedUnsafe, "it is a database, but not a coordinator's"};
  }
  const auto current = static_cast<int64_t>(kSteps.size());
  if (*version < 0 || *version > current) {
    return {Code::kRefusedUnsafe, "its schema version is " + std::to_string(*version) +
                                      ", and this program knows up to " + std::to_string(current) +
                                      "; run the newer program, or restore an older copy"};
  }
  if (Status configured = database.configure(); !configured) return configured;
  Result<int64_t> damaged =
      database.number("SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check <> 'ok'");
  if (!damaged) return damaged.status();
  if (*damaged != 0) {
    return {Code::kDataLoss, "SQLite's quick_check finds it damaged; restore a copy"};
  }
  if (*version == current) return Status::ok();
  return migrate(database, *version);
}

}  // namespace muster::store
