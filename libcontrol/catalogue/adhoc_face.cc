#include "libcontrol/catalogue/adhoc_face.h"

#include <utility>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/form.h"

namespace muster::catalogue {
namespace {

using adhoc::Action;
using adhoc::CommandCondition;
using adhoc::CommandStatus;
using adhoc::ErrorCondition;
using adhoc::Field;
using adhoc::FieldType;
using adhoc::FormType;
using adhoc::NoteType;

// Some clients print the first note as a format string, and all want it on one line.
adhoc::Note noteOf(NoteType type, const std::string& text) {
  std::string clean;
  for (const char c : singleLine(text, limits::kMaxArgumentBytes)) {
    if (c != '%') {
      clean += c;
    } else {
      clean += " percent";
    }
  }
  return {type, clean};
}

adhoc::Error commandError(ErrorCondition condition, CommandCondition what, std::string text) {
  adhoc::Error error;
  error.condition = condition;
  error.command_condition = what;
  error.text = std::move(text);
  return error;
}

// On the first stage or a later one, a requester that knows its command finds its way back by
// these.
adhoc::Error echoing(adhoc::Error error, const adhoc::Command& request) {
  error.node = request.node;
  error.session_id = request.session_id;
  return error;
}

adhoc::Error badPayload(const std::string& text) {
  return commandError(ErrorCondition::kBadRequest, CommandCondition::kBadPayload, text);
}

adhoc::Error badAction(const std::string& text) {
  return commandError(ErrorCondition::kBadRequest, CommandCondition::kBadAction, text);
}

bool isAboutArgument(const Command& command, const Status& status) {
  const bool correctable =
      status.code() == Code::kInvalidArgument || status.code() == Code::kNotFound;
  return correctable && !status.field().empty() && command.find(status.field()) != nullptr;
}

}  // namespace

struct AdhocFace::Call {
  Jid requester;
  At at;
  adhoc::Command request;
  ElapsedTime now;
  WallTime wall;
  Role role = v1::ROLE_UNSPECIFIED;
  const Command* command = nullptr;

