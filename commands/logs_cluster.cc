#include "commands/logs_cluster.h"

#include <utility>

#include "commands/logs.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

void handleLogs(v1::ClusterLogsRequest request, CallContext& context,
                const Responder<v1::ClusterLogsReply>& responder, ClusterLog& log) {
  if (Status complete = completeLogsRequest(request, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  log.search(whereIn(request, context), request, context.caller().bare().toString(),
             [responder](Result<v1::ClusterLogsReply> reply) {
               if (!reply) return responder.fail(reply.status());
               responder.context().note(logsNote(*reply));
               responder.reply(std::move(reply).value());
             });
}

void handleTopErrors(v1::ClusterTopErrorsRequest request, CallContext& context,
                     const Responder<v1::ClusterTopErrorsReply>& responder, ClusterLog& log) {
  if (Status complete = completeTopErrorsRequest(request, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  log.topErrors(whereIn(request, context), request, context.caller().bare().toString(),
                [responder](Result<v1::ClusterTopErrorsReply> reply) {
                  if (!reply) return responder.fail(reply.status());
                  responder.context().note(topErrorsNote(*reply));
                  responder.reply(std::move(reply).value());
                });
}

}  // namespace

void addClusterLogs(catalogue::HandlerSet& handlers, ClusterLog& log) {
  handlers.add<v1::ClusterLogsRequest, v1::ClusterLogsReply>(
      "Logs", [&log](const v1::ClusterLogsRequest& request, CallContext& context,
                     const Responder<v1::ClusterLogsReply>& responder) {
        handleLogs(request, context, responder, log);
      });
  handlers.add<v1::ClusterTopErrorsRequest, v1::ClusterTopErrorsReply>(
      "TopErrors", [&log](const v1::ClusterTopErrorsRequest& request, CallContext& context,
                          const Responder<v1::ClusterTopErrorsReply>& responder) {
        handleTopErrors(request, context, responder, log);
      });
}

}  // namespace muster::commands
