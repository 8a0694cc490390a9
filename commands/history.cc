#include "commands/history.h"

#include "commands/page.h"

namespace muster::commands {

void addHistory(catalogue::HandlerSet& handlers, GroupHistory& history) {
  handlers.add<v1::HistoryRequest, v1::HistoryReply>(
      "History", [&history](const v1::HistoryRequest& request, catalogue::CallContext& context,
                            const catalogue::Responder<v1::HistoryReply>& responder) {
        const auto events = [](const v1::HistoryReply& reply) -> const auto& {
          return reply.events();
        };
        answerPage(request, context, responder, history, events, "events");
      });
}

}  // namespace muster::commands
