// The level of the whole cluster, as presence and mood (XEP-0107) of the coordinator's own account.
#pragma once

#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/presence.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// Lives on the thread of the event loop. Both outlive it.
class OverallPresence {
 public:
  OverallPresence(xmpp::Endpoint& account, Clock& clock) : account_(account), clock_(clock) {}

  // Sends what is to be seen from now on, unless it was sent or comes too often; then at a later
  // call. Nothing while the account isn't logged in.
  void show(const service::PresenceText& text);
  // After a login: nobody has seen anything.
  void sendAnew();

 private:
  void send();

  xmpp::Endpoint& account_;
  Clock& clock_;
  service::PresenceText text_;
  service::PresenceThrottle throttle_;
  std::string mood_;
};

}  // namespace muster::coordinator
