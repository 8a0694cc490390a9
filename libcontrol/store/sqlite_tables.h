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
  using GroupStore::save;
  Status save(const GroupRow& row, const std::vector<MoveRow>& ended) override;
  Result<std::vector<GroupRow>> loadAll() override;
  Result<std::vector<MoveRow>> endedMoves(const std::string& group) override;
  Status setPause(const PauseRow& row) override;
  Status clearPause(const std::string& group) override;
  Result<std::vector<PauseRow>> pauses() override;
  Status schedule(const ScheduledMoveRow& row) override;
  Status unschedule(const std::string& group) override;
  Result<std::vector<ScheduledMoveRow>> scheduled() override;

 private:
  Status saveMoves(const GroupRow& row, const std::vector<MoveRow>& ended);
  Database& database_;
  Statement load_;
  Statement replace_;
  Statement running_;
  Statement ended_;
  Statement drop_running_;
  Statement put_move_;
  Statement drop_moves_;
  Statement pauses_;
  Statement put_pause_;
  Statement drop_pause_;
  Statement scheduled_;
  Statement put_scheduled_;
  Statement drop_scheduled_;
};

class SqliteMemberStore : public MemberStore {
 public:
  explicit SqliteMemberStore(Database& database);
  Status add(const MemberRow& row) override;
  Status update(const MemberRow& row) override;
  Status remove(const std::string& name) override;
  Result<std::vector<MemberRow>> list() override;

 private:
  Database& database_;
  Statement list_;
  Statement find_;
  Statement insert_;
  Statement update_;
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

class SqliteOverrideStore : public OverrideStore {
 public:
  explicit SqliteOverrideStore(Database& database);
  Status set(const OverrideRow& row) override;
  Status remove(OverrideTarget kind, const std::string& target, const std::string& logger) override;
  Status expire(WallTime now) override;
  Result<std::vector<OverrideRow>> list() override;

 private:
  Database& database_;
  Statement list_;
  Statement find_;
  Statement replace_;
  Statement delete_;
  Statement expire_;
};

}  // namespace muster::store
