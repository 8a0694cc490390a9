// The node's own audit trail: what it was asked, by whom, and what came of it.
#pragma once

#include "commands/audit.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster {

// Durable in the store, and for people in the log as well. One thread; the store must outlive it.
class NodeAudit : public catalogue::AuditSink, public commands::AuditTrail {
 public:
  explicit NodeAudit(store::AuditStore& store) : store_(store) {}

  Status record(const catalogue::AuditEntry& entry) override;
  Result<v1::AuditReply> query(const v1::AuditRequest& request, WallTime now) override;

 private:
  store::AuditStore& store_;
};

}  // namespace muster
