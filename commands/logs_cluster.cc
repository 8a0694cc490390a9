#include "commands/logs_cluster.h"

#include <utility>

#include "commands/logs.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

void handleLogs(v1::ClusterLogsRequest request, CallContext& context,
                const Responder<v1::ClusterLogsReply>& responder, ClusterLog& log,
                LogFiles& files) {
  if (Status complete = completeLogsRequest(request, context.wall()); !complete) {
    return responder.fail(std::move(complete));
  }
  const Where where = whereIn(request, context);
  const std::string by = context.caller().bare().toString();
  if (request.file()) {
    return files.make(LogFiles::Wish<v1::ClusterLogsRequest, v1::ClusterLogsReply>{
        where.target.empty() ? "all" : where.target, std::move(request), context.wall(),
        [&log, where, by](const v1::ClusterLogsRequest& page,
                          std::function<void(Result<v1::ClusterLogsReply>)> done) {
          log.search(where, page, by, std::move(done));
        },
        [responder](Result<v1::ClusterLogsReply> reply, std::string note) {
          if (!reply) return responder.fail(reply.status());
          responder.context().note(std::move(note));
          responder.reply(std::move(reply).value());
        }});
  }
  log.search(where, request, by, [responder](Result<v1::ClusterLogsReply> reply) {
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

void addClusterLogs(catalogue::HandlerSet& handlers, ClusterLog& log, LogFiles& files) {
  handlers.add<v1::ClusterLogsRequest, v1::ClusterLogsReply>(
      "Logs", [&log, &files](const v1::ClusterLogsRequest& request, CallContext& context,
                             const Responder<v1::ClusterLogsReply>& responder) {
        handleLogs(request, context, responder, log, files);
      });
  handlers.add<v1::ClusterTopErrorsRequest, v1::ClusterTopErrorsReply>(
      "TopErrors", [&log](const v1::ClusterTopErrorsRequest& request, CallContext& context,
                          const Responder<v1::ClusterTopErrorsReply>& responder) {
        handleTopErrors(request, context, responder, log);
      });
}

}  // namespace muster::commands
