#include "libcontrol/xmpp/adhoc_xml.h"

#include <QByteArray>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/xmpp/namespaces.h"

namespace muster::xmpp {
namespace {

using adhoc::Action;
using adhoc::Command;
using adhoc::CommandCondition;
using adhoc::CommandStatus;
using adhoc::ErrorCondition;
using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using adhoc::FormType;
using adhoc::Note;
using adhoc::NoteType;

// No form of ours has more fields than a command has arguments, besides a few of its own.
constexpr size_t kMaxFields = limits::kMaxArguments + 16;
// Of a table; more than fit into the largest stanza if every cell says something.
constexpr size_t kMaxCells = 65536;
constexpr size_t kMaxIdBytes = 256;
constexpr size_t kMaxLabelBytes = 1024;

template <typename T>
using Names = std::initializer_list<std::pair<T, const char*>>;

template <typename T>
const char* nameIn(Names<T> names, T value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <typename T>
std::optional<T> valueIn(Names<T> names, const std::string& name) {
  for (const auto& [value, candidate] : names) {
    if (name == candidate) return value;
  }
  return std::nullopt;
}

constexpr Names<Action> kActions = {{Action::kExecute, "execute"},
                                    {Action::kNext, "next"},
                                    {Action::kPrev, "prev"},
                                    {Action::kComplete, "complete"},
                                    {Action::kCancel, "cancel"}};
constexpr Names<CommandStatus> kStatuses = {{CommandStatus::kExecuting, "executing"},
                                            {CommandStatus::kCompleted, "completed"},
                                            {CommandStatus::kCanceled, "canceled"}};
constexpr Names<NoteType> kNoteTypes = {
    {NoteType::kInfo, "info"}, {NoteType::kWarn, "warn"}, {NoteType::kError, "error"}};
constexpr Names<FormType> kFormTypes = {{FormType::kForm, "form"},
                                        {FormType::kSubmit, "submit"},
                                        {FormType::kCancel, "cancel"},
                                        {FormType::kResult, "result"}};
constexpr Names<FieldType> kFieldTypes = {{FieldType::kBoolean, "boolean"},
                                          {FieldType::kFixed, "fixed"},
                                          {FieldType::kHidden, "hidden"},
                                          {FieldType::kJidMulti, "jid-multi"},
                                          {FieldType::kJidSingle, "jid-single"},
                                          {FieldType::kListMulti, "list-multi"},
                                          {FieldType::kListSingle, "list-single"},
                                          {FieldType::kTextMulti, "text-multi"},
                                          {FieldType::kTextPrivate, "text-private"},
                                          {FieldType::kTextSingle, "text-single"}};
constexpr Names<CommandCondition> kCommandConditions = {
    {CommandCondition::kMalformedAction, "malformed-action"},
    {CommandCondition::kBadAction, "bad-action"},
    {CommandCondition::kBadLocale, "bad-locale"},
    {CommandCondition::kBadPayload, "bad-payload"},
    {CommandCondition::kBadSessionId, "bad-sessionid"},
    {CommandCondition::kSessionExpired, "session-expired"}};
constexpr std::array<std::pair<ErrorCondition, Condition>, 11> kConditionPairs = {{
    {ErrorCondition::kBadRequest, Condition::kBadRequest},
    {ErrorCondition::kConflict, Condition::kConflict},
    {ErrorCondition::kFeatureNotImplemented, Condition::kFeatureNotImplemented},
    {ErrorCondition::kForbidden, Condition::kForbidden},
    {ErrorCondition::kItemNotFound, Condition::kItemNotFound},
    {ErrorCondition::kNotAllowed, Condition::kNotAllowed},
    {ErrorCondition::kNotAcceptable, Condition::kNotAcceptable},
    {ErrorCondition::kResourceConstraint, Condition::kResourceConstraint},
    {ErrorCondition::kServiceUnavailable, Condition::kServiceUnavailable},
    {ErrorCondition::kInternalServerError, Condition::kInternalServerError},
    {ErrorCondition::kRemoteServerTimeout, Condition::kRemoteServerTimeout},
}};

Status bad(std::string text) {
  return {Code::kInvalidArgument, std::move(text)};
}

// --- forms ------------------------------------------------------------------------------------

Field readField(const Element& element) {
  Field field;
  field.var = element.attribute("var");
  field.type = valueIn(kFieldTypes, element.attribute("type"));
  field.label = element.attribute("label");
  for (const Element& child : element.children()) {
    if (child.is("value", ns::kDataForm)) {
      field.values.push_back(child.text());
    } else if (child.is("desc", ns::kDataForm)) {
      field.desc = child.text();
    } else if (child.is("required", ns::kDataForm)) {
      field.required = true;
    } else if (child.is("option", ns::kDataForm)) {
      field.options.push_back({child.attribute("label"), childText(child, "value")});
    }
  }
  return field;
}

std::vector<Field> readFields(const Element& row) {
  std::vector<Field> fields;
  for (const Element& child : row.children()) {
    if (child.is("field", ns::kDataForm)) fields.push_back(readField(child));
  }
  return fields;
}

// The cells in the order of the columns; a cell that isn't there is empty.
std::vector<Field> orderCells(const std::vector<Field>& columns, std::vector<Field> cells) {
  std::vector<Field> row;
  row.reserve(columns.size());
  for (const Field& column : columns) {
    Field& cell = row.emplace_back();
    cell.var = column.var;
    for (Field& candidate : cells) {
      if (candidate.var == column.var) cell = std::move(candidate);
    }
    cell.var = column.var;
  }
  return row;
}

void writeValue(Element& field, const std::string& value) {
  field.add("value").setText(cleanText(value, limits::kMaxReplyTextBytes));
}

// text-multi has one <value/> a line (XEP-0004, section 3.3).
void writeLines(Element& field, const std::string& text) {
  size_t from = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
    writeValue(field, text.substr(from, end - from));
    from = end + 1;
  }
  writeValue(field, text.substr(from));
}

void writeField(Element& parent, const Field& field) {
  Element& out = parent.add("field");
  if (!field.var.empty()) out.setAttribute("var", field.var);
  if (field.type) out.setAttribute("type", nameIn(kFieldTypes, *field.type));
  if (!field.label.empty()) out.setAttribute("label", singleLine(field.label, kMaxLabelBytes));
  if (!field.desc.empty()) {
    out.add("desc").setText(singleLine(field.desc, limits::kMaxReplyTextBytes));
  }
  if (field.required) out.add("required");
  for (const std::string& value : field.values) {
    if (field.type == FieldType::kTextMulti) {
      writeLines(out, value);
    } else {
      writeValue(out, value);
    }
  }
  for (const adhoc::Option& option : field.options) {
    Element& element = out.add("option");
    element.setAttribute(
        "label", singleLine(option.label.empty() ? option.value : option.label, kMaxLabelBytes));
    writeValue(element, option.value);
  }
}

void writeInstructions(Element& x, const std::string& instructions) {
  size_t from = 0;
  while (from < instructions.size()) {
    const size_t end = std::min(instructions.find('\n', from), instructions.size());
    const std::string line =
        singleLine(instructions.substr(from, end - from), limits::kMaxReplyTextBytes);
    if (!line.empty()) x.add("instructions").setText(line);
    from = end + 1;
  }
}

// What a submitted form must be besides a form.
Status checkSubmitted(const Form& form) {
  if (form.type != FormType::kSubmit && form.type != FormType::kCancel) {
    return bad("the form in a request has type 'submit'");
  }
  if (form.fields.size() > kMaxFields) {
    return bad("the form has " + std::to_string(form.fields.size()) + " fields; at most " +
               std::to_string(kMaxFields));
  }
  std::set<std::string> seen;
  for (const Field& field : form.fields) {
    if (!field.var.empty() && !seen.insert(field.var).second) {
      return bad("the form has the field '" + singleLine(field.var, 64) + "' twice");
    }
  }
  return Status::ok();
}

// --- commands ---------------------------------------------------------------------------------

adhoc::Error refuse(const Command& command, CommandCondition condition, std::string text) {
  return {.condition = ErrorCondition::kBadRequest,
          .command_condition = condition,
          .text = std::move(text),
          .node = command.node,
          .session_id = command.session_id};
}

Element writeActions(const adhoc::Actions& actions) {
  Element out("actions", ns::kCommands);
  out.setAttribute("execute", nameIn(kActions, actions.execute));
  // The one that a bare "go on" means must be among those listed (XEP-0050, section 3.4).
  if (actions.prev || actions.execute == Action::kPrev) out.add("prev");
  if (actions.next || actions.execute == Action::kNext) out.add("next");
  if (actions.complete || actions.execute == Action::kComplete) out.add("complete");
  return out;
}

adhoc::Actions readActions(const Element& element) {
  adhoc::Actions actions;
  actions.prev = element.child("prev", ns::kCommands) != nullptr;
  actions.next = element.child("next", ns::kCommands) != nullptr;
  actions.complete = element.child("complete", ns::kCommands) != nullptr;
  const auto named = valueIn(kActions, element.attribute("execute"));
  const bool only_next = actions.next && !actions.complete;
  actions.execute = named.value_or(only_next ? Action::kNext : Action::kComplete);
  return actions;
}

// 1 to 9999.
std::optional<size_t> countIn(const std::string& text) {
  size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0 || count > 9999)
    return std::nullopt;
  return count;
}

Status readReply(const Element& element, Command& command) {
  command.reply_type = element.attribute("type");
  auto bytes = fromBase64(element.text());
  if (!bytes) return bad("the <reply/> of the answer is not base64");
  command.reply_bytes = std::move(*bytes);
  if (!element.hasAttribute("parts")) return Status::ok();
  const auto part = countIn(element.attribute("part"));
  const auto parts = countIn(element.attribute("parts"));
  if (!part || !parts || *part > *parts)
    return bad("the part='" + singleLine(element.attribute("part"), 20) + "' parts='" +
               singleLine(element.attribute("parts"), 20) + "' of the reply are not m of n");
  command.reply_part = *part;
  command.reply_parts = *parts;
  return Status::ok();
}

}  // namespace

