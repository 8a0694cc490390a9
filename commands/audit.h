// audit: what a node, or the coordinator, was asked, and what came of it.
#pragma once

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/node.pb.h"

namespace muster::commands {

// The trail, as far as this command needs it.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  // Newest first; `limit` is set.
  virtual Result<v1::AuditReply> query(const v1::AuditRequest& request, WallTime now) = 0;
};

// `trail` must outlive the handlers.
void addAudit(catalogue::HandlerSet& handlers, AuditTrail& trail);

}  // namespace muster::commands
