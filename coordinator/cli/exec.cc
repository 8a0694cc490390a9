#include "coordinator/cli/exec.h"

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "coordinator/cli/client.h"
#include "coordinator/cli/exec_dialogue.h"
#include "coordinator/cli/exec_form.h"
#include "coordinator/cli/exec_view.h"
#include "coordinator/cli/layout.h"
#include "coordinator/cli/target.h"
#include "coordinator/cli/terminal.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using adhoc::Action;

// Stages of one command that nobody answers by hand; an entity that goes on asking is stopped.
constexpr size_t kMaxStages = 32;
// Somebody has pressed Ctrl-C and waits for the prompt.
constexpr Duration kCancelTimeout = Duration::seconds(2);

class TerminalConsole : public Console {
 public:
  explicit TerminalConsole(const Signals& caught) : reader_(caught) {}
  void print(const std::string& line) override { std::cout << line << "\n"; }
  std::optional<std::string> ask(const std::string& prompt, bool hidden) override {
    std::cout << prompt << std::flush;
    const auto line = reader_.read(hidden);
    // The typed line feed was not echoed, or there was none.
    if (hidden || !line) std::cout << "\n";
    return line;
  }

 private:
  LineReader reader_;
};

Status unknownNames(const std::set<std::string>& names, const adhoc::Form& form) {
  const std::string& name = *names.begin();
  return {Code::kInvalidArgument,
          "the command has no field '" + name + "'" + fieldSuggestion(form, name), name};
}

