// Who is a member and who may do what, changed while everything runs.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "commands/membership.h"
#include "coordinator/cluster.h"
#include "coordinator/store_ports.h"
#include "libcontrol/store/coordinator_store.h"

namespace muster::coordinator {

// "a group's name", "a node's name": what may be one. kInvalidArgument says what would be right.
Status checkName(const std::string& name, const std::string& what, const std::string& field);

// Lives on the event loop's thread; all references must outlive it.
class Membership : public commands::Membership {
 public:
  struct Parts {
    Cluster& cluster;
    store::GrantStore& grants;
    StoreAuthority& authority;
    Contacts& contacts;
    Clock& clock;
    // The coordinator's own addresses besides its component's: they can't be members or persons.
    std::vector<Jid> own;
    // Roles have changed; after nodes and contacts have been told.
    std::function<void()> roles_changed;
    std::function<void(const Status&)> store_failed;
  };

  explicit Membership(Parts parts) : parts_(std::move(parts)) {}

  // commands::Membership
  Result<v1::EnrollReply> enroll(const v1::EnrollRequest& request, const std::string& by) override;
  std::string planRemove(const v1::RemoveRequest& request) override;
  Result<v1::RemoveReply> remove(const v1::RemoveRequest& request, const std::string& by) override;
  Result<v1::GrantReply> grant(const v1::GrantRequest& request, const std::string& by) override;
  Result<v1::RolesReply> roles() override;

 private:
  // Of somebody's account as it was typed.
  Result<Jid> readAccount(const std::string& typed, const std::string& field) const;
  Status checkGroup(const v1::EnrollRequest& request) const;
  Result<store::MemberRow> rowFor(const v1::EnrollRequest& request, const Jid& jid,
                                  const std::string& by) const;
  Status refuseRemoval(const Member& member, bool force) const;
  Status checkGrant(const Jid& jid, v1::Role role) const;

  Parts parts_;
};

}  // namespace muster::coordinator
