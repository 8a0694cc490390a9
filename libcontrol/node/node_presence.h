// What a node shows of itself: its presence, for people and for programs, and its mood.
#pragma once

#include <functional>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/service/presence.h"
#include "libcontrol/xmpp/endpoint.h"
#include "muster/wire.pb.h"

namespace muster {

// Sends when there is news, see service::PresenceThrottle. Lives on the event loop's thread; the
// endpoint must outlive it.
class NodePresence {
 public:
  explicit NodePresence(xmpp::Endpoint& endpoint) : endpoint_(endpoint) {}

  // To be called once the link is up, before anything is sent over it.
  void connected();
  void publish(const service::PresenceText& text, const std::function<v1::NodeStatus()>& status,
               bool even_if_unchanged, ElapsedTime now);

 private:
  xmpp::Endpoint& endpoint_;
  service::PresenceThrottle throttle_;
  std::string mood_;
};

}  // namespace muster
