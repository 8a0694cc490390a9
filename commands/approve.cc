#include "commands/approve.h"

namespace muster::commands {

using catalogue::CallContext;
using catalogue::Responder;

void addApprove(catalogue::HandlerSet& handlers, Approver& approver) {
  handlers.add<v1::ApproveRequest, v1::ApproveReply>(
      "Approve", [&approver](const v1::ApproveRequest& request, CallContext& context,
                             const Responder<v1::ApproveReply>& responder) {
        approver.approve(request.code(), context,
                         [responder](const Status& status, const v1::ApproveReply& reply) {
                           if (!status) return responder.fail(status);
                           responder.context().note(reply.command() + ", asked for by " +
                                                    reply.by() + ", is approved.");
                           responder.reply(reply);
                         });
      });
}

}  // namespace muster::commands
