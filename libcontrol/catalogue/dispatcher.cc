#include "libcontrol/catalogue/dispatcher.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::catalogue {
namespace {

constexpr Duration kMinute = Duration::seconds(60);
// The convention of CallRequest::default_key.
constexpr char kKeyArgument[] = "key";
// That of CallRequest::approved_by.
constexpr char kForceArgument[] = "force";
constexpr size_t kMaxAuditTextBytes = 1024;

Status mistake(const std::string& what) {
  return {Code::kInternal, "handlers: " + what};
}

void giveDefaultKey(const Command& command, const std::string& key, RawArguments& arguments) {
  const Argument* argument = command.find(kKeyArgument);
  if (key.empty() || argument == nullptr || argument->type != Type::kString) return;
  for (const auto& given : arguments.named) {
    if (given.first == kKeyArgument) return;
  }
  arguments.named.emplace_back(kKeyArgument, key);
}

// A command whose plain use changes nothing, such as a listing, is audited only if an argument
// beyond its own role is given.
bool isAudited(const Command& command, const Bound& bound) {
  return command.changes && (bound.raised || command.role > v1::ROLE_OBSERVER);
}

bool isSet(const Argument& argument, const google::protobuf::Message& request) {
  return argument.type == Type::kBool && request.GetReflection()->GetBool(request, argument.field);
}

// It sets something aside that would keep it from being carried out, and is to be carried out.
bool isForced(const Command& command, const google::protobuf::Message& request) {
  const Argument* force = command.find(kForceArgument);
  return force != nullptr && isSet(*force, request) &&
         std::none_of(command.arguments.begin(), command.arguments.end(),
                      [&](const Argument& argument) {
                        return argument.harmless && isSet(argument, request);
                      });
}

}  // namespace

Dispatcher::Dispatcher(Catalogue catalogue, Ports ports)
    : catalogue_(std::move(catalogue)), ports_(ports) {}

Result<std::unique_ptr<Dispatcher>> Dispatcher::make(Catalogue catalogue, HandlerSet handlers,
                                                     Ports ports) {
  if (ports.authority == nullptr || ports.directory == nullptr || ports.audit == nullptr ||
      ports.random == nullptr) {
    return mistake("a port of the dispatcher is missing");
  }
  std::unique_ptr<Dispatcher> dispatcher(new Dispatcher(std::move(catalogue), ports));
  if (const Status status = dispatcher->adopt(handlers); !status) return status;
  return dispatcher;
}

Status Dispatcher::adopt(HandlerSet& handlers) {
  const auto commandOf = [this](const std::string& name) {
    const Command* command = catalogue_.find(name);
    return command != nullptr ? command : catalogue_.findMethod(name);
  };
  for (const auto& [name, entry] : handlers.entries()) {
    const Command* command = commandOf(name);
    if (command == nullptr) return mistake("there is no command '" + name + "' to handle");
    if (entry.request != command->method->input_type() ||
        entry.reply != command->method->output_type()) {
      return mistake("the one of '" + name + "' takes " + entry.request->full_name() + " to " +
                     entry.reply->full_name() + "; the command is " +
                     command->method->input_type()->full_name() + " to " +
                     command->method->output_type()->full_name());
    }
    if (!calls_.emplace(command, entry.call).second) {
      return mistake("'" + command->verb + "' has two");
    }
  }
  for (const auto& [name, preview] : handlers.previews()) {
    const Command* command = commandOf(name);
    if (command == nullptr) return mistake("there is no command '" + name + "' to preview");
    if (preview.first != command->method->input_type()) {
      return mistake("the preview of '" + name + "' takes " + preview.first->full_name());
    }
    previews_.emplace(command, preview.second);
  }
  for (const Command& command : catalogue_.commands()) {
    if (calls_.count(&command) == 0) return mistake("'" + command.verb + "' has none");
  }
  return Status::ok();
}

std::optional<Role> Dispatcher::roleOf(const Jid& caller) const {
  const auto role = ports_.authority->roleOf(caller.bare());
  return role == v1::ROLE_UNSPECIFIED ? std::nullopt : role;
}

Scope Dispatcher::scopeFor(Role role, const std::string& group) const {
  return {role, group, ports_.directory};
}

AuditEntry Dispatcher::entryFor(const CallRequest& request, WallTime wall) const {
  AuditEntry entry;
  entry.call = Id128::make(*ports_.random);
  entry.when = wall;
  entry.who = request.caller;
  entry.face = request.face;
  entry.place = request.place;
  entry.verb = singleLine(request.verb, limits::kMaxNameBytes);
  return entry;
}

void Dispatcher::tellAnswered(const std::string& verb, Code outcome, ElapsedTime began) const {
  if (ports_.answered) ports_.answered(verb, outcome, began);
}

Dispatcher::Prepared Dispatcher::refuse(const CallRequest& request, Status status, ElapsedTime now,
                                        WallTime wall) {
  const Command* command =
      status.code() == Code::kStranger ? nullptr : catalogue_.find(request.verb);
  tellAnswered(command == nullptr ? "unknown" : command->verb, status.code(), now);
  if (refusals_ == 0 || now - refusals_since_ >= kMinute) {
    refusals_since_ = now;
    refusals_ = 0;
  }
  if (refusals_ >= limits::kMaxRefusalsPerMinute) {
    ++refusals_left_out_;
  } else {
    AuditEntry entry = entryFor(request, wall);
    entry.stage = AuditEntry::Stage::kRefused;
    entry.outcome = status.code();
    entry.text = singleLine(status.text(), kMaxAuditTextBytes);
    if (refusals_left_out_ > 0) {
      entry.text +=
          " (" + std::to_string(refusals_left_out_) + " more refusals before were not written)";
    }
    // Nothing is done in any case; whether this could be written makes no difference to the caller.
    if (ports_.audit->record(entry).isOk()) refusals_left_out_ = 0;
    ++refusals_;
  }
  Prepared prepared;
  prepared.refusal.status = std::move(status);
  return prepared;
}

