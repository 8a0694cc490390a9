#include "libcontrol/store/audit_file.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "libcontrol/store/database.h"
#include "libcontrol/store/schema.h"
#include "libcontrol/store/sqlite_trails.h"

namespace muster::store {
namespace {

// The table together with the connection that it is on.
class AuditFile : public AuditStore {
 public:
  AuditFile(std::unique_ptr<Database> database, size_t capacity)
      : database_(std::move(database)), table_(*database_, capacity) {}

  Result<uint64_t> append(const AuditEntry& entry) override { return table_.append(entry); }
  Result<std::vector<AuditEntry>> query(const AuditQuery& query) override {
    return table_.query(query);
  }
  Result<size_t> count() override { return table_.count(); }

 private:
  const std::unique_ptr<Database> database_;
  SqliteAuditStore table_;
};

}  // namespace

Result<std::unique_ptr<AuditStore>> openAuditFile(const std::filesystem::path& file,
                                                  const AuditFileOptions& options) {
  if (options.capacity == 0) {
    return Status(Code::kInvalidArgument, "an audit trail keeps at least one entry", "capacity");
  }
  Result<std::unique_ptr<Database>> database = Database::open(file, options.busy_timeout);
  if (!database) return database.status();
  // SQLite gives its log files the mode of the database itself.
  if (::chmod(file.c_str(), 0600) != 0) {
    return Status(Code::kUnavailable, "cannot restrict " + file.string() + " to its owner");
  }
  if (Status prepared = prepareSchema(**database, auditTrailSchema()); !prepared) {
    return Status(prepared.code(), "the audit trail " + file.string() +
                                       " can't be used: " + prepared.text() +
                                       "; moved out of the way, a new one is begun");
  }
  return std::unique_ptr<AuditStore>(new AuditFile(std::move(*database), options.capacity));
}

}  // namespace muster::store
