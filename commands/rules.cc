#include "commands/rules.h"

#include <string>
#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

void list(const Responder<v1::LogRulesReply>& responder, RuleControl& rules) {
  auto reply = rules.logRules();
  if (!reply) return responder.fail(reply.status());
  responder.reply(std::move(reply).value());
}

void handle(const v1::LogRulesRequest& request, const Responder<v1::LogRulesReply>& responder,
            RuleControl& rules) {
  if (!request.reload()) return list(responder, rules);
  rules.reloadLogRules([responder, &rules](const Status& read) {
    if (!read) {
      if (read.code() == Code::kNotFound) return responder.fail(read);
      return responder.fail({read.code(), "the rules stay as they were: " + read.text()});
    }
    if (const auto now = rules.logRules()) {
      const int count = now->rules_size();
      responder.context().note(std::to_string(count) +
                               (count == 1 ? " log rule from " : " log rules from ") + now->file() +
                               (count == 1 ? " is in force." : " are in force."));
    }
    list(responder, rules);
  });
}

}  // namespace

void addRules(catalogue::HandlerSet& handlers, RuleControl& rules) {
  handlers.add<v1::LogRulesRequest, v1::LogRulesReply>(
      "LogRules", [&rules](const v1::LogRulesRequest& request, CallContext&,
                           const Responder<v1::LogRulesReply>& responder) {
        handle(request, responder, rules);
      });
}

}  // namespace muster::commands
