// Who a node is.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"
#include "muster/node.h"
#include "muster/options.pb.h"

namespace muster {

// What the configuration says, checked.
struct NodeIdentity {
  Jid jid;                           // bare
  Jid coordinator;                   // empty: none
  std::vector<Jid> lease_addresses;  // of several coordinators; empty: the one above grants leases
  Jid coordinator_account;           // empty: none
  std::string name;
  std::string group;
  std::string version;
  InstanceId instance;  // of this process
  std::map<Jid, v1::Role> grants;

  std::vector<Jid> whoGrantsLeases() const {
    return lease_addresses.empty() ? std::vector<Jid>{coordinator} : lease_addresses;
  }
};

// kInvalidArgument names the option and what would be right.
Result<NodeIdentity> identityOf(const NodeOptions& options, Random& random);

}  // namespace muster
