#include "libcontrol/catalogue/csv.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "libcontrol/base/text.h"
#include "libcontrol/catalogue/json.h"

namespace muster::catalogue {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Json = nlohmann::ordered_json;

// Messages within messages; what holds its own kind ends here.
constexpr int kMaxDepth = 4;
constexpr char kLineEnd[] = "\r\n";

bool isMessage(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

struct Column {
  std::string name;  // "level.percent"
  std::vector<std::string> path;
};

void addColumns(const Descriptor& message, const std::vector<std::string>& outer,
                std::vector<Column>& out) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    std::vector<std::string> path = outer;
    path.push_back(field.name());
    if (!isMessage(field)) {
      std::string name;
      for (const std::string& step : path) name += (name.empty() ? "" : ".") + step;
      out.push_back({std::move(name), std::move(path)});
    } else if (!field.is_repeated() && path.size() < kMaxDepth) {
      addColumns(*field.message_type(), path, out);
    }
  }
}

// Also after blanks, which some programs drop.
std::string guarded(const std::string& text) {
  constexpr std::string_view kBegins = "=+-@";
  const size_t first = text.find_first_not_of(' ');
  const bool formula =
      first != std::string::npos && kBegins.find(text[first]) != std::string_view::npos;
  return formula ? "'" + text : text;
}

// RFC 4180, section 2, rules 5 to 7. Semicolons as well: where they are what a program parts cells
// by, one cell must not become two, the second of them unguarded.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",;\"") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string valueText(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    // Each invalid byte becomes three.
    return singleLine(text, 3 * text.size());
  }
  return value.dump();
}

std::string cellOf(const Json& value) {
  if (!value.is_array()) return value.is_string() ? guarded(valueText(value)) : valueText(value);
  std::string out;
  for (const Json& each : value) out += (out.empty() ? "" : ";") + valueText(each);
  return guarded(out);
}

const Json& at(const Json& object, const std::vector<std::string>& path) {
  static const Json kNothing;
  const Json* value = &object;
  for (const std::string& step : path) {
    const auto it = value->find(step);
    if (it == value->end()) return kNothing;
    value = &*it;
  }
  return *value;
}

std::string line(const std::vector<std::string>& cells) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + quoted(cells[i]);
  return out + kLineEnd;
}

// What stands on a reply's lines.
struct Layout {
  explicit Layout(const Descriptor& reply) {
    for (int i = 0; i < reply.field_count(); ++i) {
      const FieldDescriptor& field = *reply.field(i);
      if (field.is_repeated()) {
        if (isMessage(field)) lists.push_back(&field);
      } else if (!isMessage(field)) {
        own.push_back({"reply." + field.name(), {field.name()}});
      }
    }
    for (const FieldDescriptor* list : lists) {
      std::vector<Column> more;
      addColumns(*list->message_type(), {}, more);
      for (Column& column : more) {
        const bool is_there = std::any_of(columns.begin(), columns.end(), [&](const auto& each) {
          return each.name == column.name;
        });
        if (!is_there) columns.push_back(std::move(column));
      }
    }
  }
  bool namesLists() const { return lists.size() > 1; }

  std::vector<Column> own;
  std::vector<const FieldDescriptor*> lists;
  std::vector<Column> columns;  // of all lists
};

std::string head(const Layout& layout) {
  std::vector<std::string> cells;
  if (layout.namesLists()) cells.emplace_back("list");
  for (const Column& column : layout.own) cells.push_back(column.name);
  for (const Column& column : layout.columns) cells.push_back(column.name);
  return line(cells);
}

// A reply without lists: its values, and those of its inner messages.
std::string single(const Descriptor& descriptor, const Json& json) {
  std::vector<Column> columns;
  addColumns(descriptor, {}, columns);
  std::vector<std::string> names;
  std::vector<std::string> cells;
  for (const Column& column : columns) {
    names.push_back(column.name);
    cells.push_back(cellOf(at(json, column.path)));
  }
  return line(names) + line(cells);
}

}  // namespace

std::string csvText(const Message& reply) {
  const Descriptor& descriptor = *reply.GetDescriptor();
  const Json json = toJson(reply);
  const Layout layout(descriptor);
  if (layout.lists.empty()) return single(descriptor, json);
  std::string out = head(layout);
  for (const FieldDescriptor* list : layout.lists) {
    for (const Json& row : json.at(list->name())) {
      std::vector<std::string> cells;
      if (layout.namesLists()) cells.push_back(list->name());
      for (const Column& column : layout.own) cells.push_back(cellOf(at(json, column.path)));
      for (const Column& column : layout.columns) cells.push_back(cellOf(at(row, column.path)));
      out += line(cells);
    }
  }
  return out;
}

}  // namespace muster::catalogue
