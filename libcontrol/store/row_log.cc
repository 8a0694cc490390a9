#include "libcontrol/store/row_log.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/store/sqlite_rows.h"

// Of SQLite's own header; the library has them.
#ifndef SQLITE_ENABLE_SESSION
#error \
    "SQLite's header is to be included with SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK"
#endif

namespace muster::store {
namespace {

using nlohmann::json;

// SQLite's own table of the numbers that AUTOINCREMENT has given.
constexpr char kCounters[] = "sqlite_sequence";

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string hex(const unsigned char* bytes, int size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int i = 0; i < size; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

std::optional<std::string> unhex(const std::string& digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    const char* end = digits.data() + i + 2;
    const auto read = std::from_chars(digits.data() + i, end, value, 16);
    if (read.ptr != end) return std::nullopt;
    out += static_cast<char>(value);
  }
  return out;
}

json valueOf(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return sqlite3_value_int64(value);
    case SQLITE_FLOAT:
      return sqlite3_value_double(value);
    case SQLITE_TEXT:
      return std::string(reinterpret_cast<const char*>(sqlite3_value_text(value)),
                         static_cast<size_t>(sqlite3_value_bytes(value)));
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const unsigned char*>(sqlite3_value_blob(value));
      return {{"hex", hex(bytes, sqlite3_value_bytes(value))}};
    }
    default:
      return nullptr;
  }
}

int bind(sqlite3_stmt* statement, int place, const json& value) {
  if (value.is_null()) return sqlite3_bind_null(statement, place);
  if (value.is_number_integer()) return sqlite3_bind_int64(statement, place, value.get<int64_t>());
  if (value.is_number()) return sqlite3_bind_double(statement, place, value.get<double>());
  std::optional<std::string> bytes;
  if (value.is_string()) {
    const auto& said = value.get_ref<const std::string&>();
    return sqlite3_bind_text64(statement, place, said.data(), said.size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8);
  }
  if (value.is_object() && value.size() == 1 && value.contains("hex") && value["hex"].is_string()) {
    bytes = unhex(value["hex"].get<std::string>());
  }
  if (!bytes) return SQLITE_MISMATCH;
  return sqlite3_bind_blob64(statement, place, bytes->data(), bytes->size(), SQLITE_TRANSIENT);
}

// A statement made up at run time, for one use.
class OneStatement {
 public:
  OneStatement(Database& database, const std::string& sql)
      : result_(sqlite3_prepare_v2(database.handle(), sql.c_str(), -1, &handle_, nullptr)) {}
  ~OneStatement() { sqlite3_finalize(handle_); }
  OneStatement(const OneStatement&) = delete;
  OneStatement& operator=(const OneStatement&) = delete;
  sqlite3_stmt* handle() { return handle_; }
  // SQLITE_ROW, SQLITE_DONE, or what is wrong with it.
  int step() { return result_ == SQLITE_OK ? sqlite3_step(handle_) : result_; }
  void bindAll(const json& values) {
    int place = 1;
    for (const json& value : values) {
      const int bound = bind(handle_, place++, value);
      if (result_ == SQLITE_OK) result_ = bound;
    }
  }

 private:
  sqlite3_stmt* handle_ = nullptr;
  int result_;
};

json rowOf(sqlite3_stmt* statement) {
  json row = json::object();
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    row[sqlite3_column_name(statement, i)] = valueOf(sqlite3_column_value(statement, i));
  }
  return row;
}

struct Table {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::string> key;  // the columns of the primary key, in its order
};

Result<Table> tableNamed(Database& database, const std::string& name) {
  if (name == kCounters) return Table{name, {"name", "seq"}, {"name"}};
  OneStatement statement(database, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid");
  statement.bindAll(json::array({name}));
  Table table{name, {}, {}};
  std::map<int64_t, std::string> key;
  int step = SQLITE_ROW;
  while ((step = statement.step()) == SQLITE_ROW) {
    const json row = rowOf(statement.handle());
    table.columns.push_back(row["name"]);
    if (row["pk"] != 0) key[row["pk"]] = row["name"];
  }
  if (step != SQLITE_DONE) return database.failure("read the tables of");
  for (const auto& [place, column] : key) table.key.push_back(column);
  if (table.key.empty()) return Status(Code::kDataLoss, "there is no table " + quoted(name));
  return table;
}

std::string keyOf(const Table& table, const json& row) {
  json key = json::array();
  for (const std::string& column : table.key) key.push_back(row[column]);
  return text(key);
}

// The row as it is now.
Result<RowChange> current(Database& database, const Table& table, const json& key) {
  std::string sql = "SELECT * FROM " + quoted(table.name) + " WHERE ";
  for (const std::string& column : table.key) {
    sql += (column == table.key.front() ? "" : " AND ") + quoted(column) + " IS ?";
  }
  OneStatement statement(database, sql);
  statement.bindAll(key);
  const int step = statement.step();
  RowChange change{table.name, text(key), std::nullopt};
  if (step == SQLITE_ROW) change.row = text(rowOf(statement.handle()));
  if (step != SQLITE_ROW && step != SQLITE_DONE) return database.failure("read a row of");
  return change;
}

Status rowsInto(Database& database, const Table& table, std::vector<RowChange>& out) {
  OneStatement statement(database, "SELECT * FROM " + quoted(table.name));
  int step = SQLITE_ROW;
  while ((step = statement.step()) == SQLITE_ROW) {
    const json row = rowOf(statement.handle());
    out.push_back({table.name, keyOf(table, row), text(row)});
  }
  return step == SQLITE_DONE ? Status::ok() : database.failure("read the rows of");
}

Status misfit(const RowChange& change, const std::string& why) {
  return {Code::kDataLoss,
          "the row " + singleLine(change.key, 100) + " of " + quoted(change.table) + " " + why};
}

Status insertRow(Database& database, const Table& table, const RowChange& change) {
  const json row = json::parse(change.row.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!row.is_object() || row.empty()) return misfit(change, "is no JSON object");
  std::string columns;
  std::string places;
  json values = json::array();
  for (const auto& [column, value] : row.items()) {
    columns += (columns.empty() ? "" : ", ") + quoted(column);
    places += places.empty() ? "?" : ", ?";
    values.push_back(value);
  }
  OneStatement statement(database, "INSERT OR REPLACE INTO " + quoted(table.name) + " (" + columns +
                                       ") VALUES (" + places + ")");
  statement.bindAll(values);
  if (statement.step() == SQLITE_DONE) return Status::ok();
  return misfit(change, "does not fit: " + std::string(sqlite3_errmsg(database.handle())));
}

}  // namespace

