#include "commands/failover.h"

#include <utility>

#include "commands/when.h"
#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

constexpr Duration kFurthest = Duration::seconds(30 * 86'400);

Move moveOf(const v1::FailoverRequest& request, const CallContext& context) {
  Move move;
  move.group = request.group();
  if (request.has_to()) move.to = request.to();
  if (request.has_expect_epoch()) move.expect_epoch = request.expect_epoch();
  move.force = request.force();
  move.origin = originOf(context, request.key());
  return move;
}

void plan(const Move& move, CallContext& context, const Responder<v1::FailoverReply>& responder,
          Mover& mover) {
  Mover::Plan plan = mover.planMove(move);
  if (!plan.status && plan.reply.candidates_size() == 0) return responder.fail(plan.status);
  plan.reply.set_state(v1::FAILOVER_STATE_PLANNED);
  // Why nothing can be moved is best read beside the candidates.
  context.note(plan.status ? "Nothing was moved." : "It would be refused: " + plan.status.text());
  responder.reply(std::move(plan.reply));
}

void scheduleIt(const v1::FailoverRequest& request, CallContext& context,
                const Responder<v1::FailoverReply>& responder, MoveSchedule& schedule) {
  if (request.wait()) {
    return responder.fail({Code::kInvalidArgument,
                           "nobody can wait for a move to come; leave out one of wait and at",
                           "wait"});
  }
  const auto at = parseWhen(request.at(), context.wall(), kFurthest, "at");
  if (!at) return responder.fail(at.status());
  const ScheduledMove scheduled{moveOf(request, context), *at};
  if (Status s = schedule.schedule(scheduled); !s) return responder.fail(s);
  v1::FailoverReply reply;
  reply.set_group(request.group());
  reply.set_to(request.to());
  reply.set_state(v1::FAILOVER_STATE_SCHEDULED);
  reply.set_at(toRfc3339(*at));
  context.note(request.group() + " moves" + (request.has_to() ? " to " + request.to() : "") +
               " at " + reply.at() + "; the outcome follows then.");
  responder.reply(std::move(reply));
}

void handle(const v1::FailoverRequest& request, CallContext& context,
            const Responder<v1::FailoverReply>& responder, Mover& mover, MoveSchedule& schedule) {
  const Move move = moveOf(request, context);
  if (request.dry_run()) return plan(move, context, responder, mover);
  if (request.has_at()) return scheduleIt(request, context, responder, schedule);
  mover.move(move, request.wait(), [=](const Status& status, const MoveState& state) {
    if (!status) return responder.fail(status);
    v1::FailoverReply reply;
    reply.set_group(move.group);
    reply.set_from(state.from);
    reply.set_to(state.to);
    reply.set_epoch(state.epoch);
    reply.set_duration_ms(static_cast<uint64_t>(state.took.toMillis()));
    reply.set_state(state.done ? v1::FAILOVER_STATE_DONE : v1::FAILOVER_STATE_STARTED);
    responder.context().note(sentenceOf(move.group, state));
    responder.reply(std::move(reply));
  });
}

std::string preview(const v1::FailoverRequest& request, const CallContext& context, Mover& mover) {
  if (request.has_at()) {
    const auto at = parseWhen(request.at(), context.wall(), kFurthest, "at");
    if (!at) return "It would be refused: " + at.status().text();
    return "It would be carried out at " + toRfc3339(*at) + ", as things stand then.";
  }
  const Mover::Plan plan = mover.planMove(moveOf(request, context));
  if (!plan.status) return "It would be refused: " + plan.status.text();
  std::string text;
  for (const std::string& step : plan.reply.steps()) text += (text.empty() ? "" : "\n") + step;
  return text;
}

}  // namespace

std::string sentenceOf(const std::string& group, const MoveState& state) {
  if (!state.done) {
    return "Moving " + group + (state.from.empty() ? "" : " away from " + state.from) +
           "; the outcome follows.";
  }
  std::string out = group + ": " + (state.to.empty() ? "no node" : state.to) + " is active";
  if (state.from == state.to) return out + " already, nothing was moved.";
  if (!state.from.empty()) out += " in place of " + state.from;
  return out + " under epoch " + std::to_string(state.epoch) + ", after " +
         formatDuration(Duration::millis(state.took.toMillis())) + ".";
}

void addFailover(catalogue::HandlerSet& handlers, Mover& mover, MoveSchedule& schedule) {
  handlers.add<v1::FailoverRequest, v1::FailoverReply>(
      "Failover", [&mover, &schedule](const v1::FailoverRequest& request, CallContext& context,
                                      const Responder<v1::FailoverReply>& responder) {
        handle(request, context, responder, mover, schedule);
      });
  handlers.add<v1::UnscheduleRequest, v1::UnscheduleReply>(
      "Unschedule", [&schedule](const v1::UnscheduleRequest& request, CallContext& context,
                                const Responder<v1::UnscheduleReply>& responder) {
        const auto was = schedule.unschedule(request.group(), originOf(context, ""));
        if (!was) return responder.fail(was.status());
        v1::UnscheduleReply reply;
        reply.set_group(request.group());
        reply.set_at(toRfc3339(was->at));
        reply.set_by(was->move.origin.by);
        reply.set_to(was->move.to.value_or(""));
        context.note("The move of " + request.group() + " at " + reply.at() + " is taken back.");
        responder.reply(std::move(reply));
      });
  handlers.preview<v1::FailoverRequest>(
      "Failover", [&mover](const v1::FailoverRequest& request, const CallContext& context) {
        return preview(request, context, mover);
      });
}

}  // namespace muster::commands
