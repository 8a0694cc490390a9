// The stores in SQLite, each on its own table of one connection that outlives them.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"

namespace muster::store {

class SqliteGroupStore : public GroupStore {
 public:
  explicit SqliteGroupStore(Database& database);
  Status save(const GroupRow& row) override;
  Result<std::vector<GroupRow>> loadAll() override;

 private:
  Database& database_;
  Statement load_;
  Statement replace_;
};

class SqliteMemberStore : public MemberStore {
 public:
  explicit SqliteMemberStore(Database& database);
  Status add(const MemberRow& row) override;
  Status remove(const std::string& name) override;
  Result<std::vector<MemberRow>> list() override;

 private:
  Database& database_;
  Statement list_;
  Statement find_;
  Statement insert_;
  Statement delete_;
};

class SqliteGrantStore : public GrantStore {
 public:
  explicit SqliteGrantStore(Database& database);
  Status set(const GrantRow& row) override;
  Status remove(const std::string& jid) override;
  Result<int> roleOf(const std::string& jid) override;
  Result<std::vector<GrantRow>> list() override;
  Result<uint64_t> version() override;

 private:
  Status countUp();
  Database& database_;
  Statement list_;
  Statement find_;
  Statement replace_;
  Statement delete_;
  Statement count_up_;
};

class SqliteSubscriptionStore : public SubscriptionStore {
 public:
  explicit SqliteSubscriptionStore(Database& database);
  Status add(const SubscriptionRow& row) override;
  Status remove(const SubscriptionRow& row) override;
  Result<std::vector<SubscriptionRow>> list() override;
  Result<std::vector<std::string>> listFor(const std::string& contact) override;

 private:
  Database& database_;
  Statement list_;
  Statement list_for_;
  Statement find_;
  Statement insert_;
  Statement delete_;
};

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

}  // namespace muster::store
