#include "libcontrol/catalogue/binding.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/chat_line.h"

namespace muster::catalogue {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string inQuotes(std::string_view text) {
  return "'" + singleLine(text, 60) + "'";
}

// What was quoted, quoted again, so that it stays one word among others. A pattern between slashes
// needs no quotes.
std::string asOneWord(const std::string& word) {
  const bool pattern = word.size() > 2 && word.front() == '/' && word.back() == '/';
  if (pattern || word.find_first_of(" \t") == std::string::npos) return word;
  const bool negated = word.front() == '-';
  std::string out = negated ? "-\"" : "\"";
  for (const char c : word.substr(negated ? 1 : 0)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Binds one request; holds what was found wrong so far.
class Binder {
 public:
  Binder(const Command& command, const Scope& scope) : command_(command), scope_(scope) {
    bound_.request = command.newRequest();
  }

  Bound run(const RawArguments& raw) {
    if (raw.positionals.size() + raw.named.size() > limits::kMaxArguments) {
      fail(Code::kInvalidArgument, {},
           "too many arguments; at most " + std::to_string(limits::kMaxArguments));
      return finish();
    }
    takePositionals(raw.positionals);
    for (const auto& [name, value] : raw.named) takeNamed(name, value);
    for (const Argument& argument : command_.arguments) {
      const auto value = values_.find(&argument);
      if (argument.implied_group && !scope_.group.empty()) {
        setImpliedGroup(argument, value == values_.end() ? nullptr : &value->second);
      } else if (value != values_.end()) {
        setChecked(argument, value->second);
      } else if (argument.required && !refused(argument)) {
        fail(Code::kInvalidArgument, argument.name,
             argument.name + " is missing; it wants " + expected(argument));
      }
    }
    return finish();
  }

 private:
  Bound finish() {
    if (!bound_.errors.empty()) bound_.request.reset();
    return std::move(bound_);
  }

  void fail(Code code, const std::string& field, std::string text) {
    bound_.errors.emplace_back(code, std::move(text), field);
  }

  // Whether it already has its error: one argument, one complaint.
  bool refused(const Argument& argument) const {
    return std::any_of(bound_.errors.begin(), bound_.errors.end(),
                       [&](const Status& error) { return error.field() == argument.name; });
  }

  std::string expected(const Argument& argument) const {
    if (!argument.choices.empty()) {
      const auto names = scope_.directory->names(argument.choices);
      if (!names.empty() && names.size() <= 10) return "one of " + joinWithAnd(names);
    }
    return argument.expectation();
  }

  void takePositionals(const std::vector<std::string>& positionals) {
    std::vector<const Argument*> order = command_.positionals();
    // At a group's contact the group is said by the address, so the words begin after it; somebody
    // may still say it, and is then either right or refused.
    const bool room = positionals.size() < order.size() || takesRest();
    if (!scope_.group.empty() && room && !order.empty() && order.front()->implied_group) {
      const bool said =
          !positionals.empty() && asciiLower(positionals.front()) == asciiLower(scope_.group);
      if (!said) order.erase(order.begin());
    }
    for (size_t i = 0; i < positionals.size(); ++i) {
      if (!order.empty() && order.back()->rest && i + 1 >= order.size()) {
        values_.emplace(order.back(), wordsFrom(positionals, i));
        return;
      }
      if (i >= order.size()) {
        fail(Code::kInvalidArgument, {},
             inQuotes(positionals[i]) + " is one word too many; " + command_.verb + " takes " +
                 takes(order));
        return;
      }
      values_.emplace(order[i], positionals[i]);
    }
  }

  static std::string wordsFrom(const std::vector<std::string>& words, size_t first) {
    std::string out;
    for (size_t i = first; i < words.size(); ++i) {
      if (i > first) out += ' ';
      out += asOneWord(words[i]);
    }
    return out;
  }

  bool takesRest() const {
    const auto order = command_.positionals();
    return !order.empty() && order.back()->rest;
  }

  std::string takes(const std::vector<const Argument*>& order) const {
    std::vector<std::string> words;
    for (const Argument* argument : order) words.push_back(argument->name);
    std::vector<std::string> named;
    for (const Argument& argument : command_.arguments) {
      if (argument.position == 0 && isAsked(argument, scope_)) named.push_back(argument.name + "=");
    }
    std::string text = words.empty() ? "no words" : joinWithAnd(words);
    if (!named.empty()) text += ", and by name " + joinWithAnd(named);
    return text;
  }

  void takeNamed(const std::string& name, const std::string& value) {
    const Argument* argument = command_.find(name);
    if (argument == nullptr) {
      const auto names = command_.argumentNames(scope_.role);
      fail(Code::kInvalidArgument, singleLine(name, limits::kMaxNameBytes),
           command_.verb + " has no argument " + inQuotes(name) +
               (names.empty() ? "; it takes none" : suggestion(name, names)) +
               (takesRest() ? "; in quotes, \"name=value\" is a word like others" : ""));
      return;
    }
    if (!values_.emplace(argument, value).second) {
      fail(Code::kInvalidArgument, argument->name,
           argument->name + " is given twice; give it once, by its place or by its name");
    }
  }

  void setImpliedGroup(const Argument& argument, const std::string* given) {
    if (given != nullptr && asciiLower(*given) != asciiLower(scope_.group)) {
      fail(Code::kInvalidArgument, argument.name,
           argument.name + " is " + scope_.group + " here, not " + inQuotes(*given) +
               "; leave it out, or ask that group's own contact");
      return;
    }
    reflection().SetString(bound_.request.get(), argument.field, scope_.group);
  }

  void setChecked(const Argument& argument, const std::string& value) {
    if (refused(argument)) return;
    if (!reaches(scope_.role, argument.role)) {
      fail(Code::kForbidden, argument.name,
           argument.name + " needs the role " + roleName(argument.role) + "; yours is " +
               roleName(scope_.role));
      return;
    }
    if (argument.role > command_.role) bound_.raised = true;
    if (value.size() > limits::kMaxArgumentBytes || value.size() > argument.max_length) {
      const size_t most = std::min(argument.max_length, limits::kMaxArgumentBytes);
      fail(Code::kInvalidArgument, argument.name,
           argument.name + " is " + std::to_string(value.size()) + " bytes long; at most " +
               std::to_string(most));
      return;
    }
    if (!isValidUtf8(value) || singleLine(value, value.size()) != value) {
      fail(Code::kInvalidArgument, argument.name,
           argument.name + " has control characters or is not UTF-8; write plain text");
      return;
    }
    setValue(argument, value);
  }

  void setValue(const Argument& argument, const std::string& value) {
    switch (argument.type) {
      case Type::kString:
        return setString(argument, value);
      case Type::kBool:
        return setBool(argument, value);
      case Type::kEnum:
        return setEnum(argument, value);
      case Type::kInteger:
        return setInteger(argument, value);
      case Type::kDouble:
        return setDouble(argument, value);
      case Type::kDuration:
        return setDuration(argument, value);
    }
  }

  void notThat(const Argument& argument, std::string_view value) {
    fail(Code::kInvalidArgument, argument.name,
         argument.name + " can't be " + inQuotes(value) + "; it wants " + expected(argument));
  }

  void setString(const Argument& argument, const std::string& value) {
    std::string taken = value;
    if (value.empty() && (argument.required || !argument.choices.empty())) {
      return notThat(argument, value);
    }
    if (!argument.choices.empty()) {
      if (const auto name = scope_.directory->normalise(argument.choices, value)) {
        taken = *name;
      } else if (!scope_.directory->isOpen(argument.choices)) {
        fail(Code::kNotFound, argument.name,
             argument.name + ": there is no " + inQuotes(value) +
                 suggestion(value, scope_.directory->names(argument.choices)));
        return;
      }
    }
    reflection().SetString(bound_.request.get(), argument.field, taken);
  }

  void setBool(const Argument& argument, const std::string& value) {
    const std::string word = asciiLower(value);
    if (word == "true" || word == "1" || word == "yes") {
      reflection().SetBool(bound_.request.get(), argument.field, true);
    } else if (word == "false" || word == "0" || word == "no") {
      reflection().SetBool(bound_.request.get(), argument.field, false);
    } else {
      notThat(argument, value);
    }
  }

  void setEnum(const Argument& argument, const std::string& value) {
    const auto& type = *argument.field->enum_type();
    const std::string wanted = asciiLower(value);
    for (int i = 0; i < type.value_count(); ++i) {
      const std::string label = enumLabel(*type.value(i));
      if (label.empty() || asciiLower(label) != wanted) continue;
      reflection().SetEnum(bound_.request.get(), argument.field, type.value(i));
      return;
    }
    fail(Code::kInvalidArgument, argument.name,
         argument.name + " can't be " + inQuotes(value) + suggestion(value, argument.labels));
  }

  void setInteger(const Argument& argument, const std::string& value) {
    const bool is_signed = argument.field->cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                           argument.field->cpp_type() == FieldDescriptor::CPPTYPE_INT64;
    const char* end = value.data() + value.size();
    if (is_signed) {
      int64_t number = 0;
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      if (error != std::errc() || stop != end) return notThat(argument, value);
      if (outside(argument, number)) return notThat(argument, value);
      setSigned(argument, value, number);
    } else {
      uint64_t number = 0;
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      if (error != std::errc() || stop != end) return notThat(argument, value);
      if (argument.has_range &&
          (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
           outside(argument, static_cast<int64_t>(number)))) {
        return notThat(argument, value);
      }
      setUnsigned(argument, value, number);
    }
  }

  void setSigned(const Argument& argument, const std::string& value, int64_t number) {
    if (argument.field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      reflection().SetInt64(bound_.request.get(), argument.field, number);
    } else if (number >= std::numeric_limits<int32_t>::min() &&
               number <= std::numeric_limits<int32_t>::max()) {
      reflection().SetInt32(bound_.request.get(), argument.field, static_cast<int32_t>(number));
    } else {
      notThat(argument, value);
    }
  }

  void setUnsigned(const Argument& argument, const std::string& value, uint64_t number) {
    if (argument.field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      reflection().SetUInt64(bound_.request.get(), argument.field, number);
    } else if (number <= std::numeric_limits<uint32_t>::max()) {
      reflection().SetUInt32(bound_.request.get(), argument.field, static_cast<uint32_t>(number));
    } else {
      notThat(argument, value);
    }
  }

  static bool outside(const Argument& argument, int64_t number) {
    return argument.has_range && (number < argument.min || number > argument.max);
  }

  void setDouble(const Argument& argument, const std::string& value) {
    double number = 0;
    const char* end = value.data() + value.size();
    // from_chars knows no locale, so a comma is never a point here.
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stop != end || !std::isfinite(number)) {
      return notThat(argument, value);
    }
    if (argument.has_range && (number < static_cast<double>(argument.min) ||
                               number > static_cast<double>(argument.max))) {
      return notThat(argument, value);
    }
    if (argument.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
      reflection().SetFloat(bound_.request.get(), argument.field, static_cast<float>(number));
    } else {
      reflection().SetDouble(bound_.request.get(), argument.field, number);
    }
  }

  void setDuration(const Argument& argument, const std::string& value) {
    int64_t ms = 0;
    if (!(argument.or_forever && asciiLower(value) == kForeverWord)) {
      const auto duration = parseDuration(value);
      if (!duration) {
        fail(Code::kInvalidArgument, argument.name,
             argument.name + ": " + duration.status().text() +
                 (argument.or_forever ? "; or write forever" : ""));
        return;
      }
      ms = duration->toMillis();
      if (outside(argument, ms)) return notThat(argument, value);
    }
    const auto type = argument.field->cpp_type();
    if (type == FieldDescriptor::CPPTYPE_INT32 || type == FieldDescriptor::CPPTYPE_INT64) {
      setSigned(argument, value, ms);
    } else {
      setUnsigned(argument, value, static_cast<uint64_t>(ms));
    }
  }

  const Reflection& reflection() const { return *bound_.request->GetReflection(); }

  const Command& command_;
  const Scope& scope_;
  std::map<const Argument*, std::string> values_;
  Bound bound_;
};

std::string numberText(const FieldDescriptor& field, const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetUInt64(message, &field));
    default:
      break;
  }
  const double number = field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT
                            ? static_cast<double>(reflection.GetFloat(message, &field))
                            : reflection.GetDouble(message, &field);
  char out[64];
  const auto [end, error] = std::to_chars(out, out + sizeof out, number);
  return error == std::errc() ? std::string(out, end) : std::string();
}

}  // namespace

