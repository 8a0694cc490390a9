#include "coordinator/orders.h"

#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/wire.h"

namespace muster::coordinator {

Status statusOf(const v1::OrderReply& reply) {
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    if (reply.code() != codeName(static_cast<Code>(code))) continue;
    if (static_cast<Code>(code) == Code::kOk) return Status::ok();
    return {static_cast<Code>(code), singleLine(reply.text(), limits::kMaxArgumentBytes),
            singleLine(reply.field(), limits::kMaxNameBytes)};
  }
  return {Code::kInternal, "the node answered with the unknown code '" +
                               singleLine(reply.code(), limits::kMaxNameBytes) + "'"};
}

void Orders::send(const Jid& node, const v1::Order& order, Duration timeout, Done done) {
  xmpp::Element iq = xmpp::makeIq("set", node);
  iq.add(xmpp::writeOrder(order));
  component_.request(std::move(iq), timeout,
                     [done = std::move(done)](const xmpp::IqOutcome& outcome) {
                       if (!outcome.isOk()) return done(outcome.status, {});
                       if (outcome.payload() == nullptr) {
                         v1::OrderReply ok;
                         ok.set_code(codeName(Code::kOk));
                         return done(Status::ok(), ok);
                       }
                       const auto reply = xmpp::readOrderReply(*outcome.payload());
                       if (!reply) return done({Code::kInternal, reply.status().text()}, {});
                       done(statusOf(*reply), *reply);
                     });
}

}  // namespace muster::coordinator
