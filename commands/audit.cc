#include "commands/audit.h"

#include "commands/page.h"

namespace muster::commands {

void addAudit(catalogue::HandlerSet& handlers, AuditTrail& trail) {
  handlers.add<v1::AuditRequest, v1::AuditReply>(
      "Audit", [&trail](const v1::AuditRequest& request, catalogue::CallContext& context,
                        const catalogue::Responder<v1::AuditReply>& responder) {
        const auto records = [](const v1::AuditReply& reply) -> const auto& {
          return reply.records();
        };
        answerPage(request, context, responder, trail, records, "lines");
      });
}

}  // namespace muster::commands
