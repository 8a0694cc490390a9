#include "commands/service_level_cluster.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

// Only the one service; the worst of what is left is the level of it all.
Result<v1::ClusterServiceLevelReply> only(const std::string& service,
                                          const v1::ClusterServiceLevelReply& all) {
  v1::ClusterServiceLevelReply reply;
  std::set<std::string> names;
  for (const v1::TargetService& row : all.services()) {
    names.insert(row.service().name());
    if (row.service().name() == service) *reply.add_services() = row;
  }
  if (reply.services_size() == 0) {
    return Status(Code::kNotFound,
                  "there is no service '" + singleLine(service, limits::kMaxNameBytes) + "'" +
                      suggestion(service, {names.begin(), names.end()}),
                  "service");
  }
  *reply.mutable_level() = reply.services(0).service().level();
  return reply;
}

void handle(const v1::ClusterServiceLevelRequest& request, CallContext& context,
            const Responder<v1::ClusterServiceLevelReply>& responder,
            ClusterServiceLevels& levels) {
  auto reply = levels.services(whereIn(request, context));
  if (reply && request.has_service()) reply = only(request.service(), *reply);
  if (!reply) return responder.fail(reply.status());
  context.note(reply->level().text());
  responder.reply(std::move(reply).value());
}

}  // namespace

void addClusterServiceLevel(catalogue::HandlerSet& handlers, ClusterServiceLevels& levels) {
  handlers.add<v1::ClusterServiceLevelRequest, v1::ClusterServiceLevelReply>(
      "ServiceLevel", [&levels](const v1::ClusterServiceLevelRequest& request, CallContext& context,
                                const Responder<v1::ClusterServiceLevelReply>& responder) {
        handle(request, context, responder, levels);
      });
}

}  // namespace muster::commands