Result<Form> readForm(const Element& x) {
  if (!x.is("x", ns::kDataForm)) {
    return bad("a form is <x xmlns='jabber:x:data'/>, not <" + singleLine(x.name(), 64) + "/>");
  }
  const auto type = valueIn(kFormTypes, x.attribute("type"));
  if (!type) {
    return bad("'" + singleLine(x.attribute("type"), 64) +
               "' is not the type of a form; there are form, submit, cancel and result");
  }
  Form form;
  form.type = *type;
  std::vector<const Element*> rows;
  for (const Element& child : x.children()) {
    if (child.is("title", ns::kDataForm)) {
      form.title = child.text();
    } else if (child.is("instructions", ns::kDataForm)) {
      if (!form.instructions.empty()) form.instructions += '\n';
      form.instructions += child.text();
    } else if (child.is("field", ns::kDataForm)) {
      form.fields.push_back(readField(child));
    } else if (child.is("reported", ns::kDataForm)) {
      form.reported = readFields(child);
    } else if (child.is("item", ns::kDataForm)) {
      rows.push_back(&child);
    }
  }
  // A stanza of many columns and many nearly empty rows must not become a huge table.
  if (form.reported.size() * rows.size() > kMaxCells) {
    return bad("the form's table has " + std::to_string(form.reported.size()) + " columns and " +
               std::to_string(rows.size()) + " rows; at most " + std::to_string(kMaxCells) +
               " cells");
  }
  for (const Element* row : rows) form.items.push_back(orderCells(form.reported, readFields(*row)));
  return form;
}

