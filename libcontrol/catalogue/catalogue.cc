#include "libcontrol/catalogue/catalogue.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/common.pb.h"

namespace muster::catalogue {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// Words of our own in chat, and no command's.
const std::set<std::string> kReservedVerbs = {"help", "confirm", "cancel"};

Status mistake(const std::string& where, const std::string& what) {
  return {Code::kInternal, "definition of " + where + ": " + what};
}

// Lower-case letters, digits and single '-': fit for a chat line, a flag and an XEP-0050 node.
bool isPlainName(const std::string& name) {
  if (name.empty() || name.size() > limits::kMaxNameBytes) return false;
  if (!std::islower(static_cast<unsigned char>(name.front())) || name.back() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool isOneLine(const std::string& text) {
  return singleLine(text, std::numeric_limits<size_t>::max()) == text;
}

Result<Type> typeOf(const FieldDescriptor& field, const v1::ArgumentOptions& options) {
  if (options.unit() == "ms") {
    const auto type = field.cpp_type();
    if (type == FieldDescriptor::CPPTYPE_UINT64 || type == FieldDescriptor::CPPTYPE_INT64 ||
        type == FieldDescriptor::CPPTYPE_UINT32 || type == FieldDescriptor::CPPTYPE_INT32) {
      return Type::kDuration;
    }
    return mistake(field.full_name(), "the unit \"ms\" wants an integer field");
  }
  if (!options.unit().empty()) {
    return mistake(field.full_name(), "unknown unit \"" + options.unit() + "\"; there is \"ms\"");
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_STRING) return Type::kString;
      return mistake(field.full_name(), "bytes can't be written as an argument; use a string");
    case FieldDescriptor::CPPTYPE_BOOL:
      return Type::kBool;
    case FieldDescriptor::CPPTYPE_ENUM:
      return Type::kEnum;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return Type::kInteger;
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Type::kDouble;
    default:
      return mistake(field.full_name(), "a message can't be an argument");
  }
}

Status checkArgument(const Argument& argument, const v1::ArgumentOptions& options) {
  const std::string& where = argument.field->full_name();
  if (!isPlainName(argument.name)) {
    return mistake(where, "the name \"" + argument.name +
                              "\" is not made of lower-case letters, digits and '-'");
  }
  if (!isOneLine(argument.label)) return mistake(where, "the label has a line break");
  if (!isOneLine(argument.help)) return mistake(where, "the help has a line break");
  if (argument.type == Type::kEnum && argument.labels.empty()) {
    return mistake(where, "no value of the enum has a label, so none can be given");
  }
  const bool number = argument.type == Type::kInteger || argument.type == Type::kDouble ||
                      argument.type == Type::kDuration;
  if (argument.has_range && !number) return mistake(where, "min and max are for numbers");
  if (argument.has_range && argument.min > argument.max) {
    return mistake(where, "min is greater than max");
  }
  if (argument.or_forever && argument.type != Type::kDuration) {
    return mistake(where, "or_forever is for durations");
  }
  if (argument.or_forever && argument.min <= 0) {
    return mistake(where, "or_forever stores 0, so min must be above it");
  }
  if (argument.type != Type::kString && !argument.choices.empty()) {
    return mistake(where, "choices are for strings");
  }
  if (argument.type != Type::kString && options.max_length() != 0) {
    return mistake(where, "max_length is for strings");
  }
  if (argument.implied_group && argument.type != Type::kString) {
    return mistake(where, "implied_group is for strings");
  }
  if (argument.harmless && argument.type != Type::kBool) {
    return mistake(where, "harmless is for yes/no arguments");
  }
  if (argument.rest && (argument.type != Type::kString || argument.position == 0)) {
    return mistake(where, "rest is for strings with a position");
  }
  if (argument.hidden && argument.required) {
    return mistake(where, "a hidden argument can't be required: nobody is asked for it");
  }
  if (argument.role == v1::ROLE_COORDINATOR) {
    return mistake(where, "the coordinator's role calls no command");
  }
  return Status::ok();
}

Result<Argument> readArgument(const FieldDescriptor& field) {
  const v1::ArgumentOptions& options = field.options().GetExtension(v1::arg);
  if (field.is_repeated() || !field.has_presence() ||
      field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE || field.real_containing_oneof()) {
    return mistake(field.full_name(),
                   "a request field is an `optional` scalar, so that not given differs from zero");
  }
  const auto type = typeOf(field, options);
  if (!type) return type.status();
  Argument argument;
  argument.field = &field;
  argument.name = options.name();
  if (argument.name.empty()) {
    argument.name = field.name();
    std::replace(argument.name.begin(), argument.name.end(), '_', '-');
  }
  argument.label = fieldLabel(field);
  argument.help = options.help();
  argument.type = *type;
  if (*type == Type::kEnum) argument.labels = enumLabels(*field.enum_type());
  argument.position = options.position();
  argument.required = options.required();
  argument.role = options.role();
  argument.has_range = options.min() != 0 || options.max() != 0;
  argument.min = options.min();
  argument.max = options.max();
  argument.max_length = options.max_length() == 0
                            ? limits::kMaxArgumentBytes
                            : std::min<size_t>(options.max_length(), limits::kMaxArgumentBytes);
  argument.choices = options.choices();
  argument.implied_group = options.implied_group();
  argument.hidden = options.hidden();
  argument.harmless = options.harmless();
  argument.or_forever = options.or_forever();
  argument.rest = options.rest();
  if (const Status status = checkArgument(argument, options); !status) return status;
  return argument;
}

Status checkPositions(const Command& command) {
  std::set<int> seen;
  for (const Argument& argument : command.arguments) {
    if (argument.position == 0) continue;
    if (argument.position < 0 || !seen.insert(argument.position).second) {
      return mistake(argument.field->full_name(),
                     "position " + std::to_string(argument.position) +
                         " is taken or negative; they count 1, 2, ...");
    }
    if (argument.hidden) {
      return mistake(argument.field->full_name(), "a hidden argument can't have a position");
    }
  }
  if (!seen.empty() && *seen.rbegin() != static_cast<int>(seen.size())) {
    return mistake(command.method->input_type()->full_name(),
                   "the positions have a gap; they count 1, 2, ...");
  }
  const auto order = command.positionals();
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->rest) {
      return mistake(order[i]->field->full_name(), "nothing is left for it by the one before");
    }
    // A group's contact implies the group, so others may well follow it as required.
    if (order[i]->required && !order[i - 1]->required) {
      return mistake(order[i]->field->full_name(),
                     "it is required but stands after one that may be left out");
    }
  }
  return Status::ok();
}

