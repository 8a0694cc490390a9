// The way of alerts to people by XMPP: messages that ask for receipts, what comes back, and whose
// presence is seen.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "libcontrol/base/jid.h"
#include "libcontrol/incident/outbox.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/roster.h"

namespace muster::coordinator {

// Speaks from whichever of our addresses a message names: the account's, if there is one, or any
// under the component's domain. People are asked for their presence by the account, else by the
// component. Lives on the event loop's thread; all references must outlive it.
class Messenger {
 public:
  struct Hooks {
    std::function<void()> up;  // of the component, by which nodes are seen too
    std::function<void()> down;
    // The connection by which people's presence comes is gone.
    std::function<void()> blind;
    std::function<void(const Jid& full, bool away)> came;
    std::function<void(const Jid& full)> gone;
    // We see that person's presence, and there is none.
    std::function<void(const Jid& bare)> absent;
    std::function<void(const Jid& bare)> wrote;
    std::function<void(const std::string& id, const Jid& by)> delivered;
    std::function<void(const std::string& id, const std::string& why)> failed;
  };

  // Without an account both of the last two are null. Takes the roster's onChange for itself.
  Messenger(xmpp::Endpoint& component, const Jid& address, Hooks hooks, xmpp::Endpoint* account,
            xmpp::Roster* roster);
  ~Messenger();
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;

  // False if the address that it is from has no connection.
  bool send(const incident::Message& message);
  void follow(const Jid& bare);

 private:
  xmpp::Endpoint::ListenerId listen(xmpp::Endpoint& endpoint);
  void onUp();
  void onMessage(const xmpp::Element& message);
  void onPresence(const xmpp::Element& stanza);
  void onRoster();
  void ask(const Jid& bare);

  xmpp::Endpoint& component_;
  const Jid address_;
  const Hooks hooks_;
  xmpp::Endpoint* const account_;
  xmpp::Roster* const roster_;
  std::set<Jid> followed_;  // bare
  xmpp::Endpoint::ListenerId component_listener_ = 0;
  xmpp::Endpoint::ListenerId account_listener_ = 0;
};

}  // namespace muster::coordinator
