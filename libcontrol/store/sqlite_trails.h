// The trails in SQLite, which only grow at one end and shrink at the other: the audit trail and the
// groups' history. On one connection that outlives them.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"

namespace muster::store {

class SqliteAuditStore : public AuditStore {
 public:
  SqliteAuditStore(Database& database, size_t capacity);
  Result<uint64_t> append(const AuditEntry& entry) override;
  Result<std::vector<AuditEntry>> query(const AuditQuery& query) override;
  Result<size_t> count() override;

 private:
  Status makeRoom();
  Database& database_;
  const size_t capacity_;
  Statement count_;
  Statement insert_;
  Statement drop_;
  Statement query_;
};

class SqliteHistoryStore : public HistoryStore {
 public:
  SqliteHistoryStore(Database& database, size_t capacity);
  Status append(const std::vector<HistoryRow>& rows) override;
  Result<std::vector<HistoryRow>> query(const HistoryQuery& query) override;
  Result<size_t> count() override;

 private:
  Database& database_;
  const size_t capacity_;
  Statement count_;
  Statement insert_;
  Statement drop_;
  Statement query_;
};

}  // namespace muster::store
