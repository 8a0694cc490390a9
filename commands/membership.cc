#include "commands/membership.h"

#include <utility>

namespace muster::commands {
namespace {

using catalogue::CallContext;
using catalogue::Responder;

std::string nameOf(v1::GrantedRole role) {
  return v1::GrantedRole_descriptor()->FindValueByNumber(role)->options().GetExtension(v1::label);
}

std::string sentenceOf(const v1::EnrollReply& reply) {
  std::string out =
      reply.jid() + (reply.changed() ? " is now enrolled as " : " is enrolled as ") + reply.node();
  out += reply.group().empty() ? ", without a group" : " in group " + reply.group();
  if (reply.priority() != 0) out += ", priority " + std::to_string(reply.priority());
  if (reply.nofailover()) out += ", never active by itself";
  return out + ".";
}

std::string sentenceOf(const v1::GrantReply& reply) {
  if (reply.role() == reply.before()) {
    return reply.jid() + " has the role " + nameOf(reply.role()) + " already.";
  }
  if (reply.role() == v1::GRANTED_ROLE_NONE) {
    return reply.jid() + " has no role any more; it was " + nameOf(reply.before()) + ".";
  }
  const bool had_one = reply.before() != v1::GRANTED_ROLE_NONE;
  return reply.jid() + " has the role " + nameOf(reply.role()) +
         (had_one ? "; it was " + nameOf(reply.before()) : "") + ".";
}

// Answers with what the port says, and a sentence about it.
template <typename Reply, typename Sentence>
void answer(Result<Reply> reply, CallContext& context, const Responder<Reply>& responder,
            Sentence sentence) {
  if (!reply) return responder.fail(reply.status());
  context.note(sentence(*reply));
  responder.reply(std::move(reply).value());
}

}  // namespace

void addMembership(catalogue::HandlerSet& handlers, Membership& membership) {
  handlers.add<v1::EnrollRequest, v1::EnrollReply>(
      "Enroll", [&membership](const v1::EnrollRequest& request, CallContext& context,
                              const Responder<v1::EnrollReply>& responder) {
        answer(membership.enroll(request, context.caller().bare().toString()), context, responder,
               [](const v1::EnrollReply& reply) { return sentenceOf(reply); });
      });
  handlers.add<v1::RemoveRequest, v1::RemoveReply>(
      "Remove", [&membership](const v1::RemoveRequest& request, CallContext& context,
                              const Responder<v1::RemoveReply>& responder) {
        answer(membership.remove(request, context.caller().bare().toString()), context, responder,
               [](const v1::RemoveReply& reply) {
                 return reply.node() + " (" + reply.jid() + ") is no longer a member.";
               });
      });
  handlers.preview<v1::RemoveRequest>(
      "Remove", [&membership](const v1::RemoveRequest& request, const CallContext&) {
        return membership.planRemove(request);
      });
  handlers.add<v1::GrantRequest, v1::GrantReply>(
      "Grant", [&membership](const v1::GrantRequest& request, CallContext& context,
                             const Responder<v1::GrantReply>& responder) {
        answer(membership.grant(request, context.caller().bare().toString()), context, responder,
               [](const v1::GrantReply& reply) { return sentenceOf(reply); });
      });
  handlers.add<v1::RolesRequest, v1::RolesReply>(
      "Roles", [&membership](const v1::RolesRequest&, CallContext&,
                             const Responder<v1::RolesReply>& responder) {
        auto reply = membership.roles();
        if (!reply) return responder.fail(reply.status());
        responder.reply(std::move(reply).value());
      });
}

}  // namespace muster::commands
