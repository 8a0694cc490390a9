#include "coordinator/cli/exec_view.h"

#include <nlohmann/json.hpp>

#include "coordinator/cli/exec_form.h"
#include "coordinator/cli/layout.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/reply_view.h"

namespace muster::cli {
namespace {

using adhoc::Field;
using adhoc::FieldType;
using adhoc::Form;
using Json = nlohmann::ordered_json;

constexpr size_t kMaxLineBytes = 4096;

std::string line(const std::string& text) {
  return singleLine(text, kMaxLineBytes);
}

void addWrapped(std::vector<std::string>& out, const std::string& text, size_t width,
                const std::string& indent = "") {
  const size_t inner = width > indent.size() + 10 ? width - indent.size() : kAnyWidth;
  for (const std::string& part : wrapped(text, width == kAnyWidth ? kAnyWidth : inner)) {
    out.push_back(indent + part);
  }
}

void addText(std::vector<std::string>& out, const std::string& text, size_t width) {
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    addWrapped(out, line(text.substr(begin, end - begin)), width);
    begin = end + 1;
  }
}

std::string labelOf(const Field& field) {
  return line(field.label.empty() ? field.var : field.label);
}

// A value as people read it: the label of the option that was chosen.
std::string shownValue(const Field& field, const std::string& value) {
  for (const adhoc::Option& option : field.options) {
    if (option.value == value && !option.label.empty()) return line(option.label);
  }
  return line(value);
}

std::string joined(const Field& field) {
  std::string out;
  for (const std::string& value : field.values) {
    if (!out.empty()) out += ", ";
    out += shownValue(field, value);
  }
  return out;
}

const char* noteName(adhoc::NoteType type) {
  switch (type) {
    case adhoc::NoteType::kInfo:
      return "info";
    case adhoc::NoteType::kWarn:
      return "warn";
    case adhoc::NoteType::kError:
      return "error";
  }
  return "info";
}

void addResultField(std::vector<std::string>& out, const Field& field, size_t width) {
  if (field.type == FieldType::kHidden) return;
  const std::string label = labelOf(field);
  if (field.type == FieldType::kFixed && field.label.empty()) {
    for (const std::string& value : field.values) addWrapped(out, line(value), width);
    return;
  }
  if (field.values.size() > 1) {
    out.push_back(label + ":");
    for (const std::string& value : field.values) out.push_back("  " + shownValue(field, value));
    return;
  }
  std::string text = joined(field);
  if (field.type == FieldType::kBoolean && !text.empty()) {
    text = text == "1" || text == "true" ? "yes" : "no";
  }
  addWrapped(out, label + ": " + (text.empty() ? "-" : text), width);
}

// For clients that show no tables a responder sends its table as lines of text besides.
bool isTableAsText(const Field& field, const Form& form) {
  if (field.type != FieldType::kTextMulti || form.reported.empty() || field.values.empty()) {
    return false;
  }
  size_t at = 0;
  for (const Field& column : form.reported) {
    at = field.values[0].find(column.label, at);
    if (at == std::string::npos) return false;
    at += column.label.size();
  }
  return field.values.size() == form.items.size() + 1;
}

catalogue::ReplyView::Table tableOf(const Form& form) {
  catalogue::ReplyView::Table table;
  for (const Field& column : form.reported) {
    if (column.type != FieldType::kHidden) table.columns.push_back({column.var, labelOf(column)});
  }
  for (const std::vector<Field>& item : form.items) {
    std::vector<std::string> row;
    for (size_t i = 0; i < item.size(); ++i) {
      const bool hidden = i < form.reported.size() && form.reported[i].type == FieldType::kHidden;
      if (!hidden) row.push_back(joined(item[i]));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Json fieldJson(const Field& field) {
  Json out;
  out["var"] = field.var;
  out["type"] = typeName(typeOf(field));
  out["label"] = field.label;
  out["required"] = field.required;
  out["values"] = field.values;
  if (!field.options.empty()) {
    out["options"] = Json::array();
    for (const adhoc::Option& option : field.options) {
      out["options"].push_back({{"value", option.value}, {"label", option.label}});
    }
  }
  return out;
}

Json formJson(const Form& form) {
  Json out;
  out["title"] = form.title;
  out["instructions"] = form.instructions;
  out["fields"] = Json::array();
  for (const Field& field : form.fields) out["fields"].push_back(fieldJson(field));
  out["columns"] = Json::array();
  for (const Field& column : form.reported) {
    out["columns"].push_back({{"var", column.var}, {"label", column.label}});
  }
  out["rows"] = Json::array();
  for (const std::vector<Field>& item : form.items) {
    Json row = Json::object();
    for (const Field& cell : item) {
      row[cell.var] = cell.values.size() == 1 ? Json(cell.values[0]) : Json(cell.values);
    }
    out["rows"].push_back(std::move(row));
  }
  return out;
}

}  // namespace

const char* typeName(FieldType type) {
  switch (type) {
    case FieldType::kBoolean:
      return "boolean";
    case FieldType::kFixed:
      return "fixed";
    case FieldType::kHidden:
      return "hidden";
    case FieldType::kJidMulti:
      return "jid-multi";
    case FieldType::kJidSingle:
      return "jid-single";
    case FieldType::kListMulti:
      return "list-multi";
    case FieldType::kListSingle:
      return "list-single";
    case FieldType::kTextMulti:
      return "text-multi";
    case FieldType::kTextPrivate:
      return "text-private";
    case FieldType::kTextSingle:
      return "text-single";
  }
  return "text-single";
}

const char* actionName(adhoc::Action action) {
  switch (action) {
    case adhoc::Action::kExecute:
      return "execute";
    case adhoc::Action::kNext:
      return "next";
    case adhoc::Action::kPrev:
      return "prev";
    case adhoc::Action::kComplete:
      return "complete";
    case adhoc::Action::kCancel:
      return "cancel";
  }
  return "execute";
}

std::vector<std::string> fieldLines(const Field& field, size_t width) {
  std::vector<std::string> out;
  if (field.type == FieldType::kHidden) return out;
  if (!isAsked(field)) {
    for (const std::string& value : field.values) {
      addWrapped(out, (field.label.empty() ? "" : labelOf(field) + ": ") + line(value), width);
    }
    return out;
  }
  std::string head = labelOf(field);
  head += " (" + line(field.var) + ", " + typeName(typeOf(field));
  if (field.required) head += ", required";
  head += ")";
  const bool secret = field.type == FieldType::kTextPrivate;
  if (!field.values.empty() && !secret) head += " [" + joined(field) + "]";
  addWrapped(out, head, width);
  if (!field.desc.empty()) addWrapped(out, line(field.desc), width, "    ");
  for (size_t i = 0; i < field.options.size(); ++i) {
    const adhoc::Option& option = field.options[i];
    std::string text = std::to_string(i + 1) + "  " + line(option.value);
    if (!option.label.empty() && option.label != option.value) {
      text = std::to_string(i + 1) + "  " +
             (option.value.empty() ? line(option.label)
                                   : line(option.value) + " (" + line(option.label) + ")");
    }
    addWrapped(out, text, width, "    ");
  }
  return out;
}

std::vector<std::string> questionLines(const Form& form, size_t width) {
  std::vector<std::string> out;
  if (!form.title.empty()) addWrapped(out, line(form.title), width);
  addText(out, form.instructions, width);
  for (const Field& field : form.fields) {
    for (std::string& text : fieldLines(field, width)) out.push_back(std::move(text));
  }
  return out;
}

std::vector<std::string> answerLines(const adhoc::Command& answer, size_t width) {
  std::vector<std::string> out;
  for (const adhoc::Note& note : answer.notes) {
    const std::string mark =
        note.type == adhoc::NoteType::kInfo ? "" : std::string(noteName(note.type)) + ": ";
    addText(out, mark + cleanText(note.text, limits::kMaxReplyTextBytes), width);
  }
  if (!answer.form) return out;
  const Form& form = *answer.form;
  if (form.type == adhoc::FormType::kForm) {
    for (std::string& text : questionLines(form, width)) out.push_back(std::move(text));
    return out;
  }
  if (!form.title.empty()) addWrapped(out, line(form.title), width);
  addText(out, form.instructions, width);
  for (const Field& field : form.fields) {
    if (!isTableAsText(field, form)) addResultField(out, field, width);
  }
  if (form.reported.empty()) return out;
  FittedTable fitted = fitTable(tableOf(form), width);
  out.insert(out.end(), fitted.lines.begin(), fitted.lines.end());
  if (!fitted.left_out.empty()) {
    addWrapped(out, "(too narrow for " + joinWithAnd(fitted.left_out) + "; -o json has all)",
               width);
  }
  return out;
}

Json answerJson(const adhoc::Command& answer) {
  Json out;
  out["status"] = answer.status == adhoc::CommandStatus::kExecuting  ? "executing"
                  : answer.status == adhoc::CommandStatus::kCanceled ? "canceled"
                                                                     : "completed";
  out["notes"] = Json::array();
  for (const adhoc::Note& note : answer.notes) {
    out["notes"].push_back({{"type", noteName(note.type)}, {"text", note.text}});
  }
  out["form"] = answer.form ? formJson(*answer.form) : Json(nullptr);
  return out;
}

Json offersJson(const std::vector<OfferedCommand>& offers) {
  Json out;
  out["commands"] = Json::array();
  for (const OfferedCommand& offer : offers) {
    out["commands"].push_back({{"node", offer.node}, {"name", offer.name}, {"jid", offer.jid}});
  }
  return out;
}

}  // namespace muster::cli
