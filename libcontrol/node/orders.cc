#include "libcontrol/node/orders.h"

#include <utility>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"

namespace muster {
namespace {

Result<Jid> personIn(const v1::Order& order) {
  const auto jid = Jid::parse(order.by());
  if (jid && jid->isBare() && jid->toString() == order.by()) return *jid;
  return Status(Code::kInvalidArgument,
                "the order is by '" + singleLine(order.by(), 80) + "', which is not a bare JID",
                "by");
}

v1::OrderReply replyOf(const Status& status) {
  v1::OrderReply reply;
  reply.set_code(codeName(status.code()));
  reply.set_text(status.text());
  reply.set_field(status.field());
  return reply;
}

// An empty result says "ok" in as few bytes as a pong; of a thousand answers that shows.
void answer(const xmpp::IqReply& reply, const v1::OrderReply& outcome) {
  const bool bare = !outcome.has_log_level() && outcome.bad_lines().empty() &&
                    !outcome.has_logs() && !outcome.has_top_errors();
  if (outcome.code() == codeName(Code::kOk) && bare) return reply.result();
  reply.result(xmpp::writeOrderReply(outcome));
}

// A request message as the arguments that make it: what came by wire is bound and checked anew.
catalogue::RawArguments rawArguments(const catalogue::Command& command,
                                     const google::protobuf::Message& request) {
  catalogue::RawArguments raw;
  for (const catalogue::Argument& argument : command.arguments) {
    if (!request.GetReflection()->HasField(request, argument.field)) continue;
    raw.named.emplace_back(argument.name, catalogue::argumentText(argument, request));
  }
  return raw;
}

}  // namespace

Orders::Orders(Parts parts, Jid coordinator) : parts_(parts), coordinator_(std::move(coordinator)) {
  parts_.endpoint.handleIq(
      xmpp::Endpoint::IqType::kSet, "order", xmpp::ns::kOrder,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onOrder(iq, reply); });
}

Orders::~Orders() {
  parts_.endpoint.removeIqHandler(xmpp::Endpoint::IqType::kSet, "order", xmpp::ns::kOrder);
}

void Orders::onOrder(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  if (xmpp::jidAttribute(iq, "from") != coordinator_) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto order = xmpp::readOrder(*iq.firstChild());
  if (!order) return reply.error(order.status());
  const auto by = personIn(*order);
  if (!by) return answer(reply, replyOf(by.status()));
  switch (order->kind_case()) {
    case v1::Order::kLogLevel:
      return command("LogLevel", *by, order->log_level(), reply,
                     [lists = !order->log_level().has_level()](const auto& from, auto& to) {
                       if (lists) to.mutable_log_level()->CopyFrom(from);
                     });
    case v1::Order::kLogs:
      return command("Logs", *by, order->logs(), reply,
                     [](const auto& from, auto& to) { to.mutable_logs()->CopyFrom(from); });
    case v1::Order::kTopErrors:
      return command("TopErrors", *by, order->top_errors(), reply,
                     [](const auto& from, auto& to) { to.mutable_top_errors()->CopyFrom(from); });
    case v1::Order::kDrain:
      return answer(reply, replyOf(drain(*by, order->drain())));
    case v1::Order::kBadLines:
      return answer(reply, badLines(order->bad_lines()));
    case v1::Order::KIND_NOT_SET:
      break;
  }
}

void Orders::command(const std::string& rpc, const Jid& by,
                     const google::protobuf::Message& request, const xmpp::IqReply& reply,
                     std::function<void(const google::protobuf::Message&, v1::OrderReply&)> take) {
  const catalogue::Command* command = parts_.dispatcher.catalogue().findMethod(rpc);
  catalogue::CallRequest call;
  call.caller = by;
  call.face = catalogue::Face::kCoordinator;
  call.place = coordinator_.toString();
  call.verb = command->verb;
  call.arguments = rawArguments(*command, request);

  catalogue::Dispatcher::Prepared prepared;
  prepared.command = command;
  // Whether the person may is for the coordinator to know; nobody's role reaches further than this.
  prepared.role = v1::ROLE_ADMIN;
  prepared.bound = catalogue::bind(*command, call.arguments,
                                   parts_.dispatcher.scopeFor(prepared.role, /*group=*/""));
  if (!prepared.bound.errors.empty()) {
    return answer(reply, replyOf(prepared.bound.errors.front()));
  }
  parts_.dispatcher.run(std::move(prepared), call, parts_.clock.elapsed(), parts_.clock.wall(),
                        [reply, take = std::move(take)](const catalogue::CallOutcome& outcome) {
                          v1::OrderReply out = replyOf(outcome.status);
                          if (outcome.reply != nullptr) take(*outcome.reply, out);
                          answer(reply, out);
                        });
}

// Changes nothing, so it leaves no trace in the trail.
v1::OrderReply Orders::badLines(const v1::BadLinesRequest& request) const {
  v1::OrderReply reply = replyOf(Status::ok());
  if (parts_.log_rules == nullptr) return reply;
  for (v1::BadLines& lines :
       parts_.log_rules->badLines({request.services().begin(), request.services().end()})) {
    *reply.add_bad_lines() = std::move(lines);
  }
  return reply;
}

// There is no command to hand it to: at the node a drain is dated by the node's own clock, and by
// whoever asks there. So it is audited here, in the same way: before and after.
Status Orders::drain(const Jid& by, const v1::DrainMark& mark) {
  if (!parts_.drain.isNews(mark)) return parts_.drain.adopt(mark);
  catalogue::AuditEntry entry;
  entry.stage = catalogue::AuditEntry::Stage::kBegun;
  entry.call = Id128::make(parts_.random);
  entry.when = parts_.clock.wall();
  entry.who = by;
  entry.face = catalogue::Face::kCoordinator;
  entry.place = coordinator_.toString();
  entry.verb = mark.drained() ? "drain" : "undrain";
  entry.arguments = singleLine(mark.reason(), limits::kMaxDrainReasonBytes);
  if (const Status written = parts_.audit.record(entry); !written) {
    return {Code::kUnavailable,
            "nothing was done, since the audit trail can't be written: " + written.text()};
  }
  const Status adopted = parts_.drain.adopt(mark);
  entry.stage = catalogue::AuditEntry::Stage::kDone;
  entry.when = parts_.clock.wall();
  entry.outcome = adopted.code();
  entry.text = adopted.text();
  // Its beginning is in the trail; what was done can't be undone for want of its end.
  (void)parts_.audit.record(entry);
  return adopted;
}

}  // namespace muster
