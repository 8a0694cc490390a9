#include "coordinator/cli/exec_form.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;

// Names of other people's fields are shown, whatever they are.
std::string shown(const std::string& text) {
  return "'" + singleLine(text, limits::kMaxNameBytes) + "'";
}

Status wrong(const Field& field, const std::string& text) {
  return {Code::kInvalidArgument, singleLine(field.var, limits::kMaxNameBytes) + " " + text,
          field.var};
}

bool isList(FieldType type) {
  return type == FieldType::kListSingle || type == FieldType::kListMulti;
}

std::vector<std::string> optionNames(const Field& field) {
  std::vector<std::string> names;
  for (const adhoc::Option& option : field.options) {
    // "Nothing" is an option in some forms; nobody has to type it.
    if (option.value.empty()) continue;
    names.push_back(singleLine(option.value, limits::kMaxNameBytes));
  }
  return names;
}

Result<std::string> checkBoolean(const Field& field, const std::string& value) {
  const std::string word = asciiLower(value);
  if (word == "true" || word == "1" || word == "yes") return std::string("true");
  if (word == "false" || word == "0" || word == "no") return std::string("false");
  return wrong(field, "can't be " + shown(value) + "; it wants yes or no");
}

Result<std::string> checkOption(const Field& field, const std::string& value) {
  if (field.options.empty()) return value;
  for (const adhoc::Option& option : field.options) {
    if (option.value == value) return option.value;
  }
  for (const adhoc::Option& option : field.options) {
    if (asciiLower(option.label) == asciiLower(value)) return option.value;
  }
  return wrong(field, "can't be " + shown(value) + suggestion(value, optionNames(field)));
}

Result<std::string> checkJid(const Field& field, const std::string& value) {
  const auto jid = Jid::parse(value);
  if (!jid) return wrong(field, "can't be " + shown(value) + ": " + jid.status().text());
  return jid->toString();
}

Result<std::string> checkValue(const Field& field, const std::string& value) {
  const FieldType type = typeOf(field);
  if (!isValidUtf8(value)) return wrong(field, "is not UTF-8");
  if (type == FieldType::kBoolean) return checkBoolean(field, value);
  if (isList(type)) return checkOption(field, value);
  if (type == FieldType::kJidSingle || type == FieldType::kJidMulti) return checkJid(field, value);
  if (type != FieldType::kTextMulti && value.find('\n') != std::string::npos) {
    return wrong(field, "is one line; it can't have a line break");
  }
  return value;
}

std::vector<std::string> withoutEmpty(std::vector<std::string> values) {
  values.erase(std::remove(values.begin(), values.end(), ""), values.end());
  return values;
}

}  // namespace

Result<Given> parseGiven(const std::vector<std::string>& words) {
  Given given;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status(Code::kInvalidArgument,
                    shown(word) + " is not name=value; the command's fields are given so");
    }
    given[word.substr(0, equals)].push_back(word.substr(equals + 1));
  }
  return given;
}

Result<std::vector<std::string>> namedValues(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool option = word.size() > 2 && word.starts_with("--");
    const std::string name = option ? word.substr(2) : word;
    if (name.find('=') != std::string::npos) {
      out.push_back(name);
    } else if (!option) {
      return Status(Code::kInvalidArgument,
                    shown(word) + " needs the name of its field, as --NAME " +
                        singleLine(word, limits::kMaxNameBytes) +
                        "; words by their order are for Muster's own commands");
    } else if (i + 1 < words.size() && !words[i + 1].starts_with("--")) {
      out.push_back(name + "=" + words[++i]);
    } else {
      out.push_back(name + "=true");
    }
  }
  return out;
}

bool isAsked(const Field& field) {
  return !field.var.empty() && field.type != FieldType::kFixed && field.type != FieldType::kHidden;
}

FieldType typeOf(const Field& field) {
  return field.type.value_or(FieldType::kTextSingle);
}

bool takesSeveral(FieldType type) {
  return type == FieldType::kJidMulti || type == FieldType::kListMulti ||
         type == FieldType::kTextMulti;
}

std::string expectationOf(const Field& field) {
  switch (typeOf(field)) {
    case FieldType::kBoolean:
      return "yes or no";
    case FieldType::kListSingle:
      return field.options.empty() ? "text" : "one of " + joinWithAnd(optionNames(field));
    case FieldType::kListMulti:
      return field.options.empty() ? "several texts" : "some of " + joinWithAnd(optionNames(field));
    case FieldType::kJidSingle:
      return "an address";
    case FieldType::kJidMulti:
      return "addresses";
    case FieldType::kTextMulti:
      return "lines of text";
    case FieldType::kTextPrivate:
      return "a secret text";
    case FieldType::kFixed:
    case FieldType::kHidden:
    case FieldType::kTextSingle:
      break;
  }
  return "text";
}

Result<std::vector<std::string>> checkValues(const Field& field,
                                             const std::vector<std::string>& values) {
  const FieldType type = typeOf(field);
  if (values.size() > 1 && !takesSeveral(type)) {
    return wrong(field, "is given " + std::to_string(values.size()) + " times; it takes one value");
  }
  std::vector<std::string> out;
  for (const std::string& value : values) {
    // An empty value is "nothing", unless it is one of the options.
    if (value.empty() && !isList(type)) continue;
    auto checked = checkValue(field, value);
    if (!checked) return checked.status();
    out.push_back(std::move(checked).value());
  }
  return out;
}

Filled fillForm(const Form& form, const Given& given) {
  Filled filled;
  filled.form.type = adhoc::FormType::kSubmit;
  for (const Field& field : form.fields) {
    if (field.var.empty() || field.type == FieldType::kFixed) continue;
    Field out;
    out.var = field.var;
    out.type = field.type;
    out.values = field.values;
    const auto found = given.find(field.var);
    if (found != given.end() && isAsked(field)) {
      auto values = checkValues(field, found->second);
      if (values) {
        out.values = std::move(values).value();
      } else {
        filled.errors.push_back(values.status());
      }
    }
    if (isAsked(field) && field.required && withoutEmpty(out.values).empty() &&
        found == given.end()) {
      const std::string label = singleLine(field.label, limits::kMaxNameBytes);
      filled.errors.push_back(wrong(field, "is missing" +
                                               (label.empty() ? "" : " (" + label + ")") +
                                               "; it wants " + expectationOf(field)));
    } else if (isAsked(field) && field.required && found != given.end() &&
               withoutEmpty(out.values).empty()) {
      filled.errors.push_back(wrong(field, "must not be empty; it wants " + expectationOf(field)));
    }
    filled.form.fields.push_back(std::move(out));
  }
  for (const auto& [name, values] : given) {
    const Field* field = form.find(name);
    if (field == nullptr || !isAsked(*field)) filled.unknown.push_back(name);
  }
  return filled;
}

std::string fieldSuggestion(const Form& form, const std::string& name) {
  std::vector<std::string> names;
  for (const Field& field : form.fields) {
    if (isAsked(field)) names.push_back(field.var);
  }
  if (names.empty()) return "; its form asks for nothing";
  return suggestion(name, names);
}

}  // namespace muster::cli
