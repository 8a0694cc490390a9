#include "coordinator/four_eyes.h"

#include <cstdio>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

std::string newCode(Random& random) {
  char code[8];
  snprintf(code, sizeof code, "%06u", static_cast<unsigned>(random.below(1'000'000)));
  return code;
}

}  // namespace

bool FourEyes::isAdmin(const Jid& who) const {
  const auto role = parts_.authority.roleOf(who.bare());
  return role && catalogue::reaches(*role, v1::ROLE_ADMIN);
}

Status FourEyes::check(catalogue::Dispatcher& dispatcher, const catalogue::CallRequest& request,
                       const std::string& line, const google::protobuf::Message& bound,
                       ElapsedTime now) {
  if (!request.approved_by.isEmpty()) return Status::ok();
  const Jid by = request.caller.bare();
  if (!isAdmin(by)) {
    return {Code::kForbidden,
            "only an admin may force something here, and another one has to "
            "approve it",
            "force"};
  }
  std::erase_if(waiting_, [now](const auto& entry) { return entry.second.expires <= now; });
  if (waiting_.size() >= kMaxWaiting) {
    return {Code::kResourceExhausted,
            std::to_string(kMaxWaiting) + " forced commands wait for a second admin already"};
  }
  std::string code = newCode(parts_.random);
  while (waiting_.contains(code)) code = newCode(parts_.random);
  waiting_[code] = {&dispatcher, request, line, bound.SerializeAsString(), now + kLife};
  const std::string how = "'approve " + code + "' within " + formatDuration(kLife);
  parts_.tell_others(
      by, by.toString() + " wants: " + line + "\nIt is carried out if you send " + how + ".");
  return {Code::kRefusedUnsafe,
          "nothing is done yet: another admin has to send " + how + "; the others were told",
          "force"};
}

void FourEyes::approve(const std::string& code, const catalogue::CallContext& by, Answer answer) {
  const auto found = waiting_.find(code);
  if (found == waiting_.end() || found->second.expires <= by.now()) {
    return answer(
        {Code::kNotFound,
         "no forced command waits under the code " + singleLine(code, limits::kMaxNameBytes) +
             "; codes hold for " + formatDuration(kLife) + " and not beyond the coordinator's end",
         "code"},
        {});
  }
  const Jid who = by.caller().bare();
  if (found->second.request.caller.bare() == who) {
    return answer({Code::kForbidden,
                   "you have asked for it yourself; another admin has to approve it", "code"},
                  {});
  }
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  waiting.request.approved_by = who;
  catalogue::Dispatcher& dispatcher = *waiting.dispatcher;
  auto prepared = dispatcher.prepare(waiting.request, by.now(), by.wall());
  if (!prepared.mayGoOn()) return answer(prepared.refusal.status, {});
  const Jid asked = waiting.request.caller.bare();
  if (!isAdmin(asked) || prepared.bound.request->SerializeAsString() != waiting.bound) {
    return answer({Code::kConflict, "what " + asked.toString() +
                                        " asked for is something else by now; nothing was done"},
                  {});
  }
  parts_.tell(asked, who.toString() + " has approved: " + waiting.line);
  dispatcher.run(std::move(prepared), waiting.request, by.now(), by.wall(),
                 [answer = std::move(answer), asked,
                  line = waiting.line](const catalogue::CallOutcome& outcome) {
                   v1::ApproveReply reply;
                   reply.set_command(line);
                   reply.set_by(asked.toString());
                   reply.set_outcome(outcome.note.empty() ? "Done." : outcome.note);
                   answer(outcome.status, reply);
                 });
}

}  // namespace muster::coordinator
