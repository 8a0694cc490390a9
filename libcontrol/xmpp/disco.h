// What the addresses behind an endpoint say of themselves: service discovery (XEP-0030), entity
// capabilities (XEP-0115), vCard (XEP-0054) and version (XEP-0092).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::xmpp {

// One command as it is listed.
struct CommandItem {
  std::string node;  // its verb
  std::string name;  // its title; never empty (a client drops the whole list over one that is)
};
// The commands that a requester (a full JID with a role) may call at an address.
using CommandsFor =
    std::function<std::vector<CommandItem>(const Jid& requester, const Address& address)>;

// Answers disco#info and disco#items, for the entity, for the commands node and for each command,
// vcard-temp and jabber:iq:version, for every address in `addresses`. Whoever has no role gets
// service-unavailable to everything, and a ping from them likewise. Lives on the endpoint's thread;
// endpoint and addresses must outlive it.
class Disco {
 public:
  Disco(Endpoint& endpoint, const Addresses& addresses, CommandsFor commands_for,
        std::string version);
  ~Disco();
  Disco(const Disco&) = delete;
  Disco& operator=(const Disco&) = delete;

 private:
  // The address that was asked; null for a stranger, who has been answered then.
  const Address* admit(const Element& iq, const IqReply& reply) const;
  void onInfo(const Element& iq, const IqReply& reply) const;
  void onItems(const Element& iq, const IqReply& reply) const;
  void onVCard(const Element& iq, const IqReply& reply) const;
  void onVersion(const Element& iq, const IqReply& reply) const;

  Endpoint& endpoint_;
  const Addresses& addresses_;
  const CommandsFor commands_for_;
  const std::string version_;
};

// The <c/> for presences from that address (empty for a client's own): the same for all names,
// versions and states, so that clients ask once.
Element capsElement(const Jid& from);

}  // namespace muster::xmpp
