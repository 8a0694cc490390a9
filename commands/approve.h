// approve: another admin's word for a command that is forced.
#pragma once

#include <functional>
#include <string>

#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class Approver {
 public:
  // What came of the command, whose outcome is told by `status`.
  using Answer = std::function<void(const Status& status, const v1::ApproveReply& reply)>;
  virtual ~Approver() = default;
  // Carries out what waits under the code. kNotFound if nothing does, kForbidden to whoever asked
  // for it. Answers once.
  virtual void approve(const std::string& code, const catalogue::CallContext& by,
                       Answer answer) = 0;
};

// `approver` must outlive the handlers.
void addApprove(catalogue::HandlerSet& handlers, Approver& approver);

}  // namespace muster::commands
