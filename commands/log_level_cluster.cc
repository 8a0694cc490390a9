#include "commands/log_level_cluster.h"

#include <utility>

#include "commands/log_level.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

void handle(const v1::ClusterLogLevelRequest& request, CallContext& context,
            const Responder<v1::ClusterLogLevelReply>& responder, ClusterLogLevels& levels) {
  if (Status checked = checkLevelRequest(request); !checked) {
    return responder.fail(std::move(checked));
  }
  const ClusterLogLevels::Done done = [responder](Result<v1::ClusterLogLevelReply> reply,
                                                  const std::string& sentence) {
    if (!reply) return responder.fail(reply.status());
    if (!sentence.empty()) responder.context().note(sentence);
    responder.reply(std::move(reply).value());
  };
  const std::string by = context.caller().bare().toString();
  if (!request.has_level()) {
    const auto logger = request.has_logger() ? std::optional(request.logger()) : std::nullopt;
    return levels.list(whereIn(request, context), logger, by, done);
  }
  ClusterLogLevels::Change change;
  change.where = whereIn(request, context);
  change.logger = request.logger();
  change.level = request.level();
  change.duration = durationIn(request);
  change.by = by;
  levels.change(change, done);
}

}  // namespace

void addClusterLogLevel(catalogue::HandlerSet& handlers, ClusterLogLevels& levels) {
  handlers.add<v1::ClusterLogLevelRequest, v1::ClusterLogLevelReply>(
      "LogLevel", [&levels](const v1::ClusterLogLevelRequest& request, CallContext& context,
                            const Responder<v1::ClusterLogLevelReply>& responder) {
        handle(request, context, responder, levels);
      });
}

}  // namespace muster::commands
