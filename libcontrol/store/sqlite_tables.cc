#include "libcontrol/store/sqlite_tables.h"

#include <algorithm>

#include "libcontrol/store/sqlite_rows.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

#define MEMBER_COLUMNS                                                                 \
  "jid, name, \"group\", enrolled_at_ms, enrolled_by, priority, nofailover, drained, " \
  "drain_by, drain_reason, drain_changed_at_ms"
#define MOVE_COLUMNS                                                                         \
  "\"group\", key, target, away_from, caller, cause, from_jid, context, code, field, text, " \
  "to_jid, force, leave_vacant, automatic, resumed, from_epoch, epoch, duration_ms, "        \
  "expect_epoch"

MemberRow readMember(const Run& run) {
  MemberRow row{run.textAt(0), run.textAt(1), run.textAt(2), {run.integerAt(3)}, run.textAt(4)};
  row.priority = static_cast<int>(run.integerAt(5));
  row.nofailover = run.integerAt(6) != 0;
  row.drain = {run.integerAt(7) != 0, run.textAt(8), run.textAt(9), {run.integerAt(10)}};
  return row;
}

void bindMember(Run& run, const MemberRow& row) {
  run.text(row.jid).text(row.name).text(row.group).integer(row.enrolled_at.unix_ms);
  run.text(row.enrolled_by).integer(row.priority).integer(row.nofailover ? 1 : 0);
  run.integer(row.drain.drained ? 1 : 0).text(row.drain.by).text(row.drain.reason);
  run.integer(row.drain.changed_at.unix_ms);
}

GrantRow readGrant(const Run& run) {
  return {run.textAt(0), static_cast<int>(run.integerAt(1)), {run.integerAt(2)}, run.textAt(3)};
}

std::string inLines(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += text + "\n";
  return lines;
}

std::vector<std::string> linesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
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
  row.failsafe_ms = run.integerAt(9);
  row.failsafe_lease_ms = run.integerAt(10);
  row.members_version = static_cast<uint64_t>(run.integerAt(11));
  row.listed = linesOf(run.textAt(12));
  row.untold = linesOf(run.textAt(13));
  return row;
}

MoveRow readMove(const Run& run) {
  MoveRow row;
  int column = 0;
  for (std::string* text :
       {&row.group, &row.key, &row.target, &row.away_from, &row.caller, &row.cause, &row.from,
        &row.context, &row.code, &row.field, &row.text, &row.to}) {
    *text = run.textAt(column++);
  }
  for (bool* flag : {&row.force, &row.leave_vacant, &row.automatic, &row.resumed}) {
    *flag = run.integerAt(column++) != 0;
  }
  row.from_epoch = static_cast<uint64_t>(run.integerAt(column++));
  row.epoch = static_cast<uint64_t>(run.integerAt(column++));
  row.duration_ms = run.integerAt(column++);
  const auto expected = static_cast<uint64_t>(run.integerAt(column));
  if (expected != 0) row.expect_epoch = expected;
  return row;
}

void bindMove(Run& run, const MoveRow& row) {
  for (const std::string* text :
       {&row.group, &row.key, &row.target, &row.away_from, &row.caller, &row.cause, &row.from,
        &row.context, &row.code, &row.field, &row.text, &row.to}) {
    run.text(*text);
  }
  for (const bool flag : {row.force, row.leave_vacant, row.automatic, row.resumed}) {
    run.integer(flag ? 1 : 0);
  }
  run.integer(static_cast<int64_t>(row.from_epoch)).integer(static_cast<int64_t>(row.epoch));
  run.integer(row.duration_ms);
  row.expect_epoch ? run.integer(static_cast<int64_t>(*row.expect_epoch)) : run.null();
}

OverrideRow readOverride(const Run& run) {
  OverrideRow row;
  row.kind = static_cast<OverrideTarget>(run.integerAt(0));
  row.target = run.textAt(1);
  row.logger = run.textAt(2);
  row.level = static_cast<int>(run.integerAt(3));
  row.by = run.textAt(4);
  row.set_at = {run.integerAt(5)};
  if (!run.isNullAt(6)) row.until = WallTime{run.integerAt(6)};
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
      .integer(row.moved_at.unix_ms)
      .integer(row.failsafe_ms)
      .integer(row.failsafe_lease_ms)
      .integer(static_cast<int64_t>(row.members_version))
      .text(inLines(row.listed))
      .text(inLines(row.untold));
}

}  // namespace

// --- groups -------------------------------------------------------------------------------------

