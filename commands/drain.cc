#include "commands/drain.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

DrainNode drainOf(const v1::DrainRequest& request, const CallContext& context) {
  return {request.node(), request.reason(), request.force(), originOf(context, request.key())};
}

}  // namespace

void addDrain(catalogue::HandlerSet& handlers, Drainer& drainer) {
  handlers.add<v1::DrainRequest, v1::DrainReply>(
      "Drain", [&drainer](const v1::DrainRequest& request, CallContext& context,
                          const Responder<v1::DrainReply>& responder) {
        drainer.drain(drainOf(request, context), request.wait(),
                      [responder](const Status& status, const v1::DrainReply& reply,
                                  const std::string& sentence) {
                        if (!status) return responder.fail(status);
                        responder.context().note(sentence);
                        responder.reply(reply);
                      });
      });
  handlers.preview<v1::DrainRequest>(
      "Drain", [&drainer](const v1::DrainRequest& request, const CallContext& context) {
        return drainer.planDrain(drainOf(request, context));
      });
  handlers.add<v1::UndrainRequest, v1::UndrainReply>(
      "Undrain", [&drainer](const v1::UndrainRequest& request, CallContext& context,
                            const Responder<v1::UndrainReply>& responder) {
        auto reply = drainer.undrain(request.node(), originOf(context, {}));
        if (!reply) return responder.fail(reply.status());
        context.note(request.node() + " may become active again.");
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
