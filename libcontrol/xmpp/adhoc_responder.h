// Takes ad-hoc commands (XEP-0050) off an endpoint and brings back what they are answered with.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::xmpp {

// One stage as it came in, from somebody who has a role, to an address that exists.
struct CommandCall {
  Jid from;  // full, or the bare JID of a component; sessions are bound to it
  Address address;
  adhoc::Command command;
  std::string lang;  // xml:lang of the stanza or the command, "" if none
};
using CommandAnswer = std::variant<adhoc::Command, adhoc::Error>;
// Answers at once or later, on the endpoint's thread; the first answer counts.
using CommandHandler =
    std::function<void(const CommandCall& call, std::function<void(CommandAnswer)> answer)>;

// Lives on the endpoint's thread; endpoint and addresses must outlive it.
class AdhocResponder {
 public:
  AdhocResponder(Endpoint& endpoint, const Addresses& addresses, CommandHandler handler);
  ~AdhocResponder();
  AdhocResponder(const AdhocResponder&) = delete;
  AdhocResponder& operator=(const AdhocResponder&) = delete;

 private:
  void onCommand(const Element& iq, const IqReply& reply) const;

  Endpoint& endpoint_;
  const Addresses& addresses_;
  const CommandHandler handler_;
};

}  // namespace muster::xmpp
