#include "libcontrol/store/sqlite_store.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/store/schema.h"

namespace muster::store {
namespace {

// Members are destroyed from the last to the first: the lock goes once the connection has gone.
class FileStore : public SqliteStore {
 public:
  FileStore(FileLock lock, std::unique_ptr<Database> database,
            const CoordinatorStoreOptions& options)
      : SqliteStore(std::move(database), options), lock_(std::move(lock)) {}

 private:
  FileLock lock_;
};

Status check(const CoordinatorStoreOptions& options) {
  if (options.audit_capacity == 0) {
    return {Code::kInvalidArgument, "an audit trail keeps at least one entry", "audit_capacity"};
  }
  if (options.history_capacity == 0) {
    return {Code::kInvalidArgument, "a history keeps at least one event", "history_capacity"};
  }
  return Status::ok();
}

}  // namespace

Result<std::unique_ptr<CoordinatorStore>> CoordinatorStore::open(
    const std::filesystem::path& file, const CoordinatorStoreOptions& options) {
  if (Status valid = check(options); !valid) return valid;
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
      new FileStore(std::move(*lock), std::move(*database), options));
}

}  // namespace muster::store
