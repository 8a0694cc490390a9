// enroll, remove, grant and roles: who is a member, and who may do what.
#pragma once

#include <string>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class Membership {
 public:
  virtual ~Membership() = default;
  // Each is durable, and in force, when it returns ok; `by` is the caller's bare JID. Errors name
  // the argument at fault and the remedy.
  virtual Result<v1::EnrollReply> enroll(const v1::EnrollRequest& request,
                                         const std::string& by) = 0;
  virtual std::string planRemove(const v1::RemoveRequest& request) = 0;
  virtual Result<v1::RemoveReply> remove(const v1::RemoveRequest& request,
                                         const std::string& by) = 0;
  virtual Result<v1::GrantReply> grant(const v1::GrantRequest& request, const std::string& by) = 0;
  virtual Result<v1::RolesReply> roles() = 0;
};

// `membership` must outlive the handlers.
void addMembership(catalogue::HandlerSet& handlers, Membership& membership);

}  // namespace muster::commands
