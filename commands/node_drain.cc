#include "commands/node_drain.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

bool hasRole(const DrainSwitch& node) {
  return node.role() == v1::NODE_ROLE_ACTIVE || node.role() == v1::NODE_ROLE_DRAINING;
}

// What becomes of the role, as the end of a sentence about the node.
std::string fate(const DrainSwitch& node, bool force) {
  if (node.role() == v1::NODE_ROLE_NONE) return "it takes no part in failover in any case";
  if (!hasRole(node)) return "it stays a standby until 'undrain'";
  if (force)
    return "it gives the active role up at once, whether or not another node can take over";
  if (!node.coordinatorIsThere()) {
    return "it gives the active role up at once, and nobody takes over until a coordinator is back";
  }
  return "the coordinator moves the active role to another node, if one can take over";
}

void drain(const v1::NodeDrainRequest& request, CallContext& context,
           const Responder<v1::NodeDrainReply>& responder, DrainSwitch& node) {
  const std::string by = context.caller().bare().toString();
  const std::string what_follows = fate(node, request.force());
  const bool resigns = hasRole(node) && (request.force() || !node.coordinatorIsThere());
  if (Status set = node.setDrained(true, by, request.reason(), context.wall()); !set) {
    return responder.fail(std::move(set));
  }
  if (resigns) {
    node.resign("drained by " + by + (request.reason().empty() ? "" : ": " + request.reason()));
  }
  v1::NodeDrainReply reply;
  reply.set_role(node.role());
  *reply.mutable_drain() = node.drainMark();
  context.note("This node is drained: " + what_follows + ".");
  responder.reply(std::move(reply));
}

void undrain(CallContext& context, const Responder<v1::NodeUndrainReply>& responder,
             DrainSwitch& node) {
  const v1::DrainMark before = node.drainMark();
  if (before.drained()) {
    Status set = node.setDrained(false, context.caller().bare().toString(), "", context.wall());
    if (!set) return responder.fail(std::move(set));
    context.note("This node may become active again.");
  } else {
    context.note("This node was not drained.");
  }
  v1::NodeUndrainReply reply;
  *reply.mutable_drain() = node.drainMark();
  responder.reply(std::move(reply));
}

}  // namespace

void addNodeDrain(catalogue::HandlerSet& handlers, DrainSwitch& node) {
  handlers.add<v1::NodeDrainRequest, v1::NodeDrainReply>(
      "Drain", [&node](const v1::NodeDrainRequest& request, CallContext& context,
                       const Responder<v1::NodeDrainReply>& responder) {
        drain(request, context, responder, node);
      });
  handlers.preview<v1::NodeDrainRequest>(
      "Drain", [&node](const v1::NodeDrainRequest& request, const CallContext&) {
        return "This node is marked as drained: " + fate(node, request.force()) + ".";
      });
  handlers.add<v1::NodeUndrainRequest, v1::NodeUndrainReply>(
      "Undrain", [&node](const v1::NodeUndrainRequest&, CallContext& context,
                         const Responder<v1::NodeUndrainReply>& responder) {
        undrain(context, responder, node);
      });
}

}  // namespace muster::commands