// Rows of a table are flat: scalars, lists of scalars and messages of scalars. A level counts as a
// scalar, and what is only for programs doesn't count.
Status checkRow(const Descriptor& row, int depth) {
  for (int i = 0; i < row.field_count(); ++i) {
    const FieldDescriptor& field = *row.field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || isHidden(field)) continue;
    if (field.message_type() == v1::Level::descriptor() && !field.is_repeated()) continue;
    if (field.is_repeated() || depth > 0) {
      return mistake(field.full_name(), "a row of a reply can't hold further rows");
    }
    if (const Status status = checkRow(*field.message_type(), depth + 1); !status) return status;
  }
  return Status::ok();
}

Status checkReply(const Descriptor& reply) {
  for (int i = 0; i < reply.field_count(); ++i) {
    const FieldDescriptor& field = *reply.field(i);
    if (!isOneLine(fieldLabel(field))) return mistake(field.full_name(), "line break in the label");
    if (field.is_map()) return mistake(field.full_name(), "a reply can't hold a map");
    if (isOmittedEmpty(field) && !field.is_repeated() && !field.has_presence()) {
      return mistake(field.full_name(), "omit_empty is for lists and optional fields");
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || isHidden(field)) continue;
    const int depth = field.is_repeated() ? 0 : 1;
    if (const Status status = checkRow(*field.message_type(), depth); !status) return status;
  }
  return Status::ok();
}

