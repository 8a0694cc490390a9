// Who may do what at a node: what its own configuration says and what the coordinator has told it,
// which is kept on disk so that it holds while no coordinator answers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/store/node_state_store.h"
#include "muster/wire.pb.h"

namespace muster {

// One thread. The store must outlive it.
class NodeAuthority : public catalogue::Authority {
 public:
  // `coordinators`, all of their addresses, have the role of that name and nothing else. Grants on
  // disk that can't be read are dropped: default deny.
  NodeAuthority(store::NodeStateStore& store, std::set<Jid> coordinators,
                std::map<Jid, v1::Role> configured);

  // The higher of both; nothing for a stranger.
  std::optional<v1::Role> roleOf(const Jid& bare) const override;

  // Another member of the node's group, as the coordinator has told; bare.
  bool isPeer(const Jid& bare) const { return peers_.contains(bare); }

  // Grants as pushed by the coordinator, whose last word counts whatever its version (its store may
  // have been restored): durable when it returns ok. kInvalidArgument names the entry that is not
  // an exact bare JID with one of the roles observer, operator and admin.
  Status accept(const v1::Grants& grants);

 private:
  store::NodeStateStore& store_;
  const std::set<Jid> coordinators_;
  const std::map<Jid, v1::Role> configured_;
  std::map<Jid, v1::Role> told_;
  std::set<Jid> peers_;
};

// The role of that name ("observer", "operator", "admin"); kInvalidArgument names the three.
Result<v1::Role> roleFromName(const std::string& name);

}  // namespace muster
