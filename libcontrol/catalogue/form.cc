#include "libcontrol/catalogue/form.h"

#include <algorithm>
#include <set>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/reply_view.h"

namespace muster::catalogue {
namespace {

using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using adhoc::FormType;
using google::protobuf::Message;

constexpr char kFormTypeVar[] = "FORM_TYPE";

std::string line(const std::string& text) {
  return singleLine(text, limits::kMaxReplyTextBytes);
}

// One <value/> a line, as text-multi has it.
std::vector<std::string> linesOf(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(line(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

Field formTypeField(const Command& command) {
  Field field;
  field.var = kFormTypeVar;
  field.type = FieldType::kHidden;
  field.values = {formTypeOf(command)};
  return field;
}

Field textField(const std::string& var, const std::string& label, const std::string& text) {
  Field field;
  field.var = var;
  field.type = FieldType::kTextSingle;
  field.label = line(label);
  field.values = {line(text)};
  return field;
}

Form newForm(const Command& command, FormType type) {
  Form form;
  form.type = type;
  form.title = line(command.title);
  form.fields.push_back(formTypeField(command));
  return form;
}

// The names to list for a closed choice; empty if they are to be typed.
std::vector<std::string> listedNames(const Argument& argument, const Scope& scope) {
  if (argument.choices.empty() || scope.directory->isOpen(argument.choices)) return {};
  auto names = scope.directory->names(argument.choices);
  if (names.size() > limits::kMaxListedNames) names.clear();
  return names;
}

void setOptions(Field& field, const std::vector<std::string>& values, bool required) {
  field.type = FieldType::kListSingle;
  // Some clients send the first option if none was chosen, so "nothing" has to be one.
  if (!required) field.options.push_back({"(not set)", ""});
  for (const std::string& value : values) field.options.push_back({line(value), value});
}

std::string typedDescription(const Argument& argument, const Scope& scope) {
  std::string desc = argument.help;
  const bool by_list = argument.type == Type::kEnum || argument.type == Type::kBool;
  if (!by_list && !argument.choices.empty()) {
    const auto names = scope.directory->names(argument.choices);
    if (!names.empty() && names.size() <= limits::kMaxListedNames) {
      desc += (desc.empty() ? "" : " ") + std::string("Known: ") + joinWithAnd(names) + ".";
    }
  } else if (argument.type == Type::kDuration || argument.has_range) {
    desc += (desc.empty() ? "" : " ") + std::string("Write ") + argument.expectation() + ".";
  }
  return line(desc);
}

// What was given before, as the field's type has it.
std::string refilled(const Argument& argument, const std::string& value) {
  const std::string lower = asciiLower(value);
  if (argument.type == Type::kBool) {
    return lower == "true" || lower == "1" || lower == "yes" ? "true" : "false";
  }
  return line(value);
}

Field requestField(const Argument& argument, const Scope& scope, const std::string* value) {
  Field field;
  field.var = argument.name;
  field.label = line(argument.label);
  field.desc = typedDescription(argument, scope);
  field.required = argument.required;
  field.type = FieldType::kTextSingle;
  if (argument.type == Type::kBool) {
    field.type = FieldType::kBoolean;
    field.values = {"false"};
  } else if (argument.type == Type::kEnum) {
    setOptions(field, argument.labels, argument.required);
  } else if (const auto names = listedNames(argument, scope); !names.empty()) {
    setOptions(field, names, argument.required);
  }
  if (value != nullptr) field.values = {refilled(argument, *value)};
  if (field.type == FieldType::kListSingle) {
    const auto is_offered = [&field](const adhoc::Option& option) {
      return !field.values.empty() && option.value == field.values[0];
    };
    // A value that no option has would leave some clients without a selection at all.
    if (std::none_of(field.options.begin(), field.options.end(), is_offered)) {
      field.values.clear();
      if (!argument.required) field.values = {""};
    }
  }
  return field;
}

const std::string* givenValue(const Command& command, const RawArguments& raw,
                              const Argument& argument) {
  for (const auto& [name, value] : raw.named) {
    if (name == argument.name) return &value;
  }
  const auto order = command.positionals();
  for (size_t i = 0; i < order.size() && i < raw.positionals.size(); ++i) {
    if (order[i] == &argument) return &raw.positionals[i];
  }
  return nullptr;
}

void showErrors(Form& form, const std::vector<Status>& errors) {
  const std::string text = line(combine(errors).text());
  form.instructions = text;
  Field field;
  field.var = kErrorVar;
  field.type = FieldType::kFixed;
  field.label = "Please correct";
  field.values = {text};
  form.fields.insert(form.fields.begin() + 1, std::move(field));
}

Field columnField(const ReplyView::Column& column) {
  Field field;
  field.var = column.name;
  field.type = FieldType::kTextSingle;
  field.label = line(column.label);
  return field;
}

void addReported(Form& form, const ReplyView::Table& table) {
  for (const ReplyView::Column& column : table.columns) {
    form.reported.push_back(columnField(column));
  }
  for (const auto& row : table.rows) {
    std::vector<Field> cells;
    for (size_t i = 0; i < row.size(); ++i) {
      Field cell;
      cell.var = table.columns[i].name;
      cell.values = {line(row[i])};
      cells.push_back(std::move(cell));
    }
    form.items.push_back(std::move(cells));
  }
}

Field tableField(const ReplyView::Table& table) {
  Field field;
  field.var = table.name;
  field.type = FieldType::kTextMulti;
  field.label = line(table.label);
  for (const std::string& text : tableLines(table)) field.values.push_back(line(text));
  return field;
}

// At most, however the text is escaped on the way.
size_t xmlBytes(const std::string& text) {
  size_t bytes = 0;
  for (const char c : text)
    bytes += std::string_view("&<>\"'").find(c) == std::string::npos ? 1 : 6;
  return bytes;
}

size_t xmlBytes(const Field& field) {
  constexpr size_t kTags = 96;  // <field var='' type='text-multi' label=''><required/></field>
  constexpr size_t kValue = 16;
  size_t bytes = kTags + xmlBytes(field.var) + xmlBytes(field.label) + xmlBytes(field.desc);
  for (const std::string& value : field.values) bytes += kValue + xmlBytes(value);
  return bytes;
}

size_t xmlBytes(const std::vector<Field>& fields) {
  constexpr size_t kTags = 24;  // <reported></reported>
  size_t bytes = kTags;
  for (const Field& field : fields) bytes += xmlBytes(field);
  return bytes;
}

// Of the form with at most so many rows in each table: text-multi has a line with the heads
// besides.
size_t xmlBytes(const Form& form, size_t rows) {
  size_t bytes = xmlBytes(form.title) + xmlBytes(form.instructions) + xmlBytes(form.reported);
  for (const Field& field : form.fields) {
    if (field.values.size() <= rows + 1) {
      bytes += xmlBytes(field);
      continue;
    }
    Field part = field;
    part.values.resize(rows + 1);
    bytes += xmlBytes(part);
  }
  for (size_t i = 0; i < std::min(rows, form.items.size()); ++i) bytes += xmlBytes(form.items[i]);
  return bytes;
}

size_t rowsOf(const Form& form) {
  size_t rows = form.items.size();
  for (const Field& field : form.fields) {
    if (!field.values.empty()) rows = std::max(rows, field.values.size() - 1);
  }
  return rows;
}

Field resultField(const ReplyView::Value& value) {
  Field field = textField(value.name, value.label, value.text);
  if (value.boolean) {
    field.type = FieldType::kBoolean;
  } else if (value.text.find('\n') != std::string::npos) {
    field.type = FieldType::kTextMulti;
    field.values = linesOf(value.text);
  }
  return field;
}

}  // namespace

std::string formTypeOf(const Command& command) {
  return "urn:muster:command:" + command.verb;
}

Form requestForm(const Command& command, const Scope& scope, const RawArguments& filled,
                 const std::vector<Status>& errors) {
  Form form = newForm(command, FormType::kForm);
  form.instructions = line(command.help);
  for (const Argument& argument : command.arguments) {
    if (!isAsked(argument, scope)) continue;
    form.fields.push_back(requestField(argument, scope, givenValue(command, filled, argument)));
  }
  if (!errors.empty()) showErrors(form, errors);
  return form;
}

Result<RawArguments> submittedArguments(const Command& command, const Form& form) {
  RawArguments raw;
  for (const Field& field : form.fields) {
    if (field.var == kFormTypeVar) {
      if (!field.values.empty() && field.values[0] != formTypeOf(command)) {
        return Status(Code::kInvalidArgument, "the form is '" + singleLine(field.values[0], 80) +
                                                  "', not " + formTypeOf(command));
      }
      continue;
    }
    if (field.var == kErrorVar || field.type == FieldType::kFixed) continue;
    if (field.values.empty()) continue;
    if (field.values.size() > 1) {
      return Status(Code::kInvalidArgument,
                    singleLine(field.var, limits::kMaxNameBytes) + " has " +
                        std::to_string(field.values.size()) + " values; it takes one",
                    singleLine(field.var, limits::kMaxNameBytes));
    }
    if (!field.values[0].empty()) raw.named.emplace_back(field.var, field.values[0]);
  }
  return raw;
}

Result<Form> submitForm(const Command& command, const RawArguments& raw) {
  Form form;
  form.type = FormType::kSubmit;
  form.fields.push_back(formTypeField(command));
  std::set<std::string> seen;
  const auto add = [&](const std::string& name, const std::string& value) {
    Field field;
    field.var = name;
    field.values = {value};
    form.fields.push_back(std::move(field));
    return seen.insert(name).second;
  };
  const auto order = command.positionals();
  if (raw.positionals.size() > order.size()) {
    return Status(Code::kInvalidArgument,
                  "'" + singleLine(raw.positionals[order.size()], 60) + "' is one word too many; " +
                      command.verb + " takes " +
                      (order.empty() ? "none" : "at most " + std::to_string(order.size())));
  }
  for (size_t i = 0; i < raw.positionals.size(); ++i) add(order[i]->name, raw.positionals[i]);
  for (const auto& [name, value] : raw.named) {
    if (!add(name, value)) {
      return Status(Code::kInvalidArgument,
                    name + " is given twice; give it once, by its place or by its name", name);
    }
  }
  return form;
}

Form resultForm(const Command& command, const Message& reply, bool tables_as_text) {
  Form form = newForm(command, FormType::kResult);
  const ReplyView view = viewOf(reply);
  for (const ReplyView::Value& value : view.values) form.fields.push_back(resultField(value));
  for (size_t i = 0; i < view.tables.size(); ++i) {
    if (i == 0) addReported(form, view.tables[i]);
    if (i > 0 || tables_as_text) form.fields.push_back(tableField(view.tables[i]));
  }
  return form;
}

std::optional<FormCut> cutToFit(Form& form, size_t max_bytes) {
  const size_t rows = rowsOf(form);
  if (xmlBytes(form, rows) <= max_bytes) return std::nullopt;
  size_t fits = 0;
  for (size_t too_many = rows; fits + 1 < too_many;) {
    const size_t middle = fits + (too_many - fits) / 2;
    (xmlBytes(form, middle) <= max_bytes ? fits : too_many) = middle;
  }
  for (Field& field : form.fields) {
    if (field.values.size() > fits + 1) field.values.resize(fits + 1);
  }
  if (form.items.size() > fits) form.items.resize(fits);
  // No table, but long single values.
  while (!form.fields.empty() && xmlBytes(form, fits) > max_bytes) form.fields.pop_back();
  return FormCut{fits, rows};
}

Form failureForm(const Command& command, const Status& status) {
  Form form = newForm(command, FormType::kResult);
  form.fields.push_back(textField(kErrorVar, "Failed", status.text()));
  return form;
}

}  // namespace muster::catalogue
