#include "commands/history.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

// A page that a phone still shows.
constexpr uint32_t kDefaultLimit = 20;

}  // namespace

void addHistory(catalogue::HandlerSet& handlers, GroupHistory& history) {
  handlers.add<v1::HistoryRequest, v1::HistoryReply>(
      "History", [&history](const v1::HistoryRequest& request, CallContext& context,
                            const Responder<v1::HistoryReply>& responder) {
        v1::HistoryRequest bounded = request;
        if (!bounded.has_limit()) bounded.set_limit(kDefaultLimit);
        auto reply = history.query(bounded, context.wall());
        if (!reply) return responder.fail(reply.status());
        const auto& events = reply->events();
        if (events.empty()) {
          context.note("Nothing that matches has happened.");
        } else if (static_cast<uint32_t>(events.size()) == bounded.limit()) {
          // There may be more: say how to go on.
          context.note(
              "Older events: before=" + std::to_string(events.Get(events.size() - 1).seq()) + ".");
        }
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
