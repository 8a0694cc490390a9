// The coordinator's store as the ports that the catalogue asks for.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "commands/audit.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/store/coordinator_store.h"
#include "muster/wire.pb.h"

namespace muster::coordinator {

// Grants, read once and kept in step with the store. One thread; the store must outlive it.
class StoreAuthority : public catalogue::Authority {
 public:
  explicit StoreAuthority(store::GrantStore& store) : store_(store) {}
  // At the start, and after each change of the store. On an error nothing has changed.
  Status load();
  std::optional<v1::Role> roleOf(const Jid& bare) const override;
  // A room is no person: whatever is granted to its address would be everybody's in it.
  void never(const Jid& bare) { nobody_ = bare; }
  // As nodes are told of them.
  const v1::Grants& grants() const { return grants_; }

 private:
  store::GrantStore& store_;
  std::map<Jid, v1::Role> roles_;
  Jid nobody_;
  v1::Grants grants_;
};

class StoreAudit : public catalogue::AuditSink, public commands::AuditTrail {
 public:
  explicit StoreAudit(store::AuditStore& store) : store_(store) {}
  // Called with each entry once it is on disk.
  void onRecorded(std::function<void(const catalogue::AuditEntry&)> f) { recorded_ = std::move(f); }
  Status record(const catalogue::AuditEntry& entry) override;
  Result<v1::AuditReply> query(const v1::AuditRequest& request, WallTime now) override;

 private:
  store::AuditStore& store_;
  std::function<void(const catalogue::AuditEntry&)> recorded_;
};

}  // namespace muster::coordinator
