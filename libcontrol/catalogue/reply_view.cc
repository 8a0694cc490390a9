#include "libcontrol/catalogue/reply_view.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <charconv>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/catalogue.h"
#include "muster/common.pb.h"

namespace muster::catalogue {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kWordsLabel[] = "In words";

bool isLevel(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == v1::Level::descriptor();
}

bool isMessage(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

std::string doubleText(double number) {
  char out[64];
  const auto [end, error] = std::to_chars(out, out + sizeof out, number);
  return error == std::errc() ? std::string(out, end) : std::string();
}

// A number of a percentage field reads best as percentages are written everywhere else.
bool isPercent(const FieldDescriptor& field) {
  const std::string& name = field.name();
  return name == "percent" || name.ends_with("_percent");
}

// One element of a scalar field, `index` -1 for a singular one.
class Cell {
 public:
  Cell(const Message& message, const FieldDescriptor& field, int index)
      : message_(message), field_(field), index_(index), reflection_(*message.GetReflection()) {}

  std::string text() const {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return field_.type() == FieldDescriptor::TYPE_BYTES
                   ? hexOf(string())
                   : cleanText(string(), limits::kMaxReplyTextBytes);
      case FieldDescriptor::CPPTYPE_BOOL:
        return get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
      case FieldDescriptor::CPPTYPE_ENUM:
        return enumLabel(*get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum));
      case FieldDescriptor::CPPTYPE_INT32:
        return integer(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
      case FieldDescriptor::CPPTYPE_INT64:
        return integer(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
      case FieldDescriptor::CPPTYPE_UINT32:
        return integer(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
      case FieldDescriptor::CPPTYPE_UINT64:
        return integer(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return real(static_cast<double>(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat)));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return real(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        break;
    }
    return {};
  }

 private:
  template <typename T>
  using Getter = T (Reflection::*)(const Message&, const FieldDescriptor*) const;
  template <typename T>
  using IndexedGetter = T (Reflection::*)(const Message&, const FieldDescriptor*, int) const;

  template <typename T>
  T get(Getter<T> one, IndexedGetter<T> indexed) const {
    return index_ < 0 ? (reflection_.*one)(message_, &field_)
                      : (reflection_.*indexed)(message_, &field_, index_);
  }
  std::string string() const { return get(&Reflection::GetString, &Reflection::GetRepeatedString); }
  template <typename T>
  std::string integer(T number) const {
    if (isDuration(field_)) return formatDuration(Duration::millis(static_cast<int64_t>(number)));
    return std::to_string(number);
  }
  std::string real(double number) const {
    return isPercent(field_) ? formatPercent(number) : doubleText(number);
  }

  const Message& message_;
  const FieldDescriptor& field_;
  const int index_;
  const Reflection& reflection_;
};

std::string scalarText(const Message& message, const FieldDescriptor& field,
                       const char* between = ", ") {
  const Reflection& reflection = *message.GetReflection();
  if (!field.is_repeated()) {
    if (field.has_presence() && !reflection.HasField(message, &field)) return {};
    return Cell(message, field, -1).text();
  }
  std::string out;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (i > 0) out += between;
    out += Cell(message, field, i).text();
  }
  return out;
}

const Message& sub(const Message& message, const FieldDescriptor& field) {
  return message.GetReflection()->GetMessage(message, &field);
}

// What the fields of an inner message are called: without a label of its own it is only there to be
// shared between messages, and its fields read as if they were the outer one's.
std::string prefixOf(const FieldDescriptor& field) {
  const bool has_label = !field.options().GetExtension(v1::arg).label().empty();
  return has_label ? fieldLabel(field) + ": " : std::string();
}

// Where a cell of a row comes from: a field, or a field of a message in it.
struct Path {
  std::vector<const FieldDescriptor*> outer;  // empty: the row itself
  const FieldDescriptor* field = nullptr;

  std::string name() const {
    std::string out;
    for (const FieldDescriptor* step : outer) out += step->name() + ".";
    return out + field->name();
  }
  std::string text(const Message& row) const {
    const Message* message = &row;
    for (const FieldDescriptor* step : outer) message = &sub(*message, *step);
    return scalarText(*message, *field);
  }
};

class Columns {
 public:
  explicit Columns(const Descriptor& row) {
    add({}, "", row);
    // Sentences go to the end, where their lengths push nothing out of line.
    for (const auto& [path, label] : levels_) {
      add(path, levels_.size() == 1 ? kWordsLabel : label + ", in words");
    }
  }
  std::vector<Path> paths;
  std::vector<ReplyView::Column> columns;

 private:
  void add(const Path& path, std::string label) {
    paths.push_back(path);
    columns.push_back({path.name(), std::move(label)});
  }
  void add(const std::vector<const FieldDescriptor*>& outer, const std::string& prefix,
           const Descriptor& message) {
    const Descriptor& level = *v1::Level::descriptor();
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor* field = message.field(i);
      if (isHidden(*field)) continue;
      std::vector<const FieldDescriptor*> inner = outer;
      inner.push_back(field);
      const std::string label = prefix + fieldLabel(*field);
      if (!isMessage(*field)) {
        add({outer, field}, label);
      } else if (isLevel(*field)) {
        add({inner, level.FindFieldByName("percent")}, label + " (%)");
        levels_.push_back({{inner, level.FindFieldByName("text")}, label});
      } else {
        add(inner, prefix + prefixOf(*field), *field->message_type());
      }
    }
  }

  std::vector<std::pair<Path, std::string>> levels_;
};

void omitIfEmpty(ReplyView::Table& table, size_t column) {
  const bool empty = std::all_of(table.rows.begin(), table.rows.end(),
                                 [column](const auto& row) { return row[column].empty(); });
  if (!empty) return;
  const auto at = static_cast<std::ptrdiff_t>(column);
  table.columns.erase(table.columns.begin() + at);
  for (auto& row : table.rows) row.erase(row.begin() + at);
}

ReplyView::Table tableOf(const Message& message, const FieldDescriptor& field) {
  ReplyView::Table table;
  table.name = field.name();
  table.label = fieldLabel(field);
  Columns columns(*field.message_type());
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& row = reflection.GetRepeatedMessage(message, &field, i);
    std::vector<std::string> cells;
    cells.reserve(columns.paths.size());
    for (const Path& path : columns.paths) {
      cells.push_back(singleLine(path.text(row), limits::kMaxArgumentBytes));
    }
    table.rows.push_back(std::move(cells));
  }
  table.columns = std::move(columns.columns);
  for (size_t i = columns.paths.size(); i-- > 0;) {
    if (isOmittedEmpty(*columns.paths[i].field)) omitIfEmpty(table, i);
  }
  return table;
}

void addLevel(const Message& message, const FieldDescriptor& field, ReplyView& view) {
  const auto& level = static_cast<const v1::Level&>(sub(message, field));
  view.values.push_back({field.name(), fieldLabel(field), level.text(), false});
  view.values.push_back({field.name() + ".percent", fieldLabel(field) + " (%)",
                         level.has_percent() ? formatPercent(level.percent()) : std::string(),
                         false});
}

void addMessage(const Message& message, const FieldDescriptor& field, ReplyView& view) {
  const Message& inner = sub(message, field);
  for (int i = 0; i < field.message_type()->field_count(); ++i) {
    const FieldDescriptor& part = *field.message_type()->field(i);
    if (isHidden(part) || isMessage(part)) continue;
    view.values.push_back(
        {field.name() + "." + part.name(), prefixOf(field) + fieldLabel(part),
         scalarText(inner, part),
         part.cpp_type() == FieldDescriptor::CPPTYPE_BOOL && !part.is_repeated()});
  }
}

bool isEmpty(const Message& reply, const FieldDescriptor& field) {
  const Reflection& reflection = *reply.GetReflection();
  return field.is_repeated() ? reflection.FieldSize(reply, &field) == 0
                             : !reflection.HasField(reply, &field);
}

size_t widthOf(const std::string& cell) {
  return cell.empty() ? 1 : displayWidth(cell);
}

std::string aligned(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = cells[i].empty() ? "-" : cells[i];
    line += cell;
    if (i + 1 < cells.size()) line.append(widths[i] - displayWidth(cell) + 2, ' ');
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

ReplyView viewOf(const Message& reply) {
  ReplyView view;
  const Descriptor& descriptor = *reply.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (isHidden(field)) continue;
    if (isOmittedEmpty(field) && isEmpty(reply, field)) continue;
    if (!isMessage(field)) {
      view.values.push_back({field.name(), fieldLabel(field),
                             scalarText(reply, field, isLines(field) ? "\n" : ", "),
                             field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL &&
                                 !field.is_repeated() && !field.has_presence(),
                             isLines(field)});
    } else if (field.is_repeated()) {
      view.tables.push_back(tableOf(reply, field));
    } else if (isLevel(field)) {
      addLevel(reply, field, view);
    } else {
      addMessage(reply, field, view);
    }
  }
  return view;
}

std::vector<std::string> tableLines(const ReplyView::Table& table) {
  if (table.rows.empty()) return {"(none)"};
  std::vector<std::string> heads;
  std::vector<size_t> widths;
  for (const ReplyView::Column& column : table.columns) {
    heads.push_back(column.label);
    widths.push_back(widthOf(column.label));
  }
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], widthOf(row[i]));
  }
  std::vector<std::string> lines = {aligned(heads, widths)};
  for (const auto& row : table.rows) lines.push_back(aligned(row, widths));
  return lines;
}

}  // namespace muster::catalogue
