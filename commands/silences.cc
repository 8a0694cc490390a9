#include "commands/silences.h"

#include <utility>

#include "commands/answer.h"
#include "commands/subscriptions.h"

namespace muster::commands {

using catalogue::CallContext;
using catalogue::Responder;

void addSilences(catalogue::HandlerSet& handlers, Silences& silences) {
  handlers.add<v1::SilenceRequest, v1::SilenceReply>(
      "Silence", [&silences](const v1::SilenceRequest& request, CallContext& context,
                             const Responder<v1::SilenceReply>& responder) {
        const auto target = watchableIn(request, context);
        if (!target) return responder.fail(target.status());
        const Duration time = Duration::millis(static_cast<int64_t>(request.for_ms()));
        auto record = silences.silence(*target, time, request.reason(), originOf(context, ""));
        const std::string until = record ? record->until() : "";
        answer(std::move(record), &v1::SilenceReply::mutable_silence,
               "Alerts of " + *target + " are quiet until " + until + ".", context, responder);
      });
  handlers.add<v1::UnsilenceRequest, v1::UnsilenceReply>(
      "Unsilence", [&silences](const v1::UnsilenceRequest& request, CallContext& context,
                               const Responder<v1::UnsilenceReply>& responder) {
        const auto target = watchableIn(request, context);
        if (!target) return responder.fail(target.status());
        answer(silences.unsilence(*target, originOf(context, "")),
               &v1::UnsilenceReply::mutable_silence, "Alerts of " + *target + " are told again.",
               context, responder);
      });
}

}  // namespace muster::commands