Dispatcher::Prepared Dispatcher::prepare(const CallRequest& request, ElapsedTime now,
                                         WallTime wall) {
  const auto role = roleOf(request.caller);
  if (!role) return refuse(request, {Code::kStranger, "not available"}, now, wall);
  Prepared prepared;
  prepared.role = *role;
  const Command* command = catalogue_.find(request.verb);
  if (command == nullptr) {
    prepared.refusal.status = {
        Code::kNotFound, "there is no command '" + singleLine(request.verb, limits::kMaxNameBytes) +
                             "'" + suggestion(request.verb, catalogue_.verbs(*role))};
    return prepared;
  }
  if (!reaches(*role, command->role)) {
    return refuse(request,
                  {Code::kForbidden, command->verb + " needs the role " + roleName(command->role) +
                                         "; yours is " + roleName(*role)},
                  now, wall);
  }
  prepared.command = command;
  RawArguments arguments = request.arguments;
  giveDefaultKey(*command, request.default_key, arguments);
  prepared.bound = bind(*command, arguments, scopeFor(*role, request.group));
  if (prepared.bound.errors.empty()) return prepared;

  prepared.refusal.status = combine(prepared.bound.errors);
  prepared.refusal.errors = prepared.bound.errors;
  if (prepared.refusal.status.code() == Code::kForbidden) {
    refuse(request, prepared.refusal.status, now, wall);
  }
  return prepared;
}

bool Dispatcher::Prepared::asksBack() const {
  if (command == nullptr || !command->confirm || bound.request == nullptr) return false;
  const google::protobuf::Message& request = *bound.request;
  return std::none_of(
      command->arguments.begin(), command->arguments.end(), [&](const Argument& argument) {
        return argument.harmless && request.GetReflection()->GetBool(request, argument.field);
      });
}

std::string Dispatcher::preview(const Prepared& prepared, const CallRequest& request,
                                ElapsedTime now, WallTime wall) const {
  const auto found = previews_.find(prepared.command);
  if (found == previews_.end() || !prepared.mayGoOn()) return {};
  const CallContext context(request.caller, prepared.role, request.group, request.face, now, wall,
                            request.place);
  return found->second(*prepared.bound.request, context);
}

void Dispatcher::run(Prepared prepared, const CallRequest& request, ElapsedTime now, WallTime wall,
                     Done done) {
  if (!prepared.mayGoOn() || prepared.bound.request == nullptr) {
    return done(std::move(prepared.refusal));
  }
  const Command& command = *prepared.command;
  std::optional<AuditEntry> entry;
  if (isAudited(command, prepared.bound)) {
    entry = entryFor(request, wall);
    entry->stage = AuditEntry::Stage::kBegun;
    entry->verb = command.verb;
    entry->arguments = argumentLine(command, *prepared.bound.request);
    if (!request.approved_by.isEmpty()) {
      entry->text = "approved by " + request.approved_by.toString();
    }
    if (const Status status = ports_.audit->record(*entry); !status) {
      CallOutcome outcome;
      outcome.status = {Code::kUnavailable,
                        "nothing was done, since the audit trail can't be "
                        "written: " +
                            status.text()};
      tellAnswered(command.verb, outcome.status.code(), now);
      return done(std::move(outcome));
    }
  }
  std::string call = entry ? entry->call.toHex() : "";
  auto finish = [this, alive = std::weak_ptr(alive_), entry = std::move(entry), &command, now,
                 done = std::move(done)](Status status,
                                         std::shared_ptr<const google::protobuf::Message> reply,
                                         const CallContext& context) mutable {
    if (alive.expired()) return;
    CallOutcome outcome{std::move(status), {}, std::move(reply), context.noted()};
    if (entry) recordDone(*entry, outcome);
    tellAnswered(command.verb, outcome.status.code(), now);
    done(std::move(outcome));
  };
  auto state = std::make_shared<CallState>(
      CallContext(request.caller, prepared.role, request.group, request.face, now, wall,
                  request.place, std::move(call)),
      std::move(finish));
  if (ports_.force && isForced(command, *prepared.bound.request)) {
    const std::string line = command.verb + " " + argumentLine(command, *prepared.bound.request);
    const Status may = ports_.force(request, line, *prepared.bound.request, now);
    if (!may) return state->finish(may, nullptr);
  }
  try {
    calls_.at (&command)(*prepared.bound.request, state);
  } catch (const std::exception& error) {
    state->finish({Code::kInternal, command.verb + " failed: " + error.what()}, nullptr);
  }
}

void Dispatcher::recordDone(AuditEntry& entry, CallOutcome& outcome) const {
  entry.stage = AuditEntry::Stage::kDone;
  entry.outcome = outcome.status.code();
  const std::string& told = outcome.status.isOk() ? outcome.note : outcome.status.text();
  entry.text = singleLine(entry.text + (entry.text.empty() || told.empty() ? "" : ": ") + told,
                          kMaxAuditTextBytes);
  const Status status = ports_.audit->record(entry);
  if (status.isOk()) return;
  // What was done can't be undone by hiding its outcome; its beginning is in the trail.
  if (!outcome.note.empty()) outcome.note += " ";
  outcome.note += "The outcome is not in the audit trail: " + status.text();
}

void Dispatcher::call(const CallRequest& request, ElapsedTime now, WallTime wall, Done done) {
  run(prepare(request, now, wall), request, now, wall, std::move(done));
}

}  // namespace muster::catalogue