std::string json(const nlohmann::ordered_json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

// A responder of ours takes values with the first request; one of its commands may do without a
// form, and would be carried out before anybody could give it any.
bool takesValuesAtOnce(const Jid& to, const Jid& coordinator, const std::string& node,
                       const Catalogues& catalogues) {
  const bool cluster = to.domain() == coordinator.domain();
  if (!cluster && !to.resource().starts_with("node-")) return false;
  const catalogue::Command* command = (cluster ? catalogues.cluster : catalogues.node).find(node);
  // An application's own is not known here; no dialogue is missed by it but the one for the values.
  return command == nullptr || command->immediate;
}

adhoc::Form formOf(const Given& given) {
  adhoc::Form form;
  form.type = adhoc::FormType::kSubmit;
  for (const auto& [name, values] : given) {
    adhoc::Field field;
    field.var = name;
    field.values = values;
    form.fields.push_back(std::move(field));
  }
  return form;
}

// One command from its first stage to its last.
class Run {
 public:
  Run(const Settings& settings, Client& client, Jid to, std::string node, Given given,
      std::vector<Action> actions, const Signals& caught)
      : settings_(settings),
        client_(client),
        to_(std::move(to)),
        node_(std::move(node)),
        given_(std::move(given)),
        actions_(std::move(actions)),
        signals_(caught),
        console_(caught) {
    for (const auto& [name, values] : given_) unused_.insert(name);
  }

  // With `values_at_once` what was given goes with the first request.
  Exit run(bool values_at_once) {
    values_sent_ = values_at_once && !given_.empty() && actions_.empty();
    if (!ask(Action::kExecute, values_sent_ ? std::optional(formOf(given_)) : std::nullopt)) {
      return finishFailed();
    }
    if (values_sent_) {
      unused_.clear();
      if (isOpen())
        given_.clear();  // something is wrong with them, or missing: the stage says what
    }
    const bool interactive = isInteractive() && !settings_.json && actions_.empty();
    for (size_t stage = 0; isOpen(); ++stage) {
      if (!interactive && stage == kMaxStages) {
        return giveUp({Code::kResourceExhausted,
                       "the command has more than " + std::to_string(kMaxStages) + " stages"});
      }
      const auto decision = interactive ? talkAbout() : decide(stage);
      if (!decision) return *ended_;
      if (!ask(decision->action, decision->form)) return finishFailed();
    }
    return print();
  }

 private:
  bool isOpen() const {
    return answer_.isOk() && answer_.command.status == adhoc::CommandStatus::kExecuting;
  }

  bool ask(Action action, std::optional<adhoc::Form> form) {
    client_.setDeadline(settings_.timeout.value_or(kDefaultTimeout));
    const bool leaves = action == Action::kCancel || action == Action::kPrev;
    answer_ = client_.stage(to_, node_, session_, action, leaves ? std::nullopt : std::move(form));
    if (answer_.isOk()) session_ = answer_.command.session_id;
    return answer_.isOk();
  }

  std::optional<Decision> talkAbout() {
    for (const auto& [name, values] : given_) {
      if (answer_.command.form && answer_.command.form->find(name) != nullptr) unused_.erase(name);
    }
    auto decision = talk(console_, answer_.command, given_, outputWidth());
    if (!decision) {
      ended_ = giveUp({Code::kUnavailable, "cancelled"}, Exit::kFailed);
      return std::nullopt;
    }
    // What was given on the command line has been used; a stage that comes back asks.
    if (answer_.command.form) {
      for (const auto& field : answer_.command.form->fields) given_.erase(field.var);
    }
    return decision;
  }

  // Without a person: all that is needed must have been given.
  std::optional<Decision> decide(size_t stage) {
    const adhoc::Command& command = answer_.command;
    if (values_sent_ && stage == 0) {
      return stop(
          {Code::kInvalidArgument, "the command did not take what was given" + firstNote()});
    }
    const auto allowed = allowedActions(command);
    const Action action = stage < actions_.size() && actions_[stage] != Action::kExecute
                              ? actions_[stage]
                              : allowed[0];
    if (std::find(allowed.begin(), allowed.end(), action) == allowed.end()) {
      std::vector<std::string> names;
      for (const Action each : allowed) names.emplace_back(actionName(each));
      return stop({Code::kInvalidArgument, std::string("--action ") + actionName(action) +
                                               " is not allowed here; there are " +
                                               joinWithAnd(names)});
    }
    if (action == Action::kCancel && !settings_.json) {
      for (const std::string& line : answerLines(command, outputWidth())) std::cout << line << "\n";
    }
    if (action == Action::kCancel) cancelled_form_ = command.form;
    const adhoc::Form form = command.form.value_or(adhoc::Form{});
    Filled filled = fillForm(form, given_);
    for (const auto& [name, values] : given_) {
      if (std::find(filled.unknown.begin(), filled.unknown.end(), name) == filled.unknown.end()) {
        unused_.erase(name);
      }
    }
    if (action == Action::kCancel || action == Action::kPrev) {
      unused_.clear();
      return Decision{action, {}};
    }
    // A name that no stage so far has asked for may belong to one that is still to come.
    const bool last = action == Action::kComplete;
    if (last && !unused_.empty()) filled.errors.push_back(unknownNames(unused_, form));
    // An entity that sends the stage again, with an error, would do so for ever.
    if (filled.errors.empty() && stage > 0 && isSameStage(form)) {
      return stop({Code::kInvalidArgument, "the command asks again" + firstNote()});
    }
    if (!filled.errors.empty()) {
      ended_ = giveUpWith(filled.errors);
      return std::nullopt;
    }
    last_form_ = form;
    return Decision{action, std::move(filled.form)};
  }

  bool isSameStage(const adhoc::Form& form) const {
    const auto names = [](const adhoc::Form& of) {
      std::vector<std::string> out;
      for (const auto& field : of.fields) {
        if (isAsked(field)) out.push_back(field.var);
      }
      return out;
    };
    return last_form_ && names(*last_form_) == names(form) && !names(form).empty();
  }

  std::string firstNote() const {
    for (const auto& note : answer_.command.notes) return ": " + singleLine(note.text, 1024);
    const auto& form = answer_.command.form;
    return form && !form->instructions.empty() ? ": " + singleLine(form->instructions, 1024) : "";
  }

  std::optional<Decision> stop(const Status& why) {
    ended_ = giveUp(why);
    return std::nullopt;
  }

  // Ends the session at the other side too; how that goes changes nothing.
  void cancel() {
    if (session_.empty()) return;
    client_.setInterrupted({});
    client_.setDeadline(kCancelTimeout);
    (void)client_.stage(to_, node_, session_, Action::kCancel, std::nullopt);
  }

  Exit giveUp(const Status& why, std::optional<Exit> exit = {}) {
    cancel();
    const Exit reported = report(settings_.json, why);
    return exit.value_or(reported);
  }

  Exit giveUpWith(const std::vector<Status>& errors) {
    cancel();
    std::string text;
    for (const Status& error : errors) text += (text.empty() ? "" : "; ") + error.text();
    return report(settings_.json, {Code::kInvalidArgument, text, errors[0].field()}, errors);
  }

  Exit finishFailed() {
    if (signals_.isInterrupted()) return giveUp({Code::kUnavailable, "cancelled"}, Exit::kFailed);
    // After a time-out the session may be open still.
    if (!answer_.error) cancel();
    const bool no_such = session_.empty() && answer_.status.code() == Code::kNotFound;
    return report(settings_.json, no_such ? noSuchCommand() : answer_.status);
  }

  Status noSuchCommand() {
    std::vector<std::string> nodes;
    const auto offers = client_.commandsOf(to_);
    if (!offers) return answer_.status;
    for (const OfferedCommand& offer : *offers) nodes.push_back(offer.node);
    return {Code::kNotFound,
            to_.toString() + " has no command '" + node_ + "' for you" + suggestion(node_, nodes)};
  }

  Exit print() {
    const adhoc::Command& command = answer_.command;
    if (settings_.json) {
      nlohmann::ordered_json out = answerJson(command);
      if (cancelled_form_) {
        adhoc::Command asked;
        asked.form = cancelled_form_;
        out["form"] = answerJson(asked)["form"];
      }
      std::cout << json(out) << "\n";
    } else {
      for (const std::string& line : answerLines(command, outputWidth())) {
        std::cout << line << "\n";
      }
      if (command.status == adhoc::CommandStatus::kCanceled) std::cout << "cancelled\n";
    }
    const bool failed =
        std::any_of(command.notes.begin(), command.notes.end(),
                    [](const adhoc::Note& note) { return note.type == adhoc::NoteType::kError; });
    if (failed) return Exit::kFailed;
    if (unused_.empty() || command.status != adhoc::CommandStatus::kCompleted) return Exit::kDone;
    // Not the command that was meant.
    std::cerr << "muster: it was carried out without "
              << joinWithAnd({unused_.begin(), unused_.end()}) << ", for which it did not ask\n";
    return Exit::kFailed;
  }

  const Settings& settings_;
  Client& client_;
  const Jid to_;
  const std::string node_;
  Given given_;
  const std::vector<Action> actions_;
  const Signals& signals_;
  TerminalConsole console_;
  std::set<std::string> unused_;
  bool values_sent_ = false;
  std::string session_;
  xmpp::AdhocOutcome answer_;
  std::optional<adhoc::Form> last_form_;
  std::optional<adhoc::Form> cancelled_form_;
  std::optional<Exit> ended_;
};

Exit list(const Settings& settings, Client& client, const Jid& to) {
  const auto offers = client.commandsOf(to);
  if (!offers) {
    return report(settings.json, {offers.status().code(),
                                  to.toString() + " shows no commands: " + offers.status().text()});
  }
  if (settings.json) {
    std::cout << json(offersJson(*offers)) << "\n";
    return Exit::kDone;
  }
  if (offers->empty()) {
    std::cout << to.toString() << " offers you no commands\n";
    return Exit::kDone;
  }
  catalogue::ReplyView::Table table;
  table.columns = {{"node", "Node"}, {"name", "Title"}, {"jid", "At"}};
  for (const OfferedCommand& offer : *offers) {
    // Only where it is not the entity that was asked.
    table.rows.push_back({offer.node, offer.name, offer.jid == to.toString() ? "" : offer.jid});
  }
  const bool elsewhere = std::any_of(table.rows.begin(), table.rows.end(),
                                     [](const auto& row) { return !row[2].empty(); });
  if (!elsewhere) {
    table.columns.pop_back();
    for (auto& row : table.rows) row.pop_back();
  }
  for (const std::string& line : fitTable(table, outputWidth()).lines) std::cout << line << "\n";
  return Exit::kDone;
}

Result<std::vector<Action>> parseActions(const std::vector<std::string>& words) {
  static const std::vector<Action> kAll = {Action::kExecute, Action::kNext, Action::kPrev,
                                           Action::kComplete, Action::kCancel};
  std::vector<Action> out;
  for (const std::string& word : words) {
    const auto action = actionFrom(word, kAll);
    if (!action || asciiLower(word) != actionName(*action)) {
      return Status(Code::kInvalidArgument,
                    "--action can't be '" + word + "'" +
                        suggestion(word, {"next", "prev", "complete", "execute", "cancel"}));
    }
    out.push_back(*action);
  }
  return out;
}

}  // namespace