  Action action() const { return request.action.value_or(Action::kExecute); }
  adhoc::SessionOwner owner() const { return {requester, at.place, command->verb}; }
  adhoc::Error error(adhoc::Error error) const { return echoing(std::move(error), request); }
  // What `done` gets on a stage or completion: addressed, without form or notes.
  adhoc::Command response(const std::string& session_id, CommandStatus status) const {
    adhoc::Command response;
    response.node = request.node;
    response.session_id = session_id;
    response.status = status;
    return response;
  }
  CallRequest callRequest() const {
    CallRequest out;
    out.caller = requester;
    out.face = request.wants_reply ? Face::kProgram : Face::kForm;
    out.place = at.place;
    out.group = at.group;
    out.verb = request.node;
    return out;
  }
};

AdhocFace::AdhocFace(Dispatcher& dispatcher, Random& random)
    : dispatcher_(dispatcher), sessions_(random), random_(random) {}

void AdhocFace::handle(const Jid& requester, const At& at, const adhoc::Command& request,
                       ElapsedTime now, WallTime wall, Done done) {
  Call call{requester, at, request, now, wall};
  const auto role = dispatcher_.roleOf(requester);
  const Command* command = dispatcher_.catalogue().find(request.node);
  if (!role || command == nullptr || !reaches(*role, command->role)) {
    // The dispatcher has the words for it, and writes down who was refused.
    const Status status = dispatcher_.prepare(call.callRequest(), now, wall).refusal.status;
    return done(role ? call.error(errorFor(status)) : errorFor(status));
  }
  call.role = *role;
  call.command = command;
  if (request.session_id.size() > adhoc::SessionTable::kMaxOwnIdBytes) {
    return done(
        call.error(commandError(ErrorCondition::kBadRequest, CommandCondition::kBadSessionId,
                                "the session id is too long")));
  }
  if (request.session_id.empty()) {
    first(call, std::move(done));
  } else {
    later(call, std::move(done));
  }
}

void AdhocFace::first(const Call& call, Done done) {
  const std::string& own_id = call.request.session_id;
  if (call.action() == Action::kCancel) {
    return done(call.response(own_id, CommandStatus::kCanceled));
  }
  if (call.action() != Action::kExecute) {
    return done(call.error(badAction("the first request of a command is 'execute'")));
  }
  if (call.request.form) {
    if (call.request.form->type == FormType::kCancel) {
      return done(call.response(own_id, CommandStatus::kCanceled));
    }
    if (call.request.form->type != FormType::kSubmit) {
      return done(call.error(badPayload("the form must be of type 'submit'")));
    }
    return submit(call, own_id, std::move(done));
  }
  if (call.command->immediate) return submit(call, own_id, std::move(done));
  openStage(call, own_id, {}, {}, done);
}

void AdhocFace::later(const Call& call, Done done) {
  const std::string& id = call.request.session_id;
  const Action action = call.action();
  switch (sessions_.find(call.owner(), id, call.now)) {
    case adhoc::SessionTable::Found::kUnknown: {
      // An id of the requester's own choice opens a session; a form that comes with an id that
      // looks like ours belongs to a session that isn't there or isn't theirs.
      const bool may_be_first = action == Action::kExecute &&
                                (!call.request.form || !adhoc::SessionTable::isOurShape(id));
      if (may_be_first) return first(call, std::move(done));
      return done(
          call.error(commandError(ErrorCondition::kBadRequest, CommandCondition::kBadSessionId,
                                  "you have no session of this command with that id")));
    }
    case adhoc::SessionTable::Found::kExpired:
      if (action == Action::kCancel) return done(call.response(id, CommandStatus::kCanceled));
      return done(call.error(
          commandError(ErrorCondition::kNotAllowed, CommandCondition::kSessionExpired,
                       "the session is older than " + formatDuration(limits::kSessionLife) +
                           "; start the command again")));
    case adhoc::SessionTable::Found::kBusy:
      return done(call.error(
          badAction("the command is being carried out and can't be taken back any more")));
    case adhoc::SessionTable::Found::kOpen:
      break;
  }
  goOn(call, std::move(done));
}

void AdhocFace::goOn(const Call& call, Done done) {
  const std::string& id = call.request.session_id;
  const Action action = call.action();
  const auto& form = call.request.form;
  if (action == Action::kCancel || (form && form->type == FormType::kCancel)) {
    sessions_.close(call.owner(), id);
    parts_.drop({call.requester.toString(), id});
    return done(call.response(id, CommandStatus::kCanceled));
  }
  if (call.request.wants_reply && action == Action::kNext && !form) {
    return nextPart(call, done);
  }
  // There is nothing before the only stage, so going back shows it again; so does asking for it
  // again. A form that comes with 'prev' is not looked at.
  if (action == Action::kPrev || (action == Action::kExecute && !form)) {
    return done(stage(call, id, {}, {}));
  }
  if (!form) {
    return done(call.error(badPayload("the form is missing; submit the one that was sent")));
  }
  if (form->type != FormType::kSubmit) {
    return done(call.error(badPayload("the form must be of type 'submit'")));
  }
  submit(call, id, std::move(done));
}

void AdhocFace::submit(const Call& call, const std::string& session_id, Done done) {
  CallRequest request = call.callRequest();
  request.verb = call.command->verb;
  // Not the session's id, which the requester may have chosen and may use again.
  request.default_key = Id128::make(random_).toHex();
  if (call.request.form) {
    auto arguments = submittedArguments(*call.command, *call.request.form);
    if (!arguments) {
      CallOutcome outcome;
      outcome.status = arguments.status();
      outcome.errors = {arguments.status()};
      return finish(call, session_id, {}, std::move(outcome), done);
    }
    request.arguments = std::move(arguments).value();
  }
  sessions_.setBusy(call.owner(), session_id, true);
  RawArguments filled = request.arguments;
  dispatcher_.call(request, call.now, call.wall,
                   [this, alive = std::weak_ptr(alive_), call, session_id,
                    filled = std::move(filled), done = std::move(done)](CallOutcome outcome) {
                     if (alive.expired()) return;
                     finish(call, session_id, filled, std::move(outcome), done);
                   });
}

void AdhocFace::finish(const Call& call, const std::string& session_id, const RawArguments& filled,
                       CallOutcome outcome, const Done& done) {
  sessions_.setBusy(call.owner(), session_id, false);
  const Status& status = outcome.status;
  if (status.isOk()) {
    sessions_.close(call.owner(), session_id);
    if (call.request.wants_reply) return done(replied(call, session_id, outcome));
    return done(completed(call, session_id, outcome));
  }
  if (call.request.wants_reply || status.code() == Code::kStranger) {
    sessions_.close(call.owner(), session_id);
    return done(call.error(errorFor(status)));
  }
  if (outcome.errors.empty() && isAboutArgument(*call.command, status)) {
    outcome.errors.push_back(status);
  }
  if (!outcome.errors.empty()) {
    return openStage(call, session_id, filled, outcome.errors, done);
  }
  sessions_.close(call.owner(), session_id);
  adhoc::Command failed = call.response(idFor(session_id), CommandStatus::kCompleted);
  failed.notes.push_back(noteOf(NoteType::kError, status.text()));
  // Clients that show no note, or no note beside a form, still have to show what went wrong.
  failed.form = failureForm(*call.command, status);
  done(std::move(failed));
}

adhoc::Command AdhocFace::completed(const Call& call, const std::string& session_id,
                                    const CallOutcome& outcome) const {
  adhoc::Command response = call.response(idFor(session_id), CommandStatus::kCompleted);
  response.form = resultForm(*call.command, *outcome.reply, !call.command->immediate);
  const auto cut = cutToFit(*response.form, limits::kMaxReplyStanzaBytes);
  if (!cut) {
    const std::string& note = outcome.note;
    response.notes.push_back(noteOf(NoteType::kInfo, note.empty() ? "Done." : note));
    return response;
  }
  // Said three times: some clients show only one of them.
  const std::string text = "Too long for a form: " + std::to_string(cut->shown) + " of " +
                           std::to_string(cut->rows) +
                           " lines are shown. Ask for less of it, or ask by chat, where 'more' "
                           "brings the rest.";
  response.notes.push_back(
      noteOf(NoteType::kWarn, outcome.note.empty() ? text : outcome.note + " " + text));
  response.form->instructions = text;
  Field field;
  field.var = kCutVar;
  field.type = FieldType::kFixed;
  field.values = {text};
  response.form->fields.insert(response.form->fields.begin(), std::move(field));
  return response;
}

// A form costs everybody on the way an object for each of its elements, and a program reads none.
AdhocFace::Answer AdhocFace::replied(const Call& call, const std::string& session_id,
                                     const CallOutcome& outcome) {
  const std::string bytes = outcome.reply->SerializeAsString();
  if (bytes.size() > limits::kMaxReplyBytes) {
    return call.error(errorFor(
        {Code::kResourceExhausted,
         "the reply has " + std::to_string(bytes.size()) + " bytes, more than the " +
             std::to_string(limits::kMaxReplyBytes) +
             " that can be sent; ask for less of it, for example of one group or fewer entries"}));
  }
  if (bytes.size() <= limits::kMaxReplyPartBytes) {
    adhoc::Command response = replyPart(call, idFor(session_id), {bytes, 1, 1});
    response.notes.push_back(
        noteOf(NoteType::kInfo, outcome.note.empty() ? "Done." : outcome.note));
    return response;
  }
  const auto opened = sessions_.open(call.owner(), session_id, call.now);
  if (!opened) return call.error(errorFor(opened.status()));
  std::vector<std::string> parts;
  for (size_t at = 0; at < bytes.size(); at += limits::kMaxReplyPartBytes) {
    parts.push_back(bytes.substr(at, limits::kMaxReplyPartBytes));
  }
  parts_.hold({call.requester.toString(), *opened}, parts, call.now);
  return replyPart(call, *opened, {parts[0], 1, parts.size()});
}

adhoc::Command AdhocFace::replyPart(const Call& call, const std::string& session_id,
                                    HeldPages::Page page) const {
  const bool last = page.number == page.count;
  adhoc::Command response =
      call.response(session_id, last ? CommandStatus::kCompleted : CommandStatus::kExecuting);
  response.reply_type = call.command->newReply()->GetDescriptor()->full_name();
  response.reply_bytes = std::move(page.text);
  if (page.count > 1) {
    response.reply_part = page.number;
    response.reply_parts = page.count;
  }
  if (!last) response.actions = adhoc::Actions{Action::kNext, false, true, false};
  return response;
}

void AdhocFace::nextPart(const Call& call, const Done& done) {
  const std::string& id = call.request.session_id;
  auto page = parts_.next({call.requester.toString(), id}, call.now);
  if (!page) {
    sessions_.close(call.owner(), id);
    return done(call.error(
        commandError(ErrorCondition::kNotAllowed, CommandCondition::kSessionExpired,
                     "the rest of the reply is not kept any more; start the command again")));
  }
  if (page->number == page->count) sessions_.close(call.owner(), id);
  done(replyPart(call, id, std::move(*page)));
}

std::string AdhocFace::idFor(const std::string& session_id) const {
  return session_id.empty() ? Id128::make(random_).toHex() : session_id;
}

void AdhocFace::openStage(const Call& call, const std::string& session_id,
                          const RawArguments& filled, const std::vector<Status>& errors,
                          const Done& done) {
  const bool is_open = !session_id.empty() && sessions_.find(call.owner(), session_id, call.now) ==
                                                  adhoc::SessionTable::Found::kOpen;
  if (is_open) return done(stage(call, session_id, filled, errors));
  parts_.drop({call.requester.toString(), session_id});
  const auto opened = sessions_.open(call.owner(), session_id, call.now);
  if (!opened) return done(call.error(errorFor(opened.status())));
  done(stage(call, *opened, filled, errors));
}

adhoc::Command AdhocFace::stage(const Call& call, const std::string& session_id,
                                const RawArguments& filled,
                                const std::vector<Status>& errors) const {
  adhoc::Command response = call.response(session_id, CommandStatus::kExecuting);
  response.actions = adhoc::Actions{};
  if (!errors.empty()) {
    response.notes.push_back(noteOf(NoteType::kError, combine(errors).text()));
  }
  response.form =
      requestForm(*call.command, dispatcher_.scopeFor(call.role, call.at.group), filled, errors);
  return response;
}

adhoc::Error AdhocFace::unreadable(const Jid& requester, const adhoc::Command& as_far_as_read,
                                   CommandCondition what, std::string text) const {
  if (!dispatcher_.roleOf(requester)) return errorFor({Code::kStranger, "not available"});
  return echoing(commandError(ErrorCondition::kBadRequest, what, std::move(text)), as_far_as_read);
}

std::optional<std::vector<AdhocFace::Item>> AdhocFace::items(const Jid& requester) const {
  const auto role = dispatcher_.roleOf(requester);
  if (!role) return std::nullopt;
  std::vector<Item> items;
  for (const Command* command : dispatcher_.catalogue().visible(*role)) {
    items.push_back({command->verb, command->title});
  }
  return items;
}

Result<AdhocFace::Item> AdhocFace::item(const Jid& requester, const std::string& node) const {
  const auto role = dispatcher_.roleOf(requester);
  if (!role) return Status(Code::kStranger, "not available");
  const Command* command = dispatcher_.catalogue().find(node);
  if (command == nullptr || !reaches(*role, command->role)) {
    return Status(Code::kNotFound, "there is no command '" +
                                       singleLine(node, limits::kMaxNameBytes) + "'" +
                                       suggestion(node, dispatcher_.catalogue().verbs(*role)));
  }
  return Item{command->verb, command->title};
}

adhoc::Error errorFor(const Status& status) {
  const auto make = [&](ErrorCondition condition) {
    return commandError(condition, CommandCondition::kNone,
                        singleLine(status.text(), limits::kMaxReplyTextBytes));
  };
  switch (status.code()) {
    case Code::kOk:
    case Code::kDataLoss:
    case Code::kInternal:
      break;
    case Code::kInvalidArgument: {
      adhoc::Error error = make(ErrorCondition::kBadRequest);
      error.command_condition = CommandCondition::kBadPayload;
      return error;
    }
    case Code::kNotFound:
      return make(ErrorCondition::kItemNotFound);
    case Code::kForbidden:
      return make(ErrorCondition::kForbidden);
    case Code::kStranger:
      // Word for word what a server says for an address where nobody is: nothing.
      return commandError(ErrorCondition::kServiceUnavailable, CommandCondition::kNone, {});
    case Code::kRefusedUnsafe:
      return make(ErrorCondition::kNotAllowed);
    case Code::kConflict:
      return make(ErrorCondition::kConflict);
    case Code::kUnavailable:
    case Code::kTimeout:
      return make(ErrorCondition::kRemoteServerTimeout);
    case Code::kResourceExhausted:
      return make(ErrorCondition::kResourceConstraint);
  }
  return make(ErrorCondition::kInternalServerError);
}

Status statusFrom(const adhoc::Error& error) {
  const auto make = [&](Code code, const std::string& otherwise) {
    return Status(code, error.text.empty() ? otherwise : error.text);
  };
  switch (error.condition) {
    case ErrorCondition::kBadRequest:
    case ErrorCondition::kNotAcceptable:
      return make(Code::kInvalidArgument, "the other side could not make sense of the request");
    case ErrorCondition::kConflict:
      return make(Code::kConflict, "the state is not the one that was expected");
    case ErrorCondition::kFeatureNotImplemented:
    case ErrorCondition::kItemNotFound:
      return make(Code::kNotFound, "there is no such command there");
    case ErrorCondition::kForbidden:
      return make(Code::kForbidden, "your role does not allow this");
    case ErrorCondition::kNotAllowed:
      if (error.command_condition == CommandCondition::kSessionExpired) {
        return make(Code::kConflict, "the session has expired; start the command again");
      }
      return make(Code::kRefusedUnsafe, "it was refused");
    case ErrorCondition::kResourceConstraint:
      return make(Code::kResourceExhausted, "the other side is too busy; try again later");
    case ErrorCondition::kServiceUnavailable:
      return make(Code::kUnavailable,
                  "nobody is at that address, or your account has no role there");
    case ErrorCondition::kRemoteServerTimeout:
      return make(Code::kTimeout, "no answer came in time");
    case ErrorCondition::kInternalServerError:
      break;
  }
  return make(Code::kInternal, "the other side failed");
}

}  // namespace muster::catalogue
