// The addresses that live behind one endpoint, and who is told that they exist.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/jid.h"
#include "libcontrol/catalogue/ports.h"
#include "muster/options.pb.h"

namespace muster::xmpp {

enum class AddressKind {
  kNode,         // a node's own account
  kCoordinator,  // the coordinator's component, or its account
  kGroup,        // a group's contact under the component
  kService,      // the contact of one service of a group
};

struct Address {
  Jid jid;  // bare; a stanza to any resource of it is for this address
  AddressKind kind = AddressKind::kNode;
  std::string name;           // for people: "node1", "storage", "muster"
  std::string implied_group;  // of a group's contact or its service's; empty otherwise
};

// A registry filled by the daemon and shared by whatever answers at an endpoint; must outlive them.
// One thread.
class Addresses {
 public:
  // The authority must outlive it.
  explicit Addresses(const catalogue::Authority& authority) : authority_(authority) {}

  // Replaces an address of the same JID.
  void add(Address address);
  void remove(const Jid& bare);
  // By the bare form of `to`; null if there is none.
  const Address* find(const Jid& to) const;
  // In the order of their JIDs.
  std::vector<Address> all() const;

  // Nothing for a stranger.
  std::optional<v1::Role> roleOf(const Jid& from) const { return authority_.roleOf(from.bare()); }
  // The sender has a role and the address exists: without both it is told what a server says of an
  // address that isn't there.
  bool answers(const Jid& from, const Jid& to) const;

 private:
  const catalogue::Authority& authority_;
  std::map<Jid, Address> by_jid_;
};

}  // namespace muster::xmpp