RowRecorder::~RowRecorder() {
  detach();
}

void RowRecorder::detach() {
  if (session_ != nullptr) sqlite3session_delete(session_);
  session_ = nullptr;
}

Status RowRecorder::attach() {
  detach();
  if (sqlite3session_create(database_.handle(), "main", &session_) != SQLITE_OK ||
      sqlite3session_attach(session_, nullptr) != SQLITE_OK) {
    return database_.failure("follow the changes of");
  }
  std::vector<RowChange> counters;
  return counters_.empty() ? countersInto(counters) : Status::ok();
}

Result<std::vector<RowChange>> RowRecorder::take() {
  int size = 0;
  void* bytes = nullptr;
  if (sqlite3session_changeset(session_, &size, &bytes) != SQLITE_OK) {
    return database_.failure("follow the changes of");
  }
  const std::unique_ptr<void, void (*)(void*)> owner(bytes, sqlite3_free);
  sqlite3_changeset_iter* iterator = nullptr;
  if (sqlite3changeset_start(&iterator, size, bytes) != SQLITE_OK) {
    return Status(Code::kInternal, "the changes can't be read");
  }
  const std::unique_ptr<sqlite3_changeset_iter, int (*)(sqlite3_changeset_iter*)> closer(
      iterator, sqlite3changeset_finalize);
  std::vector<RowChange> out;
  while (sqlite3changeset_next(iterator) == SQLITE_ROW) {
    const char* name = nullptr;
    int columns = 0;
    int operation = 0;
    sqlite3changeset_op(iterator, &name, &columns, &operation, nullptr);
    auto table = tableNamed(database_, name);
    if (!table) return table.status();
    json key = json::array();
    for (const std::string& column : table->key) {
      const auto place = std::find(table->columns.begin(), table->columns.end(), column);
      const int index = static_cast<int>(place - table->columns.begin());
      sqlite3_value* value = nullptr;
      operation == SQLITE_INSERT ? sqlite3changeset_new(iterator, index, &value)
                                 : sqlite3changeset_old(iterator, index, &value);
      key.push_back(valueOf(value));
    }
    auto change = current(database_, *table, key);
    if (!change) return change.status();
    out.push_back(std::move(change).value());
  }
  if (Status s = countersInto(out); !s) return s;
  if (Status s = attach(); !s) return s;
  return out;
}

Status RowRecorder::countersInto(std::vector<RowChange>& out) {
  std::vector<RowChange> now;
  if (Status s = rowsInto(database_, {kCounters, {}, {"name"}}, now); !s) return s;
  for (RowChange& counter : now) {
    std::string& known = counters_[counter.key];
    if (known == *counter.row) continue;
    known = *counter.row;
    out.push_back(std::move(counter));
  }
  return Status::ok();
}

Status insertRows(Database& database, const std::vector<RowChange>& rows) {
  return inTransaction(database, [&]() -> Status {
    std::map<std::string, Table> tables;
    // The counters last: each row that is put in moves them.
    for (const bool counters : {false, true}) {
      for (const RowChange& change : rows) {
        if ((change.table == kCounters) != counters) continue;
        if (!tables.contains(change.table)) {
          auto table = tableNamed(database, change.table);
          if (!table) return misfit(change, "is of no table");
          tables.emplace(change.table, std::move(table).value());
        }
        if (counters) {
          OneStatement drop(database, std::string("DELETE FROM ") + kCounters + " WHERE name = ?");
          drop.bindAll(json::parse(change.key, nullptr, false));
          if (drop.step() != SQLITE_DONE) return misfit(change, "does not fit");
        }
        if (Status s = insertRow(database, tables.at(change.table), change); !s) return s;
      }
    }
    return Status::ok();
  });
}

Result<std::vector<RowChange>> allRowsOf(Database& database) {
  std::vector<RowChange> out;
  std::vector<std::string> names;
  {
    Statement tables(database,
                     "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name NOT LIKE "
                     "'sqlite_%' OR name = 'sqlite_sequence') ORDER BY name");
    Run run(tables);
    auto found = allRows<std::string>(run, [](const Run& at) { return at.textAt(0); });
    if (!found) return found.status();
    names = std::move(found).value();
  }
  for (const std::string& name : names) {
    auto table = tableNamed(database, name);
    if (!table) return table.status();
    if (Status s = rowsInto(database, *table, out); !s) return s;
  }
  std::sort(out.begin(), out.end(), [](const RowChange& a, const RowChange& b) {
    return std::tie(a.table, a.key) < std::tie(b.table, b.key);
  });
  return out;
}

}  // namespace muster::store