Exit runExec(const Settings& settings, const Catalogues& catalogues,
             const ExecArguments& arguments) {
  const bool has_node = !arguments.words.empty();
  const std::string node = has_node ? arguments.words[0] : "";
  auto given = parseGiven({arguments.words.begin() + (has_node ? 1 : 0), arguments.words.end()});
  if (!given) return report(settings.json, given.status());
  auto actions = parseActions(arguments.actions);
  if (!actions) return report(settings.json, actions.status());
  auto login = loginFrom(settings);
  if (!login) return report(settings.json, login.status());
  Client client(std::move(login).value());
  const Signals caught({SIGINT, SIGTERM, SIGHUP});
  client.setInterrupted([&caught] { return caught.isInterrupted(); });
  client.setDeadline(settings.timeout.value_or(kDefaultTimeout));
  if (Status connected = client.connect(); !connected) return report(settings.json, connected);
  const auto to = entityOf(client, catalogues.cluster, arguments.entity);
  if (!to) return report(settings.json, to.status());
  if (node.empty()) return list(settings, client, *to);
  return Run(settings, client, *to, node, std::move(given).value(), std::move(actions).value(),
             caught)
      .run(takesValuesAtOnce(*to, client.coordinator(), node, catalogues));
}

Exit runApplicationVerb(const Settings& settings, const Catalogues& catalogues,
                        const std::vector<std::string>& words) {
  auto named = namedValues({words.begin() + 1, words.end()});
  if (!named) {
    return report(settings.json, {Code::kInvalidArgument, words[0] + ": " + named.status().text()});
  }
  ExecArguments arguments;
  arguments.entity = settings.at;
  arguments.words = {words[0]};
  arguments.words.insert(arguments.words.end(), named->begin(), named->end());
  return runExec(settings, catalogues, arguments);
}

}  // namespace muster::cli
