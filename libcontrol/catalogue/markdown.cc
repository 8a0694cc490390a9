#include "libcontrol/catalogue/markdown.h"

#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/text.h"
#include "muster/cluster.pb.h"
#include "muster/common.pb.h"
#include "muster/node.pb.h"

namespace muster::catalogue {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::ServiceDescriptor;

// Text in a cell of a table: '|' would end it.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : singleLine(text, 4096)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out.empty() ? "-" : out;
}

std::string code(const std::string& text) {
  return "`" + text + "`";
}

std::string typeName(const FieldDescriptor& field) {
  if (isDuration(field)) return "milliseconds";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "hex" : "text";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "number";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return field.message_type()->name();
    case FieldDescriptor::CPPTYPE_ENUM:
      return joinWithOr(enumLabels(*field.enum_type()));
    default:
      return "whole number";
  }
}

void addFields(const Descriptor& message, const std::string& prefix, int depth, std::string& out) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string name = prefix + field.name() + (field.is_repeated() ? "[]" : "");
    const bool nested = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    std::string type = nested ? (field.is_repeated() ? "list" : "object") : typeName(field);
    if (field.has_presence() && !nested) type += ", or null";
    out += "| " + code(name) + " | " + cell(type) + " | " + cell(fieldLabel(field)) + " |\n";
    if (nested && depth < 4) addFields(*field.message_type(), name + ".", depth + 1, out);
  }
}

void addArguments(const Command& command, std::string& out) {
  if (command.arguments.empty()) {
    out += "It takes no arguments.\n\n";
    return;
  }
  out += "| argument | value | meaning |\n|---|---|---|\n";
  for (const Argument& argument : command.arguments) {
    std::string name = code(argument.name);
    if (argument.position > 0) name += " (word " + std::to_string(argument.position) + ")";
    std::string value = argument.expectation();
    if (argument.type == Type::kString && !argument.choices.empty()) {
      value += ", at most " + std::to_string(argument.max_length) + " bytes";
    }
    if (argument.required) value += "; required";
    std::string meaning = argument.help.empty() ? argument.label : argument.help;
    if (argument.role != v1::ROLE_UNSPECIFIED) {
      meaning += " Needs the role " + roleName(argument.role) + ".";
    }
    if (argument.implied_group) meaning += " A group's contact implies it.";
    if (argument.hidden) meaning += " For programs; forms and help don't show it.";
    out += "| " + name + " | " + cell(value) + " | " + cell(meaning) + " |\n";
  }
  out += "\n";
}

void addTraits(const Command& command, std::string& out) {
  out += "Role: " + roleName(command.role) + ".";
  if (command.immediate) out += " Answers at once, without a form.";
  if (command.confirm) out += " Asked for in chat, it wants a one-time code back.";
  if (command.changes) out += " Changes are written to the audit trail.";
  out += "\n\n";
}

void addCommand(const Command& command, std::string& out) {
  static const OpenDirectory kAnyName;
  const Scope everything{v1::ROLE_ADMIN, "", &kAnyName};
  out += "### " + command.verb + "\n\n" + command.title + ". " + command.help + "\n\n";
  addTraits(command, out);
  out += "```\n" + usageLine(command, everything, Grammar::kChat) + "\n" +
         usageLine(command, everything, Grammar::kCli) + "\n```\n\n";
  addArguments(command, out);
  if (!command.examples.empty()) {
    out += "Examples:\n\n```\n";
    for (const std::string& example : command.examples) {
      out += command.verb + (example.empty() ? "" : " " + example) + "\n";
    }
    out += "```\n\n";
  }
  const Descriptor& reply = *command.method->output_type();
  if (reply.field_count() == 0) {
    out += "The reply is empty.\n\n";
    return;
  }
  out += "| reply field | value | meaning |\n|---|---|---|\n";
  addFields(reply, "", 0, out);
  out += "\n";
}

}  // namespace

std::string commandsMarkdown(const std::vector<DocSection>& sections) {
  std::string out =
      "# Commands\n\n"
      "Made by `muster docs` from the command definitions; not edited by hand.\n\n"
      "In chat a command is a line, `verb [word ...] [name=value ...]`; `help` lists those that "
      "you\n"
      "may call. On the command line it is `muster verb [word ...] [--name value ...]`. A "
      "form-capable\n"
      "client lists the same commands (XEP-0050); the node of each is its verb. Durations are "
      "written\n"
      "with their units, such as `90s`, `10m` or `2h`. Reply fields are named as in `-o json`.\n\n";
  for (const DocSection& section : sections) {
    out += "## " + section.title + "\n\n";
    if (!section.intro.empty()) out += section.intro + "\n\n";
    for (const Command& command : section.catalogue->commands()) addCommand(command, out);
  }
  // One line feed at the end, not two.
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

Result<std::string> musterCommandsMarkdown() {
  const auto service = [](const google::protobuf::FileDescriptor* file, const char* name) {
    return file->FindServiceByName(name);
  };
  const auto cluster =
      Catalogue::build({service(v1::StatusRequest::descriptor()->file(), "ClusterCommands")});
  if (!cluster) return cluster.status();
  const auto node =
      Catalogue::build({service(v1::LogLevelRequest::descriptor()->file(), "NodeCommands")});
  if (!node) return node.status();
  return commandsMarkdown({
      {"Commands of the coordinator",
       "Sent to the coordinator's address, or to a group's contact "
       "(`storage@muster.example.org`),\n"
       "which implies the group.",
       &*cluster},
      {"Commands of a node", "Sent to the node's own full JID.", &*node},
  });
}

}  // namespace muster::catalogue
