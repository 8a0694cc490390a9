// A reply message laid out for people: labelled values and tables. Forms and text are both written
// from this, so that they say the same.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace muster::catalogue {

struct ReplyView {
  struct Value {
    std::string name;  // unique in the reply: "level", "level.percent"
    std::string label;
    std::string text;
    bool boolean = false;  // text is "true" or "false"
    bool lines = false;    // text is a list of sentences, a line each
  };
  struct Column {
    std::string name;
    std::string label;
  };
  struct Table {
    std::string name;
    std::string label;
    std::vector<Column> columns;
    std::vector<std::vector<std::string>> rows;  // cells in the order of the columns; "" is unset
  };
  std::vector<Value> values;
  std::vector<Table> tables;
};

// Hidden fields are left out, and lists and columns that say so while they are empty. A Level
// becomes its sentence and its percentage; in a row the sentence is the last column. Durations are
// written with units, enums by label.
ReplyView viewOf(const google::protobuf::Message& reply);

// The lines of a table, columns aligned, empty cells as "-", without the table's own label. No
// trailing spaces. One line "(none)" if it has no rows.
std::vector<std::string> tableLines(const ReplyView::Table& table);

}  // namespace muster::catalogue
