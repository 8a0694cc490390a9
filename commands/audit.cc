#include "commands/audit.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

// A page that a phone still shows.
constexpr uint32_t kDefaultLimit = 20;

}  // namespace

void addAudit(catalogue::HandlerSet& handlers, AuditTrail& trail) {
  handlers.add<v1::AuditRequest, v1::AuditReply>(
      "Audit", [&trail](const v1::AuditRequest& request, CallContext& context,
                        const Responder<v1::AuditReply>& responder) {
        v1::AuditRequest bounded = request;
        if (!bounded.has_limit()) bounded.set_limit(kDefaultLimit);
        auto reply = trail.query(bounded, context.wall());
        if (!reply) return responder.fail(reply.status());
        const auto& records = reply->records();
        if (records.empty()) {
          context.note("Nothing in the audit trail matches.");
        } else if (static_cast<uint32_t>(records.size()) == bounded.limit()) {
          // There may be more: say how to go on.
          context.note(
              "Older lines: before=" + std::to_string(records.Get(records.size() - 1).seq()) + ".");
        }
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
