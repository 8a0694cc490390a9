#include "libcontrol/store/sqlite_trails.h"

#include "libcontrol/store/sqlite_rows.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

AuditEntry readAudit(const Run& run) {
  AuditEntry entry;
  entry.seq = static_cast<uint64_t>(run.integerAt(0));
  entry.at = {run.integerAt(1)};
  std::string* const texts[] = {&entry.who,       &entry.face, &entry.place, &entry.verb,
                                &entry.arguments, &entry.code, &entry.text,  &entry.call};
  int column = 2;
  for (std::string* text : texts) *text = run.textAt(column++);
  return entry;
}

HistoryRow readHistory(const Run& run) {
  HistoryRow row;
  row.seq = static_cast<uint64_t>(run.integerAt(0));
  row.at = {run.integerAt(1)};
  int column = 2;
  for (std::string* text : {&row.group, &row.what, &row.from, &row.to, &row.cause, &row.who}) {
    *text = run.textAt(column++);
  }
  row.epoch = static_cast<uint64_t>(run.integerAt(column++));
  for (int64_t* number :
       {&row.duration_ms, &row.drain_ms, &row.wait_ms, &row.offer_ms, &row.promote_ms}) {
    *number = run.integerAt(column++);
  }
  return row;
}

void bindHistory(Run& run, const HistoryRow& row) {
  run.integer(row.at.unix_ms);
  for (const std::string* text :
       {&row.group, &row.what, &row.from, &row.to, &row.cause, &row.who}) {
    run.text(*text);
  }
  run.integer(static_cast<int64_t>(row.epoch));
  for (const int64_t number :
       {row.duration_ms, row.drain_ms, row.wait_ms, row.offer_ms, row.promote_ms}) {
    run.integer(number);
  }
}

}  // namespace

// --- audit --------------------------------------------------------------------------------------

SqliteAuditStore::SqliteAuditStore(Database& database, size_t capacity)
    : database_(database),
      capacity_(capacity),
      // Entries are only ever dropped from the old end, so their numbers have no holes.
      count_(database, "SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM audit"),
      insert_(database,
              "INSERT INTO audit (at_ms, who, face, place, verb, arguments, code, text, call) "
              "VALUES (?,?,?,?,?,?,?,?,?)"),
      drop_(database, "DELETE FROM audit WHERE seq < (SELECT min(seq) FROM audit) + ?"),
      query_(database,
             "SELECT seq, at_ms, who, face, place, verb, arguments, code, text, call FROM audit "
             "WHERE (?1 IS NULL OR at_ms >= ?1) AND (?2 IS NULL OR at_ms < ?2) "
             "AND (?3 IS NULL OR who = ?3) AND (?4 IS NULL OR verb = ?4) "
             "AND (?5 IS NULL OR seq < ?5) ORDER BY seq DESC LIMIT ?6") {}

Status SqliteAuditStore::makeRoom() {
  Result<size_t> have = count();
  if (!have) return have.status();
  if (*have < capacity_) return Status::ok();
  const size_t over = *have - capacity_;  // after the capacity was lowered
  return Run(drop_).integer(static_cast<int64_t>(over + auditBatch(capacity_))).done();
}

Result<uint64_t> SqliteAuditStore::append(const AuditEntry& given) {
  const AuditEntry entry = bounded(given);
  const Status appended = inTransaction(database_, [&]() -> Status {
    if (Status room = makeRoom(); !room) return room;
    Run insert(insert_);
    insert.integer(entry.at.unix_ms).text(entry.who).text(entry.face).text(entry.place);
    insert.text(entry.verb).text(entry.arguments).text(entry.code).text(entry.text);
    insert.text(entry.call);
    return insert.done();
  });
  if (!appended) return appended;
  return static_cast<uint64_t>(database_.lastRowId());
}

Result<std::vector<AuditEntry>> SqliteAuditStore::query(const AuditQuery& query) {
  if (Status valid = checkPage(query.limit); !valid) return valid;
  Run run(query_);
  for (const std::optional<WallTime>& time : {query.from, query.until}) {
    time ? run.integer(time->unix_ms) : run.null();
  }
  for (const std::optional<std::string>& text : {query.who, query.verb}) {
    text ? run.text(*text) : run.null();
  }
  query.before_seq ? run.integer(static_cast<int64_t>(*query.before_seq)) : run.null();
  run.integer(static_cast<int64_t>(query.limit));
  return allRows<AuditEntry>(run, readAudit);
}

Result<size_t> SqliteAuditStore::count() {
  Run run(count_);
  Result<bool> row = run.step();
  if (!row) return row.status();
  return static_cast<size_t>(run.integerAt(0));
}

// --- history ------------------------------------------------------------------------------------

#define HISTORY_COLUMNS                                                                    \
  "at_ms, \"group\", what, from_node, to_node, cause, who, epoch, duration_ms, drain_ms, " \
  "wait_ms, offer_ms, promote_ms"

SqliteHistoryStore::SqliteHistoryStore(Database& database, size_t capacity)
    : database_(database),
      capacity_(capacity),
      count_(database, "SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM history"),
      insert_(database,
              "INSERT INTO history (" HISTORY_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      drop_(database, "DELETE FROM history WHERE seq < (SELECT min(seq) FROM history) + ?"),
      query_(database, "SELECT seq, " HISTORY_COLUMNS
                       " FROM history WHERE (?1 IS NULL OR \"group\" = ?1) "
                       "AND (?2 IS NULL OR at_ms >= ?2) AND (?3 IS NULL OR seq < ?3) "
                       "ORDER BY seq DESC LIMIT ?4") {}

Status SqliteHistoryStore::append(const std::vector<HistoryRow>& rows) {
  if (rows.empty()) return Status::ok();
  return inTransaction(database_, [&]() -> Status {
    for (const HistoryRow& row : rows) {
      Result<size_t> have = count();
      if (!have) return have.status();
      if (*have >= capacity_) {
        Run drop(drop_);
        drop.integer(static_cast<int64_t>(*have - capacity_ + auditBatch(capacity_)));
        if (Status dropped = drop.done(); !dropped) return dropped;
      }
      Run insert(insert_);
      bindHistory(insert, bounded(row));
      if (Status inserted = insert.done(); !inserted) return inserted;
    }
    return Status::ok();
  });
}

Result<std::vector<HistoryRow>> SqliteHistoryStore::query(const HistoryQuery& query) {
  if (Status valid = checkPage(query.limit); !valid) return valid;
  Run run(query_);
  query.group ? run.text(*query.group) : run.null();
  query.from ? run.integer(query.from->unix_ms) : run.null();
  query.before_seq ? run.integer(static_cast<int64_t>(*query.before_seq)) : run.null();
  run.integer(static_cast<int64_t>(query.limit));
  return allRows<HistoryRow>(run, readHistory);
}

Result<size_t> SqliteHistoryStore::count() {
  Run run(count_);
  Result<bool> row = run.step();
  if (!row) return row.status();
  return static_cast<size_t>(run.integerAt(0));
}

}  // namespace muster::store
