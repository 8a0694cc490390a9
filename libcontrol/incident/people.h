// Who of the people is there, as far as their presence tells.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "libcontrol/base/jid.h"

namespace muster::incident {

// The more available, the lower.
enum class Availability {
  kHere,     // a session that is neither away nor busy
  kAway,     // only sessions that are away or busy
  kUnknown,  // nobody has shown us their presence
  kAbsent,   // seen before, and no session now
};

// Filled by the driver; read by the machines. One thread.
class People {
 public:
  // Presence of a session. True if the session was not there before: what XMPP calls its initial
  // presence.
  bool came(const Jid& full, bool away);
  void gone(const Jid& full);
  // All of somebody's sessions, as a server answers a probe of whoever is not there.
  void absent(const Jid& bare);
  // No session counts any more: the link is down. Whose presence we see stays known.
  void forgetAll();

  Availability of(const Jid& bare) const;
  // The first of those who are available best; nobody of an empty list.
  std::optional<Jid> firstAvailable(const std::vector<Jid>& candidates) const;

 private:
  std::map<Jid, std::map<Jid, bool>> sessions_;  // by bare, then full JID; whether away
};

}  // namespace muster::incident