Element writeForm(const Form& form) {
  Element x("x", ns::kDataForm);
  x.setAttribute("type", nameIn(kFormTypes, form.type));
  if (!form.title.empty()) x.add("title").setText(singleLine(form.title, kMaxLabelBytes));
  writeInstructions(x, form.instructions);
  for (const Field& field : form.fields) writeField(x, field);
  if (!form.reported.empty()) {
    Element& reported = x.add("reported");
    for (const Field& column : form.reported) writeField(reported, column);
  }
  for (const std::vector<Field>& row : form.items) {
    Element& item = x.add("item");
    for (const Field& cell : row) writeField(item, cell);
  }
  return x;
}

std::variant<Command, adhoc::Error> readCommandRequest(const Element& element) {
  Command command;
  command.node = element.attribute("node");
  command.session_id = element.attribute("sessionid");
  if (command.node.empty() || command.node.size() > kMaxIdBytes) {
    command.node.clear();
    command.session_id.clear();
    return refuse(command, CommandCondition::kNone, "the command's node is missing or too long");
  }
  if (command.session_id.size() > kMaxIdBytes) {
    command.session_id.clear();
    return refuse(command, CommandCondition::kBadSessionId, "the session id is too long");
  }
  if (element.hasAttribute("action")) {
    command.action = valueIn(kActions, element.attribute("action"));
    if (!command.action) {
      return refuse(command, CommandCondition::kMalformedAction,
                    "'" + singleLine(element.attribute("action"), 64) +
                        "' is not an action; there are execute, next, prev, complete and cancel");
    }
  }
  command.wants_reply = element.child("want", ns::kReply) != nullptr;
  // Whoever goes back or gives up may leave the form in whatever state it was.
  if (command.action == Action::kPrev || command.action == Action::kCancel) return command;
  for (const Element& child : element.children()) {
    if (!child.is("x", ns::kDataForm)) continue;
    if (command.form) {
      return refuse(command, CommandCondition::kBadPayload, "the command has more than one form");
    }
    auto form = readForm(child);
    const Status status = form ? checkSubmitted(*form) : form.status();
    if (!status) return refuse(command, CommandCondition::kBadPayload, status.text());
    command.form = std::move(*form);
  }
  return command;
}

