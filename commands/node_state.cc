#include "commands/node_state.h"

#include <string>
#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

void serviceLevel(const v1::ServiceLevelRequest& request, CallContext& context,
                  const Responder<v1::ServiceLevelReply>& responder, NodeState& node) {
  v1::ServiceLevelReply all = node.services();
  if (!request.has_service()) {
    context.note(all.level().text());
    return responder.reply(std::move(all));
  }
  v1::ServiceLevelReply reply;
  for (const v1::ServiceState& service : all.services()) {
    if (service.name() == request.service()) *reply.add_services() = service;
  }
  if (reply.services_size() == 0) {
    return responder.fail(
        {Code::kNotFound, "this node has no service '" + request.service() + "'", "service"});
  }
  *reply.mutable_level() = reply.services(0).level();
  context.note(reply.level().text());
  responder.reply(std::move(reply));
}

std::string roleSentence(const v1::RoleReply& reply) {
  if (reply.group().empty()) return "This node takes no part in failover.";
  std::string out = "This node is ";
  switch (reply.role()) {
    case v1::NODE_ROLE_ACTIVE:
      out += "the active node of " + reply.group();
      break;
    case v1::NODE_ROLE_DRAINING:
      out += "giving up the active role of " + reply.group();
      break;
    default:
      out += "a standby of " + reply.group();
  }
  if (reply.epoch() != 0) out += ", under epoch " + std::to_string(reply.epoch());
  if (reply.drain().drained()) out += "; it is drained";
  return out + ".";
}

}  // namespace

void addNodeState(catalogue::HandlerSet& handlers, NodeState& node) {
  handlers.add<v1::ServiceLevelRequest, v1::ServiceLevelReply>(
      "ServiceLevel", [&node](const v1::ServiceLevelRequest& request, CallContext& context,
                              const Responder<v1::ServiceLevelReply>& responder) {
        serviceLevel(request, context, responder, node);
      });
  handlers.add<v1::NodeInfoRequest, v1::NodeInfoReply>(
      "NodeInfo",
      [&node](const v1::NodeInfoRequest&, CallContext&,
              const Responder<v1::NodeInfoReply>& responder) { responder.reply(node.info()); });
  handlers.add<v1::RoleRequest, v1::RoleReply>("Role",
                                               [&node](const v1::RoleRequest&, CallContext& context,
                                                       const Responder<v1::RoleReply>& responder) {
                                                 v1::RoleReply reply = node.roleInfo();
                                                 context.note(roleSentence(reply));
                                                 responder.reply(std::move(reply));
                                               });
}

}  // namespace muster::commands
