// All of a coordinator's stores on one connection.
#pragma once

#include <memory>
#include <utility>

#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/store/database.h"
#include "libcontrol/store/sqlite_alerts.h"
#include "libcontrol/store/sqlite_hooks.h"
#include "libcontrol/store/sqlite_tables.h"
#include "libcontrol/store/sqlite_trails.h"

namespace muster::store {

// The schema must have been prepared.
class SqliteStore : public CoordinatorStore {
 public:
  SqliteStore(std::unique_ptr<Database> database, const CoordinatorStoreOptions& options)
      : database_(std::move(database)),
        groups_(*database_),
        hooks_(*database_),
        members_(*database_),
        grants_(*database_),
        subscriptions_(*database_),
        audit_(*database_, options.audit_capacity),
        history_(*database_, options.history_capacity),
        overrides_(*database_),
        alerts_(*database_, options.incident_capacity, options.delivery_capacity) {}

  GroupStore& groups() override { return groups_; }
  HookStore& hooks() override { return hooks_; }
  MemberStore& members() override { return members_; }
  GrantStore& grants() override { return grants_; }
  SubscriptionStore& subscriptions() override { return subscriptions_; }
  AuditStore& audit() override { return audit_; }
  HistoryStore& history() override { return history_; }
  OverrideStore& overrides() override { return overrides_; }
  AlertStore& alerts() override { return alerts_; }

 protected:
  Database& database() { return *database_; }

 private:
  std::unique_ptr<Database> database_;
  SqliteGroupStore groups_;
  SqliteHookStore hooks_;
  SqliteMemberStore members_;
  SqliteGrantStore grants_;
  SqliteSubscriptionStore subscriptions_;
  SqliteAuditStore audit_;
  SqliteHistoryStore history_;
  SqliteOverrideStore overrides_;
  SqliteAlertStore alerts_;
};

}  // namespace muster::store
