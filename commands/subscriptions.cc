#include "commands/subscriptions.h"

#include <utility>
#include <vector>

#include "libcontrol/base/text.h"

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

constexpr char kAll[] = "all";

std::string sentenceOf(const v1::AlertSubscription& subscription) {
  std::string out = "You hear when " + subscription.target() + " is ";
  out += subscription.has_below() ? "below " + formatPercent(subscription.below()) + "%"
                                  : "below its objective or spending its error budget too fast";
  const Duration time = Duration::millis(static_cast<int64_t>(subscription.for_ms()));
  if (time > Duration{}) out += " for " + formatDuration(time);
  return out + ".";
}

void subscribe(const v1::SubscribeRequest& request, CallContext& context,
               const Responder<v1::SubscribeReply>& responder, AlertSubscriptions& subscriptions) {
  const auto target = watchableIn(request, context);
  if (!target) return responder.fail(target.status());
  v1::SubscribeRequest whole = request;
  whole.set_target(*target);
  auto reply = subscriptions.subscribe(whole, originOf(context, ""));
  if (!reply) return responder.fail(reply.status());
  context.note(sentenceOf(reply->subscription()));
  responder.reply(std::move(reply).value());
}

void unsubscribe(const v1::UnsubscribeRequest& request, CallContext& context,
                 const Responder<v1::UnsubscribeReply>& responder,
                 AlertSubscriptions& subscriptions) {
  const auto target = watchableIn(request, context);
  if (!target) return responder.fail(target.status());
  const auto one = *target == kAll ? std::nullopt : std::optional(*target);
  auto reply = subscriptions.unsubscribe(one, originOf(context, ""));
  if (!reply) return responder.fail(reply.status());
  const std::vector<std::string> names(reply->targets().begin(), reply->targets().end());
  context.note("You hear no more of " + joinWithAnd(names) + ".");
  responder.reply(std::move(reply).value());
}

}  // namespace

void addSubscriptions(catalogue::HandlerSet& handlers, AlertSubscriptions& subscriptions) {
  handlers.add<v1::SubscribeRequest, v1::SubscribeReply>(
      "Subscribe", [&subscriptions](const v1::SubscribeRequest& request, CallContext& context,
                                    const Responder<v1::SubscribeReply>& responder) {
        subscribe(request, context, responder, subscriptions);
      });
  handlers.add<v1::UnsubscribeRequest, v1::UnsubscribeReply>(
      "Unsubscribe", [&subscriptions](const v1::UnsubscribeRequest& request, CallContext& context,
                                      const Responder<v1::UnsubscribeReply>& responder) {
        unsubscribe(request, context, responder, subscriptions);
      });
  handlers.add<v1::SubscriptionsRequest, v1::SubscriptionsReply>(
      "Subscriptions", [&subscriptions](const v1::SubscriptionsRequest&, CallContext& context,
                                        const Responder<v1::SubscriptionsReply>& responder) {
        auto reply = subscriptions.subscriptionsOf(context.caller().bare().toString());
        if (reply.subscriptions().empty()) {
          context.note("You are subscribed to nothing; subscribe overall is a beginning.");
        }
        responder.reply(std::move(reply));
      });
}

}  // namespace muster::commands