Status checkCommand(const Command& command) {
  const std::string& where = command.method->full_name();
  if (command.verb.empty()) return mistake(where, "the option `verb` is missing");
  if (!isPlainName(command.verb)) {
    return mistake(where, "the verb \"" + command.verb +
                              "\" is not made of lower-case letters, digits and '-'");
  }
  if (kReservedVerbs.count(command.verb) > 0) {
    return mistake(where, "the verb \"" + command.verb + "\" is one of the chat's own words");
  }
  if (command.title.empty() || !isOneLine(command.title)) {
    return mistake(where, "the option `title` is missing or has a line break");
  }
  if (command.help.empty() || !isOneLine(command.help)) {
    return mistake(where, "the option `help` is missing or has a line break");
  }
  if (command.role == v1::ROLE_UNSPECIFIED || command.role == v1::ROLE_COORDINATOR) {
    return mistake(where, "the option `role` must be observer, operator or admin");
  }
  if (command.immediate && command.confirm) {
    return mistake(where, "a command that asks back can't be immediate: the form is where it asks");
  }
  if (command.method->client_streaming() || command.method->server_streaming()) {
    return mistake(where, "a command has one request and one reply, no stream");
  }
  std::set<std::string> names;
  for (const Argument& argument : command.arguments) {
    if (!names.insert(argument.name).second) {
      return mistake(argument.field->full_name(), "the name \"" + argument.name + "\" is taken");
    }
    if (command.immediate && argument.required && !argument.implied_group) {
      return mistake(argument.field->full_name(),
                     "an immediate command is run without asking, so nothing can be required");
    }
  }
  if (const Status status = checkPositions(command); !status) return status;
  return checkReply(*command.method->output_type());
}

Result<Command> readCommand(const MethodDescriptor& method) {
  const v1::CommandOptions& options = method.options().GetExtension(v1::command);
  Command command;
  command.method = &method;
  command.verb = options.verb();
  command.title = options.title();
  command.help = options.help();
  command.role = options.role();
  command.immediate = options.immediate();
  command.confirm = options.confirm();
  command.changes = options.changes();
  command.examples.assign(options.examples().begin(), options.examples().end());
  const Descriptor& request = *method.input_type();
  for (int i = 0; i < request.field_count(); ++i) {
    auto argument = readArgument(*request.field(i));
    if (!argument) return argument.status();
    command.arguments.push_back(std::move(argument).value());
  }
  if (const Status status = checkCommand(command); !status) return status;
  return command;
}

std::unique_ptr<google::protobuf::Message> newMessage(const Descriptor* descriptor) {
  // The generated classes, whose pool the services come from: handlers cast to them.
  return std::unique_ptr<google::protobuf::Message>(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

bool reaches(Role has, Role needs) {
  if (has < v1::ROLE_OBSERVER || has > v1::ROLE_ADMIN) return false;
  return has >= needs;
}

const std::string& roleName(Role role) {
  static const std::string kNone;
  const EnumValueDescriptor* value = v1::Role_descriptor()->FindValueByNumber(role);
  return value == nullptr ? kNone : value->options().GetExtension(v1::label);
}

std::string enumLabel(const EnumValueDescriptor& value) {
  return value.options().GetExtension(v1::label);
}

std::vector<std::string> enumLabels(const EnumDescriptor& type) {
  std::vector<std::string> labels;
  for (int i = 0; i < type.value_count(); ++i) {
    std::string label = enumLabel(*type.value(i));
    if (!label.empty()) labels.push_back(std::move(label));
  }
  return labels;
}

std::string fieldLabel(const FieldDescriptor& field) {
  const std::string& label = field.options().GetExtension(v1::arg).label();
  if (!label.empty()) return label;
  std::string out = field.name();
  std::replace(out.begin(), out.end(), '_', ' ');
  out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

bool isHidden(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::arg).hidden();
}

bool isOmittedEmpty(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::arg).omit_empty();
}

bool isLines(const FieldDescriptor& field) {
  return field.is_repeated() && field.type() == FieldDescriptor::TYPE_STRING;
}

bool isDuration(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::arg).unit() == "ms";
}

std::string Argument::placeholder() const {
  switch (type) {
    case Type::kBool:
      return "yes|no";
    case Type::kEnum:
      return upper(name);
    case Type::kInteger:
    case Type::kDouble:
      return "NUMBER";
    case Type::kDuration:
      return or_forever ? "DURATION|forever" : "DURATION";
    case Type::kString:
      break;
  }
  return upper(name);
}

