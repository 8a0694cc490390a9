// Takes ad-hoc commands (XEP-0050) off an endpoint and brings back what they are answered with.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "libcontrol/adhoc/payload.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/rate_limit.h"

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

// Who sends more than limits::kCommandBurst stages at once or one each limits::kCommandEvery is
// told when to try again (resource-constraint, to wait); the coordinator's role is not limited,
// since it speaks for everybody. Lives on the endpoint's thread; endpoint and addresses must
// outlive it.
class AdhocResponder {
 public:
  AdhocResponder(Endpoint& endpoint, const Addresses& addresses, CommandHandler handler,
                 RateLimit limit = {limits::kCommandBurst, limits::kCommandEvery});
  ~AdhocResponder();
  AdhocResponder(const AdhocResponder&) = delete;
  AdhocResponder& operator=(const AdhocResponder&) = delete;

 private:
  void onCommand(const Element& iq, const IqReply& reply);
  bool isTooMany(const Jid& from, const IqReply& reply);

  Endpoint& endpoint_;
  const Addresses& addresses_;
  const CommandHandler handler_;
  RateLimit limit_;
};

}  // namespace muster::xmpp