Result<Command> readCommandResult(const Element& element) {
  if (!element.is("command", ns::kCommands)) {
    return bad("the answer is <" + singleLine(element.name(), 64) + "/> instead of a command");
  }
  Command command;
  command.node = element.attribute("node");
  command.session_id = element.attribute("sessionid");
  command.status =
      valueIn(kStatuses, element.attribute("status")).value_or(CommandStatus::kCompleted);
  for (const Element& child : element.children()) {
    if (child.is("actions", ns::kCommands)) {
      command.actions = readActions(child);
    } else if (child.is("note", ns::kCommands)) {
      const auto type = valueIn(kNoteTypes, child.attribute("type"));
      command.notes.push_back({type.value_or(NoteType::kInfo), child.text()});
    } else if (child.is("x", ns::kDataForm) && !command.form) {
      auto form = readForm(child);
      if (!form) return form.status();
      command.form = std::move(*form);
    } else if (child.is("reply", ns::kReply)) {
      if (const Status status = readReply(child, command); !status) return status;
    }
  }
  return command;
}

Element writeCommand(const Command& command) {
  Element out("command", ns::kCommands);
  out.setAttribute("node", command.node);
  if (!command.session_id.empty()) out.setAttribute("sessionid", command.session_id);
  if (command.action) out.setAttribute("action", nameIn(kActions, *command.action));
  if (command.status) out.setAttribute("status", nameIn(kStatuses, *command.status));
  if (command.actions) out.add(writeActions(*command.actions));
  for (const Note& note : command.notes) {
    Element& element = out.add("note");
    element.setAttribute("type", nameIn(kNoteTypes, note.type));
    element.setText(cleanText(note.text, limits::kMaxReplyTextBytes));
  }
  if (command.form) out.add(writeForm(*command.form));
  if (command.wants_reply) out.add("want", ns::kReply);
  if (!command.reply_type.empty()) {
    Element& reply = out.add("reply", ns::kReply);
    reply.setAttribute("type", command.reply_type);
    if (command.reply_parts > 0) {
      reply.setAttribute("part", std::to_string(command.reply_part));
      reply.setAttribute("parts", std::to_string(command.reply_parts));
    }
    reply.setText(toBase64(command.reply_bytes));
  }
  return out;
}

StanzaError writeError(const adhoc::Error& error) {
  StanzaError out{.condition = conditionOf(error.condition), .text = error.text};
  if (error.command_condition != CommandCondition::kNone) {
    out.application = Element(nameIn(kCommandConditions, error.command_condition), ns::kCommands);
  }
  return out;
}

std::optional<Element> commandBesideError(const adhoc::Error& error) {
  if (error.session_id.empty()) return std::nullopt;
  Element command("command", ns::kCommands);
  command.setAttribute("node", error.node);
  command.setAttribute("sessionid", error.session_id);
  return command;
}

CommandCondition readCommandCondition(const StanzaError& error) {
  if (!error.application || error.application->ns() != ns::kCommands) {
    return CommandCondition::kNone;
  }
  return valueIn(kCommandConditions, error.application->name()).value_or(CommandCondition::kNone);
}

Condition conditionOf(ErrorCondition condition) {
  for (const auto& [ours, theirs] : kConditionPairs) {
    if (ours == condition) return theirs;
  }
  return Condition::kInternalServerError;
}

ErrorCondition adhocConditionOf(Condition condition) {
  for (const auto& [ours, theirs] : kConditionPairs) {
    if (theirs == condition) return ours;
  }
  switch (codeFor(condition)) {
    case Code::kForbidden:
      return ErrorCondition::kForbidden;
    case Code::kNotFound:
      return ErrorCondition::kItemNotFound;
    case Code::kUnavailable:
      return ErrorCondition::kServiceUnavailable;
    case Code::kInvalidArgument:
      return ErrorCondition::kBadRequest;
    case Code::kResourceExhausted:
      return ErrorCondition::kResourceConstraint;
    case Code::kConflict:
      return ErrorCondition::kConflict;
    default:
      return ErrorCondition::kInternalServerError;
  }
}

std::string toBase64(const std::string& bytes) {
  return QByteArray::fromRawData(bytes.data(), static_cast<int>(bytes.size()))
      .toBase64()
      .toStdString();
}

std::optional<std::string> fromBase64(const std::string& text) {
  const QByteArray encoded = QByteArray::fromRawData(text.data(), static_cast<int>(text.size()));
  const auto decoded =
      QByteArray::fromBase64Encoding(encoded, QByteArray::AbortOnBase64DecodingErrors);
  // Encoding it again shows missing padding and stray bits.
  if (!decoded || decoded.decoded.toBase64() != encoded) return std::nullopt;
  return decoded.decoded.toStdString();
}

}  // namespace muster::xmpp
