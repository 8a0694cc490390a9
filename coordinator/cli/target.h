// Whom --at names, and what to send to it.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/client.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/catalogue.h"

namespace muster::cli {

// Whoever takes commands, as far as the words of --at tell without asking.
struct Target {
  enum class Kind { kNode, kGroup, kCoordinator };
  Kind kind = Kind::kCoordinator;
  Jid jid;            // of a node: empty if it was named, else bare or full
  std::string name;   // of a node that was named
  std::string group;  // of a group's contact
};

// `at` empty: the coordinator. A word is a node's name; the coordinator's address and what stands
// before it with an @ (a group's contact) are told from a node's JID by the domain.
Result<Target> targetOf(const std::string& at, const Jid& coordinator);

// What the coordinator says of one node.
struct KnownNode {
  std::string name;
  std::string jid;  // full while present
  std::string group;
  bool present = false;
  std::string since;
};

// The full JID of a node: kNotFound with a suggestion, kUnavailable if it isn't there now.
Result<Jid> pickNode(const Target& target, const std::vector<KnownNode>& nodes,
                     const Jid& coordinator);

// Asks the coordinator where it has to.
Result<Jid> addressOf(Client& client, const catalogue::Catalogue& cluster, const Target& target);

// Whom `exec` is for: any JID; besides, a node's name or bare JID where the coordinator knows it.
Result<Jid> entityOf(Client& client, const catalogue::Catalogue& cluster, const std::string& text);

}  // namespace muster::cli
