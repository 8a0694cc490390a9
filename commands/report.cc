#include "commands/report.h"

#include <utility>

#include "commands/subscriptions.h"

namespace muster::commands {
namespace {

void handle(const v1::ReportRequest& request, catalogue::CallContext& context,
            const catalogue::Responder<v1::ReportReply>& responder, MonthReports& reports) {
  const auto target = watchableIn(request, context);
  if (!target) return responder.fail(target.status());
  auto reply = reports.report(*target, request.month(), context.wall());
  if (!reply) return responder.fail(reply.status());
  responder.reply(std::move(reply).value());
}

}  // namespace

void addReport(catalogue::HandlerSet& handlers, MonthReports& reports) {
  handlers.add<v1::ReportRequest, v1::ReportReply>(
      "Report", [&reports](const v1::ReportRequest& request, catalogue::CallContext& context,
                           const catalogue::Responder<v1::ReportReply>& responder) {
        handle(request, context, responder, reports);
      });
}

}  // namespace muster::commands
