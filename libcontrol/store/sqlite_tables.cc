#include "libcontrol/store/sqlite_tables.h"

#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

// All rows of a run; `read` makes one of the current row.
template <typename Row, typename Read>
Result<std::vector<Row>> allRows(Run& run, Read read) {
  std::vector<Row> rows;
  while (true) {
    Result<bool> more = run.step();
    if (!more) return more.status();
    if (!*more) return rows;
    rows.push_back(read(run));
  }
}

// One change with whatever must be read before it, in a transaction of its own.
template <typename Change>
Status inTransaction(Database& database, Change change) {
  Transaction transaction(database);
  if (Status begun = transaction.begin(); !begun) return begun;
  if (Status changed = change(); !changed) return changed;
  return transaction.commit();
}

MemberRow readMember(const Run& run) {
  return {run.textAt(0), run.textAt(1), run.textAt(2), {run.integerAt(3)}, run.textAt(4)};
}

GrantRow readGrant(const Run& run) {
  return {run.textAt(0), static_cast<int>(run.integerAt(1)), {run.integerAt(2)}, run.textAt(3)};
}

AuditEntry readAudit(const Run& run) {
  AuditEntry entry;
  entry.seq = static_cast<uint64_t>(run.integerAt(0));
  entry.at = {run.integerAt(1)};
  std::string* const texts[] = {&entry.who,       &entry.face, &entry.place, &entry.verb,
                                &entry.arguments, &entry.code, &entry.text};
  int column = 2;
  for (std::string* text : texts) *text = run.textAt(column++);
  return entry;
}

GroupRow readGroup(const Run& run) {
  GroupRow row;
  row.name = run.textAt(0);
  row.phase = static_cast<GroupPhase>(run.integerAt(1));
  row.epoch = static_cast<uint64_t>(run.integerAt(2));
  row.highest_epoch = static_cast<uint64_t>(run.integerAt(3));
  row.holder = run.textAt(4);
  // The table's own checks keep these at 16 bytes.
  row.instance = Id128::fromBytes(run.textAt(5)).value_or(Id128{});
  row.offer_nonce = Id128::fromBytes(run.textAt(6)).value_or(Id128{});
  row.lease_ttl_ms = run.integerAt(7);
  row.moved_at = {run.integerAt(8)};
  return row;
}

void bindGroup(Run& run, const GroupRow& row) {
  run.text(row.name)
      .integer(static_cast<int>(row.phase))
      .integer(static_cast<int64_t>(row.epoch))
      .integer(static_cast<int64_t>(row.highest_epoch))
      .text(row.holder)
      .blob(row.instance.toBytes())
      .blob(row.offer_nonce.toBytes())
      .integer(row.lease_ttl_ms)
      .integer(row.moved_at.unix_ms);
}

}  // namespace

// --- groups -------------------------------------------------------------------------------------

SqliteGroupStore::SqliteGroupStore(Database& database)
    : database_(database),
      load_(database,
            "SELECT name, phase, epoch, highest_epoch, holder, instance, offer_nonce, "
            "lease_ttl_ms, moved_at_ms FROM groups "
            "WHERE ?1 IS NULL OR name = ?1 ORDER BY name"),
      replace_(database, "INSERT OR REPLACE INTO groups VALUES (?,?,?,?,?,?,?,?,?)") {}

Status SqliteGroupStore::save(const GroupRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<int64_t> count = database_.number("SELECT count(*) FROM groups");
    if (!count) return count.status();
    GroupRow before;
    bool known = false;
    {
      Run load(load_);
      Result<bool> found = load.text(row.name).step();
      if (!found) return found.status();
      known = *found;
      if (known) before = readGroup(load);
    }
    const auto others = static_cast<size_t>(*count - (known ? 1 : 0));
    if (Status valid = checkGroup(row, known ? &before : nullptr, others); !valid) return valid;
    Run replace(replace_);
    bindGroup(replace, row);
    return replace.done();
  });
}

Result<std::vector<GroupRow>> SqliteGroupStore::loadAll() {
  Run run(load_);
  run.null();
  return allRows<GroupRow>(run, readGroup);
}

// --- members ------------------------------------------------------------------------------------

SqliteMemberStore::SqliteMemberStore(Database& database)
    : database_(database),
      list_(database,
            "SELECT jid, name, \"group\", enrolled_at_ms, enrolled_by FROM members ORDER BY name"),
      find_(database,
            "SELECT jid, name, \"group\", enrolled_at_ms, enrolled_by FROM members "
            "WHERE name = ?1 OR jid = ?2 ORDER BY name <> ?1"),
      insert_(database, "INSERT INTO members VALUES (?,?,?,?,?)"),
      delete_(database, "DELETE FROM members WHERE name = ?") {}

Status SqliteMemberStore::add(const MemberRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<int64_t> count = database_.number("SELECT count(*) FROM members");
    if (!count) return count.status();
    if (Status valid = checkMember(row, static_cast<size_t>(*count)); !valid) return valid;
    {
      Run find(find_);
      Result<bool> found = find.text(row.name).text(row.jid).step();
      if (!found) return found.status();
      if (*found) return memberTaken(row, readMember(find));
    }
    Run insert(insert_);
    insert.text(row.jid).text(row.name).text(row.group).integer(row.enrolled_at.unix_ms);
    return insert.text(row.enrolled_by).done();
  });
}

Status SqliteMemberStore::remove(const std::string& name) {
  Run run(delete_);
  if (Status removed = run.text(name).done(); !removed) return removed;
  if (database_.changes() > 0) return Status::ok();
  return {Code::kNotFound, "no node named " + name + " is enrolled", "name"};
}

