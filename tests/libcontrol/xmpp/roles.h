// A small cluster for the tests: who has which role, and which addresses there are.
#pragma once

#include <map>

#include "libcontrol/xmpp/addresses.h"
#include "tests/libcontrol/xmpp/fake_link.h"

namespace muster::xmpp::testing {

// olga is an operator, otto an observer, muster@ the coordinator's account; nobody else is known.
class Roles : public catalogue::Authority {
 public:
  std::optional<v1::Role> roleOf(const Jid& bare) const override {
    const auto found = roles.find(bare.toString());
    if (found == roles.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, v1::Role> roles = {{"olga@example.org", v1::ROLE_OPERATOR},
                                           {"otto@example.org", v1::ROLE_OBSERVER},
                                           {"muster@example.org", v1::ROLE_COORDINATOR}};
};

struct Cluster {
  Cluster() {
    addresses.add({jidOf("muster.example.org"), AddressKind::kCoordinator, "muster", ""});
    addresses.add({jidOf("storage@muster.example.org"), AddressKind::kGroup, "storage", "storage"});
    addresses.add({jidOf("node1@example.org"), AddressKind::kNode, "node1", ""});
  }
  Roles roles;
  Addresses addresses{roles};
};

}  // namespace muster::xmpp::testing