SqliteGroupStore::SqliteGroupStore(Database& database)
    : database_(database),
      load_(database,
            "SELECT name, phase, epoch, highest_epoch, holder, instance, offer_nonce, "
            "lease_ttl_ms, moved_at_ms, failsafe_ms, failsafe_lease_ms, members_version, "
            "listed, untold FROM groups WHERE ?1 IS NULL OR name = ?1 ORDER BY name"),
      replace_(database, "INSERT OR REPLACE INTO groups VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      running_(database, "SELECT " MOVE_COLUMNS " FROM moves WHERE code = '' ORDER BY seq"),
      ended_(database,
             "SELECT " MOVE_COLUMNS " FROM moves WHERE code <> '' AND \"group\" = ? ORDER BY seq"),
      drop_running_(database, "DELETE FROM moves WHERE code = '' AND \"group\" = ?"),
      put_move_(database, "INSERT OR REPLACE INTO moves (" MOVE_COLUMNS
                          ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      drop_moves_(
          database,
          "DELETE FROM moves WHERE code <> '' AND \"group\" = ?1 AND seq NOT IN (SELECT seq "
          "FROM moves WHERE code <> '' AND \"group\" = ?1 ORDER BY seq DESC LIMIT ?2)"),
      pauses_(database,
              "SELECT \"group\", until_ms, by, reason, set_at_ms FROM pauses ORDER BY \"group\""),
      put_pause_(database, "INSERT OR REPLACE INTO pauses VALUES (?,?,?,?,?)"),
      drop_pause_(database, "DELETE FROM pauses WHERE \"group\" = ?"),
      scheduled_(database,
                 "SELECT \"group\", at_ms, to_node, force, by, place, call, set_at_ms "
                 "FROM scheduled_moves ORDER BY \"group\""),
      put_scheduled_(database, "INSERT OR REPLACE INTO scheduled_moves VALUES (?,?,?,?,?,?,?,?)"),
      drop_scheduled_(database, "DELETE FROM scheduled_moves WHERE \"group\" = ?") {}

Status SqliteGroupStore::save(const GroupRow& row, const std::vector<MoveRow>& ended) {
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
    if (Status replaced = replace.done(); !replaced) return replaced;
    return saveMoves(row, ended);
  });
}

Status SqliteGroupStore::saveMoves(const GroupRow& row, const std::vector<MoveRow>& ended) {
  if (Status dropped = Run(drop_running_).text(row.name).done(); !dropped) return dropped;
  bool one_more = false;
  for (const MoveRow& move : ended) {
    if (move.key.empty()) continue;
    Run put(put_move_);
    bindMove(put, bounded(move));
    if (Status saved = put.done(); !saved) return saved;
    one_more = true;
  }
  if (one_more) {
    Run drop(drop_moves_);
    drop.text(row.name).integer(static_cast<int64_t>(limits::kMaxKnownMoves));
    if (Status dropped = drop.done(); !dropped) return dropped;
  }
  if (!row.move) return Status::ok();
  Run put(put_move_);
  bindMove(put, bounded(*row.move));
  return put.done();
}

Result<std::vector<GroupRow>> SqliteGroupStore::loadAll() {
  Run run(load_);
  run.null();
  auto groups = allRows<GroupRow>(run, readGroup);
  if (!groups) return groups;
  Run running(running_);
  auto moves = allRows<MoveRow>(running, readMove);
  if (!moves) return moves.status();
  for (MoveRow& move : *moves) {
    for (GroupRow& group : *groups) {
      if (group.name == move.group) group.move = std::move(move);
    }
  }
  return groups;
}

Result<std::vector<MoveRow>> SqliteGroupStore::endedMoves(const std::string& group) {
  Run run(ended_);
  run.text(group);
  return allRows<MoveRow>(run, readMove);
}

Status SqliteGroupStore::setPause(const PauseRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<std::vector<PauseRow>> known = pauses();
    if (!known) return known.status();
    const auto others = std::count_if(known->begin(), known->end(), [&](const PauseRow& each) {
      return each.group != row.group;
    });
    if (Status valid = checkPause(row, static_cast<size_t>(others)); !valid) return valid;
    Run put(put_pause_);
    put.text(row.group).integer(row.until.unix_ms).text(row.by).text(row.reason);
    return put.integer(row.set_at.unix_ms).done();
  });
}

Status SqliteGroupStore::clearPause(const std::string& group) {
  return inTransaction(database_, [&] { return Run(drop_pause_).text(group).done(); });
}

Result<std::vector<PauseRow>> SqliteGroupStore::pauses() {
  std::vector<PauseRow> rows;
  Run run(pauses_);
  for (Result<bool> more = run.step();; more = run.step()) {
    if (!more) return more.status();
    if (!*more) return rows;
    rows.push_back(
        {run.textAt(0), {run.integerAt(1)}, run.textAt(2), run.textAt(3), {run.integerAt(4)}});
  }
}

Status SqliteGroupStore::schedule(const ScheduledMoveRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<std::vector<ScheduledMoveRow>> known = scheduled();
    if (!known) return known.status();
    const auto others =
        std::count_if(known->begin(), known->end(),
                      [&](const ScheduledMoveRow& each) { return each.group != row.group; });
    if (Status valid = checkScheduled(row, static_cast<size_t>(others)); !valid) return valid;
    Run put(put_scheduled_);
    put.text(row.group).integer(row.at.unix_ms).text(row.to).integer(row.force ? 1 : 0);
    put.text(row.by).text(row.place).text(row.call).integer(row.set_at.unix_ms);
    return put.done();
  });
}