Result<std::vector<MemberRow>> SqliteMemberStore::list() {
  Run run(list_);
  return allRows<MemberRow>(run, readMember);
}

// --- grants -------------------------------------------------------------------------------------

SqliteGrantStore::SqliteGrantStore(Database& database)
    : database_(database),
      list_(database, "SELECT jid, role, granted_at_ms, granted_by FROM grants ORDER BY jid"),
      find_(database, "SELECT role FROM grants WHERE jid = ?"),
      replace_(database, "INSERT OR REPLACE INTO grants VALUES (?,?,?,?)"),
      delete_(database, "DELETE FROM grants WHERE jid = ?"),
      count_up_(database, "UPDATE grants_version SET version = version + 1") {}

Status SqliteGrantStore::countUp() {
  return Run(count_up_).done();
}

Status SqliteGrantStore::set(const GrantRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<int> before = roleOf(row.jid);
    if (!before) return before.status();
    Result<int64_t> count = database_.number("SELECT count(*) FROM grants");
    if (!count) return count.status();
    const auto others = static_cast<size_t>(*count - (*before != 0 ? 1 : 0));
    if (Status valid = checkGrant(row, others); !valid) return valid;
    if (*before == row.role) return Status::ok();
    Run replace(replace_);
    replace.text(row.jid).integer(row.role).integer(row.granted_at.unix_ms).text(row.granted_by);
    if (Status replaced = replace.done(); !replaced) return replaced;
    return countUp();
  });
}

Status SqliteGrantStore::remove(const std::string& jid) {
  return inTransaction(database_, [&]() -> Status {
    Run run(delete_);
    if (Status removed = run.text(jid).done(); !removed) return removed;
    if (database_.changes() == 0) return {Code::kNotFound, jid + " has no role", "jid"};
    return countUp();
  });
}

Result<int> SqliteGrantStore::roleOf(const std::string& jid) {
  Run run(find_);
  Result<bool> found = run.text(jid).step();
  if (!found) return found.status();
  return *found ? static_cast<int>(run.integerAt(0)) : 0;
}

Result<std::vector<GrantRow>> SqliteGrantStore::list() {
  Run run(list_);
  return allRows<GrantRow>(run, readGrant);
}

Result<uint64_t> SqliteGrantStore::version() {
  Result<int64_t> version = database_.number("SELECT version FROM grants_version");
  if (!version) return version.status();
  return static_cast<uint64_t>(*version);
}

// --- subscriptions ------------------------------------------------------------------------------

SqliteSubscriptionStore::SqliteSubscriptionStore(Database& database)
    : database_(database),
      list_(database, "SELECT contact, subscriber FROM subscriptions ORDER BY contact, subscriber"),
      list_for_(database,
                "SELECT subscriber FROM subscriptions WHERE contact = ? ORDER BY subscriber"),
      find_(database, "SELECT 1 FROM subscriptions WHERE contact = ? AND subscriber = ?"),
      insert_(database, "INSERT INTO subscriptions VALUES (?,?)"),
      delete_(database, "DELETE FROM subscriptions WHERE contact = ? AND subscriber = ?") {}

Status SqliteSubscriptionStore::add(const SubscriptionRow& row) {
  return inTransaction(database_, [&]() -> Status {
    {
      Run find(find_);
      Result<bool> found = find.text(row.contact).text(row.subscriber).step();
      if (!found) return found.status();
      if (*found) return Status::ok();
    }
    Result<int64_t> count = database_.number("SELECT count(*) FROM subscriptions");
    if (!count) return count.status();
    if (Status valid = checkSubscription(row, static_cast<size_t>(*count)); !valid) return valid;
    return Run(insert_).text(row.contact).text(row.subscriber).done();
  });
}

Status SqliteSubscriptionStore::remove(const SubscriptionRow& row) {
  return Run(delete_).text(row.contact).text(row.subscriber).done();
}

Result<std::vector<SubscriptionRow>> SqliteSubscriptionStore::list() {
  Run run(list_);
  return allRows<SubscriptionRow>(run, [](const Run& at) {
    return SubscriptionRow{at.textAt(0), at.textAt(1)};
  });
}

Result<std::vector<std::string>> SqliteSubscriptionStore::listFor(const std::string& contact) {
  Run run(list_for_);
  run.text(contact);
  return allRows<std::string>(run, [](const Run& at) { return at.textAt(0); });
}

// --- audit --------------------------------------------------------------------------------------

SqliteAuditStore::SqliteAuditStore(Database& database, size_t capacity)
    : database_(database),
      capacity_(capacity),
      // Entries are only ever dropped from the old end, so their numbers have no holes.
      count_(database, "SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM audit"),
      insert_(database,
              "INSERT INTO audit (at_ms, who, face, place, verb, arguments, code, text) "
              "VALUES (?,?,?,?,?,?,?,?)"),
      drop_(database, "DELETE FROM audit WHERE seq < (SELECT min(seq) FROM audit) + ?"),
      query_(database,
             "SELECT seq, at_ms, who, face, place, verb, arguments, code, text FROM audit "
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
    return insert.done();
  });
  if (!appended) return appended;
  return static_cast<uint64_t>(database_.lastRowId());
}

Result<std::vector<AuditEntry>> SqliteAuditStore::query(const AuditQuery& query) {
  if (Status valid = checkQuery(query); !valid) return valid;
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

}  // namespace muster::store
