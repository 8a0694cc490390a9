#include "commands/pause.h"

#include <utility>

#include "commands/answer.h"

namespace muster::commands {

using catalogue::CallContext;
using catalogue::Responder;

void addPause(catalogue::HandlerSet& handlers, Pauser& pauser) {
  handlers.add<v1::PauseRequest, v1::PauseReply>(
      "Pause", [&pauser](const v1::PauseRequest& request, CallContext& context,
                         const Responder<v1::PauseReply>& responder) {
        const Duration time = Duration::millis(static_cast<int64_t>(request.for_ms()));
        auto record = pauser.pause(request.group(), time, request.reason(), originOf(context, ""));
        const std::string until = record ? record->until() : "";
        answer(std::move(record), &v1::PauseReply::mutable_pause,
               "The role of " + request.group() + " goes nowhere by itself until " + until + ".",
               context, responder);
      });
  handlers.add<v1::ResumeRequest, v1::ResumeReply>(
      "Resume", [&pauser](const v1::ResumeRequest& request, CallContext& context,
                          const Responder<v1::ResumeReply>& responder) {
        answer(pauser.resume(request.group(), originOf(context, "")),
               &v1::ResumeReply::mutable_pause, request.group() + " looks after itself again.",
               context, responder);
      });
}

}  // namespace muster::commands
