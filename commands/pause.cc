#include "commands/pause.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

template <typename Reply>
void answer(Result<v1::PauseRecord> record, const std::string& sentence, CallContext& context,
            const Responder<Reply>& responder) {
  if (!record) return responder.fail(record.status());
  context.note(sentence);
  Reply reply;
  *reply.mutable_pause() = std::move(record).value();
  responder.reply(std::move(reply));
}

}  // namespace

void addPause(catalogue::HandlerSet& handlers, Pauser& pauser) {
  handlers.add<v1::PauseRequest, v1::PauseReply>(
      "Pause", [&pauser](const v1::PauseRequest& request, CallContext& context,
                         const Responder<v1::PauseReply>& responder) {
        const Duration time = Duration::millis(static_cast<int64_t>(request.for_ms()));
        auto record = pauser.pause(request.group(), time, request.reason(), originOf(context, ""));
        const std::string until = record ? record->until() : "";
        answer(std::move(record),
               "The role of " + request.group() + " goes nowhere by itself until " + until + ".",
               context, responder);
      });
  handlers.add<v1::ResumeRequest, v1::ResumeReply>(
      "Resume", [&pauser](const v1::ResumeRequest& request, CallContext& context,
                          const Responder<v1::ResumeReply>& responder) {
        answer(pauser.resume(request.group(), originOf(context, "")),
               request.group() + " looks after itself again.", context, responder);
      });
}

}  // namespace muster::commands
