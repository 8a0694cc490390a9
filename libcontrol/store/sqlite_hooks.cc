#include "libcontrol/store/sqlite_hooks.h"

#include "libcontrol/store/sqlite_rows.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

HookHolderRow readHolder(Run& run) {
  return {run.textAt(0), run.textAt(1), static_cast<uint64_t>(run.integerAt(2)),
          run.integerAt(3) != 0};
}

HookRunRow readRun(Run& run) {
  HookRunRow row;
  row.seq = static_cast<uint64_t>(run.integerAt(0));
  row.group = run.textAt(1);
  row.hook = run.textAt(2);
  row.old_node = run.textAt(3);
  row.new_node = run.textAt(4);
  row.old_epoch = static_cast<uint64_t>(run.integerAt(5));
  row.epoch = static_cast<uint64_t>(run.integerAt(6));
  row.cause = run.textAt(7);
  row.by = run.textAt(8);
  row.outcome = run.textAt(9);
  row.at = {run.integerAt(10)};
  row.begun = run.integerAt(11) != 0;
  return row;
}

}  // namespace

SqliteHookStore::SqliteHookStore(Database& database)
    : database_(database),
      holders_(database,
               "SELECT \"group\", node, epoch, ended FROM hook_holders ORDER BY \"group\""),
      put_holder_(database, "INSERT OR REPLACE INTO hook_holders VALUES (?,?,?,?)"),
      runs_(
          database,
          "SELECT seq, \"group\", hook, old_node, new_node, old_epoch, epoch, cause, by, outcome, "
          "at_ms, begun FROM hook_runs ORDER BY seq"),
      put_run_(database, "INSERT OR REPLACE INTO hook_runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"),
      drop_run_(database, "DELETE FROM hook_runs WHERE seq = ?") {}

Status SqliteHookStore::commit(const HookCommit& commit) {
  if (Status valid = checkHooks(commit); !valid) return valid;
  return inTransaction(database_, [&] { return write(commit); });
}

Status SqliteHookStore::write(const HookCommit& commit) {
  for (const HookHolderRow& row : commit.holders) {
    Run put(put_holder_);
    put.text(row.group).text(row.node).integer(static_cast<int64_t>(row.epoch));
    put.integer(row.ended ? 1 : 0);
    if (Status s = put.done(); !s) return s;
  }
  for (const uint64_t seq : commit.done) {
    if (Status s = Run(drop_run_).integer(static_cast<int64_t>(seq)).done(); !s) return s;
  }
  for (const HookRunRow& input : commit.runs) {
    const HookRunRow row = bounded(input);
    Run put(put_run_);
    put.integer(static_cast<int64_t>(row.seq)).text(row.group).text(row.hook);
    put.text(row.old_node).text(row.new_node).integer(static_cast<int64_t>(row.old_epoch));
    put.integer(static_cast<int64_t>(row.epoch)).text(row.cause).text(row.by).text(row.outcome);
    put.integer(row.at.unix_ms).integer(row.begun ? 1 : 0);
    if (Status s = put.done(); !s) return s;
  }
  const Result<int64_t> count = database_.number("SELECT count(*) FROM hook_runs");
  if (!count) return count.status();
  return checkHookCount(static_cast<size_t>(*count));
}

Result<std::vector<HookHolderRow>> SqliteHookStore::holders() {
  Run run(holders_);
  return allRows<HookHolderRow>(run, readHolder);
}

Result<std::vector<HookRunRow>> SqliteHookStore::runs() {
  Run run(runs_);
  return allRows<HookRunRow>(run, readRun);
}

}  // namespace muster::store
