// The contacts that the component plays: one a group, and its own address for the whole. A server
// does nothing for a component's addresses, so subscriptions, probes and presence (RFC 6121,
// sections 3 and 4) are handled here.
#pragma once

#include <map>
#include <set>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/service/presence.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/stanza.h"
#include "libcontrol/xmpp/subscriptions.h"

namespace muster::coordinator {

xmpp::Show toXmpp(service::Show show);

// One thread; all references must outlive it.
class Contacts {
 public:
  Contacts(xmpp::Endpoint& component, store::SubscriptionStore& store,
           const catalogue::Authority& authority, Clock& clock);

  // Reads who is subscribed to whom.
  Status load();
  // Takes up its subscribers where load() found some; false if it was there already.
  bool add(const Jid& contact);

  // What the contact shows from now on; sent to its subscribers when it is worth it.
  void show(const Jid& contact, const service::PresenceText& text);
  // A presence stanza to one of the contacts.
  void onPresence(const xmpp::PresenceInfo& presence);

  // Subscribers of a contact, bare; none if it isn't there.
  std::set<Jid> subscribersOf(const Jid& contact) const;
  // To be called when somebody's role is gone: ends their subscriptions, as if they had never been
  // welcome.
  void dismiss(const Jid& subscriber);

  // To everybody who is subscribed: after a connection, and before the end.
  void announceAll();
  void sayGoodbye();

 private:
  struct Contact {
    service::PresenceText text;
    service::PresenceThrottle throttle;
    std::set<Jid> subscribers;  // bare
  };

  void subscribe(const Jid& jid, Contact& contact, const Jid& subscriber);
  void unsubscribe(const Jid& jid, Contact& contact, const Jid& subscriber);
  void send(const Jid& jid, const Contact& contact, const Jid& to);
  void broadcast(const Jid& jid, const Contact& contact);

  xmpp::Endpoint& component_;
  store::SubscriptionStore& store_;
  const catalogue::Authority& authority_;
  Clock& clock_;
  std::map<Jid, Contact> contacts_;
  // Subscribers of contacts that aren't there, in case they come.
  std::map<Jid, std::set<Jid>> unclaimed_;
};

}  // namespace muster::coordinator