Bound bind(const Command& command, const RawArguments& raw, const Scope& scope) {
  return Binder(command, scope).run(raw);
}

bool isAsked(const Argument& argument, const Scope& scope) {
  if (argument.hidden || !reaches(scope.role, argument.role)) return false;
  return !(argument.implied_group && !scope.group.empty());
}

std::string argumentText(const Argument& argument, const Message& request) {
  const Reflection& reflection = *request.GetReflection();
  if (!reflection.HasField(request, argument.field)) return {};
  switch (argument.type) {
    case Type::kString:
      return reflection.GetString(request, argument.field);
    case Type::kBool:
      return reflection.GetBool(request, argument.field) ? "true" : "false";
    case Type::kEnum:
      return enumLabel(*reflection.GetEnum(request, argument.field));
    case Type::kDuration: {
      const int64_t ms = std::strtoll(numberText(*argument.field, request).c_str(), nullptr, 10);
      if (argument.or_forever && ms == 0) return kForeverWord;
      return formatDuration(Duration::millis(ms));
    }
    case Type::kInteger:
    case Type::kDouble:
      break;
  }
  return numberText(*argument.field, request);
}

std::string argumentLine(const Command& command, const Message& request) {
  const Reflection& reflection = *request.GetReflection();
  std::string line;
  const auto append = [&line](const std::string& word) {
    if (!line.empty()) line += ' ';
    line += word;
  };
  // Words count from the left: after the first that is missing, the others need their names.
  bool by_place = true;
  std::vector<const Argument*> rest;
  for (const Argument* argument : command.positionals()) {
    // One that takes several words would come back as a single one.
    by_place = by_place && !argument->rest && reflection.HasField(request, argument->field);
    if (by_place) {
      append(quoteWord(argumentText(*argument, request)));
    } else {
      rest.push_back(argument);
    }
  }
  for (const Argument& argument : command.arguments) {
    if (argument.position == 0 && !argument.hidden) rest.push_back(&argument);
  }
  for (const Argument* argument : rest) {
    if (reflection.HasField(request, argument->field)) {
      append(quoteNamed(argument->name, argumentText(*argument, request)));
    }
  }
  return line;
}

Status combine(const std::vector<Status>& errors) {
  if (errors.empty()) return Status::ok();
  if (errors.size() == 1) return errors.front();
  std::string text;
  // What the caller may not do outweighs what they wrote wrongly.
  Code code = errors.front().code();
  for (const Status& error : errors) {
    if (!text.empty()) text += "; ";
    text += error.text();
    if (error.code() == Code::kForbidden)
      code = Code::kForbidden;
    else if (error.code() == Code::kInvalidArgument && code == Code::kNotFound)
      code = error.code();
  }
  return {code, text};
}

}  // namespace muster::catalogue
