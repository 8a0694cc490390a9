#include "libcontrol/xmpp/adhoc_requester.h"

#include <utility>

#include "libcontrol/xmpp/adhoc_xml.h"

namespace muster::xmpp {
namespace {

AdhocOutcome outcomeOf(const IqOutcome& iq) {
  AdhocOutcome outcome;
  outcome.status = iq.status;
  if (iq.error) {
    outcome.error = iq.error;
    outcome.command_condition = readCommandCondition(*iq.error);
    // not-allowed says "refused" of itself; here it is the session that is gone.
    if (outcome.command_condition == adhoc::CommandCondition::kSessionExpired) {
      outcome.status = {Code::kConflict, iq.status.text()};
    }
  }
  if (!iq.isOk()) return outcome;
  if (iq.payload() == nullptr) {
    outcome.status = {Code::kInternal, "the answer to the command is empty"};
    return outcome;
  }
  auto command = readCommandResult(*iq.payload());
  if (command) {
    outcome.command = std::move(*command);
  } else {
    outcome.status = {Code::kInternal, command.status().text()};
  }
  return outcome;
}

}  // namespace

void AdhocRequester::execute(const AdhocCall& call, Done done) {
  adhoc::Command command;
  command.action = adhoc::Action::kExecute;
  if (!call.wants_reply) return send(call, std::move(command), std::move(done));
  send(call, std::move(command), [this, call, done = std::move(done)](const AdhocOutcome& outcome) {
    collect(call, "", 1, outcome, done);
  });
}

void AdhocRequester::collect(AdhocCall call, std::string so_far, size_t expected_part,
                             AdhocOutcome outcome, const Done& done) {
  adhoc::Command& answer = outcome.command;
  if (!outcome.isOk() || (answer.reply_parts == 0 && expected_part == 1)) {
    if (done) done(outcome);
    return;
  }
  so_far += answer.reply_bytes;
  const bool last = answer.reply_part == answer.reply_parts;
  if (answer.reply_part != expected_part || last == outcome.isExecuting() ||
      so_far.size() > limits::kMaxReplyBytes) {
    outcome.status = {Code::kInternal, "the parts of the reply do not make a whole"};
  } else if (last) {
    answer.reply_bytes = std::move(so_far);
  } else {
    call.form.reset();
    const std::string session_id = answer.session_id;
    return proceed(
        call, session_id, adhoc::Action::kNext,
        [this, call, so_far = std::move(so_far), expected_part, done](const AdhocOutcome& next) {
          collect(call, so_far, expected_part + 1, next, done);
        });
  }
  if (done) done(outcome);
}

void AdhocRequester::proceed(const AdhocCall& call, const std::string& session_id,
                             adhoc::Action action, Done done) {
  adhoc::Command command;
  command.action = action;
  command.session_id = session_id;
  send(call, std::move(command), std::move(done));
}

void AdhocRequester::send(const AdhocCall& call, adhoc::Command command, Done done) {
  command.node = call.node;
  command.wants_reply = call.wants_reply;
  command.form = call.form;
  if (command.form) command.form->type = adhoc::FormType::kSubmit;
  Element iq = makeIq("set", call.to);
  if (!call.from.isEmpty()) iq.setAttribute("from", call.from.toString());
  iq.add(writeCommand(command));
  endpoint_.request(std::move(iq), call.timeout, [done = std::move(done)](const IqOutcome& answer) {
    if (done) done(outcomeOf(answer));
  });
}

}  // namespace muster::xmpp
