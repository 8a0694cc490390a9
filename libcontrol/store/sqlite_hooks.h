// What the site's hooks are still to be told, in SQLite.
#pragma once

#include <vector>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"

namespace muster::store {

class SqliteHookStore : public HookStore {
 public:
  explicit SqliteHookStore(Database& database);
  Status commit(const HookCommit& commit) override;
  Result<std::vector<HookHolderRow>> holders() override;
  Result<std::vector<HookRunRow>> runs() override;

 private:
  Status write(const HookCommit& commit);

  Database& database_;
  Statement holders_;
  Statement put_holder_;
  Statement runs_;
  Statement put_run_;
  Statement drop_run_;
};

}  // namespace muster::store