Status SqliteGroupStore::unschedule(const std::string& group) {
  return inTransaction(database_, [&] { return Run(drop_scheduled_).text(group).done(); });
}

Result<std::vector<ScheduledMoveRow>> SqliteGroupStore::scheduled() {
  std::vector<ScheduledMoveRow> rows;
  Run run(scheduled_);
  for (Result<bool> more = run.step();; more = run.step()) {
    if (!more) return more.status();
    if (!*more) return rows;
    rows.push_back({run.textAt(0),
                    {run.integerAt(1)},
                    run.textAt(2),
                    run.integerAt(3) != 0,
                    run.textAt(4),
                    run.textAt(5),
                    run.textAt(6),
                    {run.integerAt(7)}});
  }
}

// --- members ------------------------------------------------------------------------------------

SqliteMemberStore::SqliteMemberStore(Database& database)
    : database_(database),
      list_(database, "SELECT " MEMBER_COLUMNS " FROM members ORDER BY name"),
      find_(database, "SELECT " MEMBER_COLUMNS
                      " FROM members WHERE name = ?1 OR jid = ?2 ORDER BY name <> ?1"),
      insert_(database, "INSERT INTO members (" MEMBER_COLUMNS
                        ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"),
      update_(
          database,
          "UPDATE members SET name = ?2, \"group\" = ?3, enrolled_at_ms = ?4, enrolled_by = ?5, "
          "priority = ?6, nofailover = ?7, drained = ?8, drain_by = ?9, drain_reason = ?10, "
          "drain_changed_at_ms = ?11 WHERE jid = ?1"),
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
    bindMember(insert, row);
    return insert.done();
  });
}

Status SqliteMemberStore::update(const MemberRow& row) {
  return inTransaction(database_, [&]() -> Status {
    if (Status valid = checkMember(row, 0); !valid) return valid;
    bool known = false;
    {
      Run find(find_);
      find.text(row.name).text(row.jid);
      auto found = allRows<MemberRow>(find, readMember);
      if (!found) return found.status();
      for (const MemberRow& other : *found) {
        if (other.jid != row.jid) return memberTaken(row, other);
        known = true;
      }
    }
    if (!known) return memberMissing("with the account " + row.jid, "jid");
    Run update(update_);
    bindMember(update, row);
    return update.done();
  });
}

Status SqliteMemberStore::remove(const std::string& name) {
  return inTransaction(database_, [&]() -> Status {
    Run run(delete_);
    if (Status removed = run.text(name).done(); !removed) return removed;
    if (database_.changes() > 0) return Status::ok();
    return memberMissing("named " + name, "name");
  });
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
  return inTransaction(database_,
                       [&] { return Run(delete_).text(row.contact).text(row.subscriber).done(); });
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

// --- overrides ----------------------------------------------------------------------------------

SqliteOverrideStore::SqliteOverrideStore(Database& database)
    : database_(database),
      list_(database,
            "SELECT kind, target, logger, level, by, set_at_ms, until_ms FROM overrides "
            "ORDER BY kind, target, logger"),
      find_(database, "SELECT 1 FROM overrides WHERE kind = ? AND target = ? AND logger = ?"),
      replace_(database, "INSERT OR REPLACE INTO overrides VALUES (?,?,?,?,?,?,?)"),
      delete_(database, "DELETE FROM overrides WHERE kind = ? AND target = ? AND logger = ?"),
      expire_(database, "DELETE FROM overrides WHERE until_ms <= ?") {}

Status SqliteOverrideStore::set(const OverrideRow& row) {
  return inTransaction(database_, [&]() -> Status {
    Result<int64_t> count = database_.number("SELECT count(*) FROM overrides");
    if (!count) return count.status();
    bool known = false;
    {
      Run find(find_);
      Result<bool> found =
          find.integer(static_cast<int>(row.kind)).text(row.target).text(row.logger).step();
      if (!found) return found.status();
      known = *found;
    }
    const auto others = static_cast<size_t>(*count - (known ? 1 : 0));
    if (Status valid = checkOverride(row, others); !valid) return valid;
    Run replace(replace_);
    replace.integer(static_cast<int>(row.kind)).text(row.target).text(row.logger);
    replace.integer(row.level).text(row.by).integer(row.set_at.unix_ms);
    row.until ? replace.integer(row.until->unix_ms) : replace.null();
    return replace.done();
  });
}

Status SqliteOverrideStore::remove(OverrideTarget kind, const std::string& target,
                                   const std::string& logger) {
  return inTransaction(database_, [&] {
    return Run(delete_).integer(static_cast<int>(kind)).text(target).text(logger).done();
  });
}

Status SqliteOverrideStore::expire(WallTime now) {
  return inTransaction(database_, [&] { return Run(expire_).integer(now.unix_ms).done(); });
}

Result<std::vector<OverrideRow>> SqliteOverrideStore::list() {
  Run run(list_);
  return allRows<OverrideRow>(run, readOverride);
}

}  // namespace muster::store
