#include "commands/cluster.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

template <typename Request>
std::optional<std::string> groupOf(const Request& request) {
  return request.has_group() ? std::optional(request.group()) : std::nullopt;
}

}  // namespace

void addClusterState(catalogue::HandlerSet& handlers, ClusterState& cluster) {
  handlers.add<v1::StatusRequest, v1::StatusReply>(
      "Status", [&cluster](const v1::StatusRequest& request, CallContext& context,
                           const Responder<v1::StatusReply>& responder) {
        v1::StatusReply reply = cluster.status(groupOf(request));
        const bool one = request.has_group() && reply.groups_size() == 1;
        context.note(one ? reply.groups(0).level().text() : reply.overall().text());
        responder.reply(std::move(reply));
      });
  handlers.add<v1::NodesRequest, v1::NodesReply>(
      "Nodes", [&cluster](const v1::NodesRequest& request, CallContext&,
                          const Responder<v1::NodesReply>& responder) {
        responder.reply(cluster.nodes(groupOf(request)));
      });
  handlers.add<v1::ExplainRequest, v1::ExplainReply>(
      "Explain", [&cluster](const v1::ExplainRequest& request, CallContext&,
                            const Responder<v1::ExplainReply>& responder) {
        auto reply = cluster.explain(request.group(), request.last());
        if (!reply) return responder.fail(reply.status());
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
