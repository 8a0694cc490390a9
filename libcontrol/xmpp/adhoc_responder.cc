#include "libcontrol/xmpp/adhoc_responder.h"

#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/adhoc_xml.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {
namespace {

void sendAnswer(const IqReply& reply, const CommandAnswer& answer) {
  if (const auto* command = std::get_if<adhoc::Command>(&answer)) {
    return reply.result(writeCommand(*command));
  }
  const auto& error = std::get<adhoc::Error>(answer);
  if (auto command = commandBesideError(error)) {
    return reply.error(writeError(error), std::move(*command));
  }
  reply.error(writeError(error));
}

}  // namespace

AdhocResponder::AdhocResponder(Endpoint& endpoint, const Addresses& addresses,
                               CommandHandler handler, RateLimit limit)
    : endpoint_(endpoint),
      addresses_(addresses),
      handler_(std::move(handler)),
      limit_(std::move(limit)) {
  endpoint_.handleIq(Endpoint::IqType::kSet, "command", ns::kCommands,
                     [this](const Element& iq, const IqReply& reply) { onCommand(iq, reply); });
}

AdhocResponder::~AdhocResponder() {
  endpoint_.removeIqHandler(Endpoint::IqType::kSet, "command", ns::kCommands);
}

bool AdhocResponder::isTooMany(const Jid& from, const IqReply& reply) {
  if (addresses_.roleOf(from) == v1::ROLE_COORDINATOR) return false;
  const ElapsedTime now = endpoint_.now();
  if (limit_.take(from.bare(), now) == RateLimit::Verdict::kAllowed) return false;
  const Duration wait = Duration::millis(limit_.wait(from.bare(), now).toMillis() + 1);
  reply.error(Condition::kResourceConstraint,
              "too many commands from " + from.bare().toString() + ", and this one was not " +
                  "carried out; try again in " + formatDuration(wait));
  return true;
}

void AdhocResponder::onCommand(const Element& iq, const IqReply& reply) {
  const auto from = jidAttribute(iq, "from");
  const Jid to = jidAttribute(iq, "to").value_or(endpoint_.jid());
  if (!from || !addresses_.answers(*from, to)) return reply.error(Condition::kServiceUnavailable);
  if (isTooMany(*from, reply)) return;
  const Element& element = *iq.firstChild();
  auto read = readCommandRequest(element);
  if (auto* error = std::get_if<adhoc::Error>(&read)) return sendAnswer(reply, *error);
  CommandCall call{.from = *from,
                   .address = *addresses_.find(to),
                   .command = std::get<adhoc::Command>(std::move(read)),
                   .lang = element.attribute("xml:lang")};
  if (call.lang.empty()) call.lang = iq.attribute("xml:lang");
  handler_(call, [reply](const CommandAnswer& answer) { sendAnswer(reply, answer); });
}

}  // namespace muster::xmpp
