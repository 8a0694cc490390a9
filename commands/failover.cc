#include "commands/failover.h"

#include <memory>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

std::optional<std::string> targetOf(const v1::FailoverRequest& request) {
  return request.has_to() ? std::optional(request.to()) : std::nullopt;
}

v1::FailoverReply replyFor(const std::string& group, const MoveState& state,
                           v1::FailoverState outcome) {
  v1::FailoverReply reply;
  reply.set_group(group);
  reply.set_from(state.from);
  reply.set_to(state.to);
  reply.set_epoch(state.epoch);
  reply.set_duration_ms(static_cast<uint64_t>(state.took.toMillis()));
  reply.set_state(outcome);
  return reply;
}

std::string sentence(const std::string& group, const MoveState& state) {
  std::string out = group + ": " + state.to + " is active";
  if (state.from == state.to) return out + " already, nothing was moved.";
  if (!state.from.empty()) out += " in place of " + state.from;
  return out + " under epoch " + std::to_string(state.epoch) + ", after " +
         formatDuration(Duration::millis(state.took.toMillis())) + ".";
}

void handle(const v1::FailoverRequest& request, CallContext& context,
            const Responder<v1::FailoverReply>& responder, Mover& mover, catalogue::Notify& notify,
            const MoveEnded& later) {
  Move move;
  move.group = request.group();
  move.to = targetOf(request);
  if (request.has_expect_epoch()) move.expect_epoch = request.expect_epoch();
  move.key = request.key();
  move.by = context.caller().bare().toString();

  // Whoever doesn't wait has been answered once the move is under way; the outcome follows as a
  // message.
  auto answered = std::make_shared<bool>(false);
  const auto started = [=](const MoveState& state) {
    if (request.wait() || *answered) return;
    *answered = true;
    responder.context().note("Moving " + request.group() +
                             (state.from.empty() ? "" : " away from " + state.from) +
                             "; the outcome follows.");
    responder.reply(replyFor(request.group(), state, v1::FAILOVER_STATE_STARTED));
  };
  const auto finished = [=, &notify, caller = context.caller()](const Status& status,
                                                                const MoveState& state) {
    if (*answered) {
      const std::string text =
          status ? sentence(request.group(), state)
                 : "The failover of " + request.group() + " has failed: " + status.text();
      later(move, status, text);
      return notify.send(caller, text);
    }
    *answered = true;
    if (!status) return responder.fail(status);
    responder.context().note(sentence(request.group(), state));
    responder.reply(replyFor(request.group(), state, v1::FAILOVER_STATE_DONE));
  };
  mover.move(move, started, finished);
}

}  // namespace

void addFailover(catalogue::HandlerSet& handlers, Mover& mover, catalogue::Notify& notify,
                 MoveEnded later) {
  handlers.add<v1::FailoverRequest, v1::FailoverReply>(
      "Failover", [&mover, &notify, later = std::move(later)](
                      const v1::FailoverRequest& request, CallContext& context,
                      const Responder<v1::FailoverReply>& responder) {
        handle(request, context, responder, mover, notify, later);
      });
  handlers.preview<v1::FailoverRequest>(
      "Failover", [&mover](const v1::FailoverRequest& request, const CallContext&) {
        return mover.plan(request.group(), targetOf(request));
      });
}

}  // namespace muster::commands
