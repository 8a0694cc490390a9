// subscribe, unsubscribe and subscriptions: who hears when a level falls.
#pragma once

#include <optional>
#include <string>

#include "commands/origin.h"
#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/handlers.h"
#include "muster/cluster.pb.h"

namespace muster::commands {

class AlertSubscriptions {
 public:
  virtual ~AlertSubscriptions() = default;
  // Durable when it returns ok; `request.target` is set. Messages come from `origin.place`. Errors
  // name the argument at fault.
  virtual Result<v1::SubscribeReply> subscribe(const v1::SubscribeRequest& request,
                                               const Origin& origin) = 0;
  // No target: all of them.
  virtual Result<v1::UnsubscribeReply> unsubscribe(const std::optional<std::string>& target,
                                                   const Origin& origin) = 0;
  virtual v1::SubscriptionsReply subscriptionsOf(const std::string& who) = 0;
};

// `subscriptions` must outlive the handlers.
void addSubscriptions(catalogue::HandlerSet& handlers, AlertSubscriptions& subscriptions);

// The target that was named or, at the contact of a group or of its service, that. kInvalidArgument
// if there is neither.
template <typename Request>
Result<std::string> watchableIn(const Request& request, const catalogue::CallContext& context) {
  if (request.has_target() && !request.target().empty()) return request.target();
  if (!context.group().empty()) {
    const auto place = Jid::parse(context.place());
    const bool of_service = place && place->local().ends_with("." + context.group());
    return of_service ? place->local() : context.group();
  }
  return Status(Code::kInvalidArgument,
                "say of what: a service of a group (user.storage), a group, a node, or overall",
                "target");
}

}  // namespace muster::commands