std::string Argument::range() const {
  if (!has_range) return {};
  const auto text = [this](int64_t n) {
    return type == Type::kDuration ? formatDuration(Duration::millis(n)) : std::to_string(n);
  };
  return text(min) + " to " + text(max);
}

std::string Argument::expectation() const {
  const std::string bounds = has_range ? " from " + range() : "";
  switch (type) {
    case Type::kBool:
      return "yes or no";
    case Type::kEnum:
      return labels.size() == 1 ? "only " + labels[0] : joinWithOr(labels);
    case Type::kInteger:
      return "a whole number" + bounds;
    case Type::kDouble:
      return "a number" + bounds;
    case Type::kDuration:
      return "a duration" + bounds + ", such as 90s, 10m or 2h" +
             (or_forever ? ", or forever" : "");
    case Type::kString:
      break;
  }
  if (!choices.empty()) return "one of the " + choices;
  return "text of at most " + std::to_string(max_length) + " bytes";
}

const Argument* Command::find(std::string_view name) const {
  for (const Argument& argument : arguments) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
}

std::vector<const Argument*> Command::positionals() const {
  std::vector<const Argument*> out;
  for (const Argument& argument : arguments) {
    if (argument.position > 0) out.push_back(&argument);
  }
  std::sort(out.begin(), out.end(),
            [](const Argument* a, const Argument* b) { return a->position < b->position; });
  return out;
}

std::vector<std::string> Command::argumentNames(Role role_of_caller) const {
  std::vector<std::string> names;
  for (const Argument& argument : arguments) {
    if (!argument.hidden && reaches(role_of_caller, argument.role)) names.push_back(argument.name);
  }
  return names;
}

std::unique_ptr<google::protobuf::Message> Command::newRequest() const {
  return newMessage(method->input_type());
}

std::unique_ptr<google::protobuf::Message> Command::newReply() const {
  return newMessage(method->output_type());
}

Result<std::unique_ptr<google::protobuf::Message>> Command::parseReply(
    std::string_view type, std::string_view bytes) const {
  if (type != method->output_type()->full_name()) {
    return Status(Code::kDataLoss, "the reply to " + verb + " is a '" + singleLine(type, 80) +
                                       "' where a '" + method->output_type()->full_name() +
                                       "' was expected; do both sides run the same version?");
  }
  auto reply = newReply();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !reply->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Status(Code::kDataLoss, "the reply to " + verb + " can't be read");
  }
  return reply;
}

Result<Catalogue> Catalogue::build(const std::vector<const ServiceDescriptor*>& services) {
  Catalogue catalogue;
  std::set<std::string> verbs;
  std::set<std::string> methods;
  for (const ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      auto command = readCommand(*service->method(i));
      if (!command) return command.status();
      if (!verbs.insert(command->verb).second) {
        return mistake(command->method->full_name(), "the verb \"" + command->verb + "\" is taken");
      }
      if (!methods.insert(command->method->name()).second) {
        return mistake(command->method->full_name(), "an rpc of this name is there already");
      }
      catalogue.commands_.push_back(std::move(command).value());
    }
  }
  return catalogue;
}

const Command* Catalogue::find(std::string_view verb) const {
  const std::string wanted = asciiLower(verb);
  for (const Command& command : commands_) {
    if (command.verb == wanted) return &command;
  }
  return nullptr;
}

const Command* Catalogue::findMethod(std::string_view rpc_name) const {
  for (const Command& command : commands_) {
    if (command.method->name() == rpc_name) return &command;
  }
  return nullptr;
}

std::vector<const Command*> Catalogue::visible(Role role) const {
  std::vector<const Command*> out;
  for (const Command& command : commands_) {
    if (reaches(role, command.role)) out.push_back(&command);
  }
  return out;
}

std::vector<std::string> Catalogue::verbs(Role role) const {
  std::vector<std::string> out;
  for (const Command* command : visible(role)) out.push_back(command->verb);
  return out;
}

}  // namespace muster::catalogue
