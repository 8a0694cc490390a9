#include <sys/stat.h>

#include <string>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"
#include "libcontrol/store/schema.h"
#include "libcontrol/store/sqlite_alerts.h"
#include "libcontrol/store/sqlite_tables.h"
#include "libcontrol/store/sqlite_trails.h"

namespace muster::store {
namespace {

// Members are destroyed from the last to the first: statements, connection, lock.
class SqliteStore : public CoordinatorStore {
 public:
  SqliteStore(FileLock lock, std::unique_ptr<Database> database,
              const CoordinatorStoreOptions& options)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        groups_(*database_),
        members_(*database_),
        grants_(*database_),
        subscriptions_(*database_),
        audit_(*database_, options.audit_capacity),
        history_(*database_, options.history_capacity),
        overrides_(*database_),
        alerts_(*database_, options.incident_capacity, options.delivery_capacity) {}

  GroupStore& groups() override { return groups_; }
  MemberStore& members() override { return members_; }
  GrantStore& grants() override { return grants_; }
  SubscriptionStore& subscriptions() override { return subscriptions_; }
  AuditStore& audit() override { return audit_; }
  HistoryStore& history() override { return history_; }
  OverrideStore& overrides() override { return overrides_; }
  AlertStore& alerts() override { return alerts_; }

 private:
  FileLock lock_;
  std::unique_ptr<Database> database_;
  SqliteGroupStore groups_;
  SqliteMemberStore members_;
  SqliteGrantStore grants_;
  SqliteSubscriptionStore subscriptions_;
  SqliteAuditStore audit_;
  SqliteHistoryStore history_;
  SqliteOverrideStore overrides_;
  SqliteAlertStore alerts_;
};

}  // namespace

Result<std::unique_ptr<CoordinatorStore>> CoordinatorStore::open(
    const std::filesystem::path& file, const CoordinatorStoreOptions& options) {
  if (options.audit_capacity == 0) {
    return Status(Code::kInvalidArgument, "an audit trail keeps at least one entry",
                  "audit_capacity");
  }
  if (options.history_capacity == 0) {
    return Status(Code::kInvalidArgument, "a history keeps at least one event", "history_capacity");
  }
  const std::string what = "the coordinator's database " + file.string();
  Result<FileLock> lock = FileLock::tryAcquire(file.string() + ".lock", what);
  if (!lock) return lock.status();
  Result<std::unique_ptr<Database>> database = Database::open(file, options.busy_timeout);
  if (!database) return database.status();
  // SQLite gives its log files the mode of the database itself.
  if (::chmod(file.c_str(), 0600) != 0) {
    return Status(Code::kUnavailable, "cannot restrict " + file.string() + " to its owner");
  }
  if (Status prepared = prepareSchema(**database); !prepared) {
    return Status(prepared.code(), what + " can't be used: " + prepared.text());
  }
  return std::unique_ptr<CoordinatorStore>(
      new SqliteStore(std::move(*lock), std::move(*database), options));
}

}  // namespace muster::store
