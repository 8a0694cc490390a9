#include "libcontrol/store/store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "libcontrol/base/file.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/store/row_log.h"
#include "libcontrol/store/schema.h"
#include "libcontrol/store/sqlite_store.h"
#include "libcontrol/store/validate.h"

namespace muster::store {
namespace {

using nlohmann::json;

constexpr char kFormat[] = "muster-store";
// Far more than any row; a line beyond is none of ours.
constexpr size_t kMaxLineBytes = 4 * 1024 * 1024;

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status damaged(const std::filesystem::path& file, const std::string& what) {
  return {Code::kDataLoss, file.string() + " is damaged: " + what};
}

Status syncFolderOf(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (synced) return Status::ok();
  return {Code::kUnavailable, "cannot sync the folder of " + file.string()};
}

Status checkJid(const std::string& text) {
  return text.empty() ? Status::ok() : Jid::parse(text).status();
}

// All records as the coordinator reads them, and by the rules by which it takes them.
Status readAll(CoordinatorStore& store) {
  const auto groups = store.groups().loadAll();
  if (!groups) return groups.status();
  for (const GroupRow& row : *groups) {
    if (Status s = checkGroup(row, nullptr, 0); !s) return {s.code(), row.name + ": " + s.text()};
    if (Status s = checkJid(row.holder); !s) return {s.code(), row.name + ": " + s.text()};
    if (const auto moves = store.groups().endedMoves(row.name); !moves) return moves.status();
  }
  const auto members = store.members().list();
  if (!members) return members.status();
  for (const MemberRow& row : *members) {
    if (Status s = checkMember(row, 0); !s) return {s.code(), row.name + ": " + s.text()};
    if (Status s = checkJid(row.jid); !s) return {s.code(), row.name + ": " + s.text()};
  }
  const auto grants = store.grants().list();
  if (!grants) return grants.status();
  for (const GrantRow& row : *grants) {
    if (Status s = checkGrant(row, 0); !s) return {s.code(), row.jid + ": " + s.text()};
    if (Status s = checkJid(row.jid); !s) return s;
  }
  for (const Status& status :
       {store.groups().pauses().status(), store.groups().scheduled().status(),
        store.hooks().holders().status(), store.hooks().runs().status(),
        store.subscriptions().list().status(), store.overrides().list().status(),
        store.alerts().subscriptions().status(), store.alerts().outbox().status(),
        store.alerts().silences().status(), store.alerts().incidents({}).status(),
        store.audit().query({}).status(), store.history().query({}).status()}) {
    if (!status) return status;
  }
  return Status::ok();
}

StoreSummary summaryOf(int64_t version, const std::vector<RowChange>& rows) {
  StoreSummary out{version, {}};
  for (const RowChange& row : rows) ++out.rows[row.table];
  return out;
}

// Of a file that is open for reading, in a transaction of its own, so that all of it is of one
// moment.
class Reading {
 public:
  static Result<Reading> open(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      return Status(Code::kNotFound, "there is no file " + file.string());
    }
    auto database = Database::openToRead(file);
    if (!database) return database.status();
    Reading reading(file, std::move(database).value());
    if (Status begun = reading.database_->execute("BEGIN"); !begun) return begun;
    auto version = knownVersion(*reading.database_, coordinatorSchema());
    if (!version) {
      return Status(version.status().code(),
                    file.string() + " can't be used: " + version.status().text());
    }
    reading.version_ = *version;
    return reading;
  }

  Status check() {
    const auto faults = database_->number(
        "SELECT count(*) FROM pragma_integrity_check(1) WHERE integrity_check <> 'ok'");
    if (!faults) return damaged(file_, faults.status().text());
    if (*faults != 0) return damaged(file_, "SQLite's integrity check fails");
    auto rows = allRowsOf(*database_);
    if (!rows) return damaged(file_, rows.status().text());
    rows_ = std::move(rows).value();
    return Status::ok();
  }

  int64_t version() const { return version_; }
  const std::vector<RowChange>& rows() const { return rows_; }

 private:
  Reading(std::filesystem::path file, std::unique_ptr<Database> database)
      : file_(std::move(file)), database_(std::move(database)) {}
  std::filesystem::path file_;
  std::unique_ptr<Database> database_;
  int64_t version_ = 0;
  std::vector<RowChange> rows_;
};

// The rows in a database of the present version, which is read as the coordinator would.
Status fill(std::unique_ptr<Database> database, int64_t version,
            const std::vector<RowChange>& rows) {
  Schema known = coordinatorSchema();
  known.steps = known.steps.first(static_cast<size_t>(version));
  if (Status s = prepareSchema(*database, known); !s) return s;
  if (Status s = insertRows(*database, rows); !s) return s;
  if (Status s = prepareSchema(*database, coordinatorSchema()); !s) return s;
  SqliteStore store(std::move(database), {});
  return readAll(store);
}

Status fillInMemory(int64_t version, const std::vector<RowChange>& rows) {
  auto copy = Database::open(":memory:", Duration{});
  return copy ? fill(std::move(copy).value(), version, rows) : copy.status();
}

Result<Reading> verified(const std::filesystem::path& file) {
  auto reading = Reading::open(file);
  if (!reading) return reading.status();
  if (Status s = reading->check(); !s) return s;
  const Status whole = fillInMemory(reading->version(), reading->rows());
  if (!whole) return damaged(file, whole.text());
  return reading;
}

// The lines of an export, one after the other.
class ExportReader {
 public:
  explicit ExportReader(std::istream& in) : in_(in) {}

  Status wrong(const std::string& what) const {
    return {Code::kDataLoss, "line " + std::to_string(line_) + " " + what};
  }
  // A JSON object; nothing at the end.
  Result<std::optional<json>> next() {
    std::string line;
    ++line_;
    if (!std::getline(in_, line)) return std::optional<json>();
    if (line.size() > kMaxLineBytes) return wrong("is longer than any row can be");
    json value = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!value.is_object()) return wrong("is no JSON object");
    return std::optional<json>(std::move(value));
  }

 private:
  std::istream& in_;
  size_t line_ = 0;
};

struct Exported {
  int64_t version = 0;
  std::vector<RowChange> rows;
};

Result<Exported> readExport(std::istream& in) {
  ExportReader reader(in);
  const auto head = reader.next();
  if (!head) return head.status();
  const auto newest = static_cast<int64_t>(coordinatorSchema().steps.size());
  if (!*head || (*head)->value("format", "") != kFormat || !(*head)->contains("version") ||
      !(**head)["version"].is_number_integer() || !(*head)->contains("rows") ||
      !(**head)["rows"].is_number_unsigned()) {
    return reader.wrong("is not how an export begins; it is made with muster store export");
  }
  Exported out;
  out.version = (**head)["version"].get<int64_t>();
  if (out.version < 1 || out.version > newest) {
    return Status(Code::kRefusedUnsafe, "the export is of version " + std::to_string(out.version) +
                                            ", and this program knows up to " +
                                            std::to_string(newest) + "; use the newer program");
  }
  const auto count = (**head)["rows"].get<size_t>();
  for (auto line = reader.next();; line = reader.next()) {
    if (!line) return line.status();
    if (!*line) break;
    const json& row = **line;
    if (!row.contains("table") || !row["table"].is_string() || !row.contains("key") ||
        !row["key"].is_array() || !row.contains("row") || !row["row"].is_object()) {
      return reader.wrong("is no row: it needs table, key and row");
    }
    out.rows.push_back({row["table"].get<std::string>(), dumped(row["key"]), dumped(row["row"])});
  }
  if (out.rows.size() == count) return out;
  return Status(Code::kDataLoss, "the export is not whole: it has " +
                                     std::to_string(out.rows.size()) + " rows and says that " +
                                     std::to_string(count) + " follow");
}

}  // namespace

Result<StoreSummary> verifyStore(const std::filesystem::path& file) {
  const auto reading = verified(file);
  if (!reading) return reading.status();
  return summaryOf(reading->version(), reading->rows());
}

Result<StoreSummary> exportStore(const std::filesystem::path& file, std::ostream& out) {
  const auto reading = verified(file);
  if (!reading) return reading.status();
  out << dumped({{"format", kFormat},
                 {"version", reading->version()},
                 {"rows", reading->rows().size()}})
      << "\n";
  for (const RowChange& row : reading->rows()) {
    out << dumped({{"table", row.table},
                   {"key", json::parse(row.key)},
                   {"row", json::parse(row.row.value_or("{}"))}})
        << "\n";
  }
  out.flush();
  if (!out) return Status(Code::kUnavailable, "the export could not be written to its end");
  return summaryOf(reading->version(), reading->rows());
}

Result<StoreSummary> importStore(std::istream& in, const std::filesystem::path& file) {
  const auto there = [&] {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::symlink_status(file, error));
  };
  const Status taken(Code::kConflict, file.string() + " is there already; name a file that is not");
  if (there()) return taken;
  auto exported = readExport(in);
  if (!exported) return exported.status();
  const std::string draft = file.string() + ".import";
  const auto lock = FileLock::tryAcquire(file.string() + ".lock", "the database " + file.string());
  if (!lock) return lock.status();
  const auto remove = [&draft] {
    for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((draft + suffix).c_str());
  };
  remove();
  auto database = Database::open(draft, Duration{});
  if (!database) return database.status();
  Status made = ::chmod(draft.c_str(), 0600) == 0
                    ? fill(std::move(database).value(), exported->version, exported->rows)
                    : Status(Code::kUnavailable, "cannot restrict " + draft + " to its owner");
  // A link, unlike a renaming, takes nobody else's place.
  if (made && ::link(draft.c_str(), file.c_str()) != 0) {
    made = errno == EEXIST ? taken
                           : Status(Code::kUnavailable,
                                    "cannot make " + file.string() + ": " + std::strerror(errno));
  }
  remove();
  if (!made) {
    return Status(made.code() == Code::kConflict ? made.code() : Code::kDataLoss,
                  "nothing was imported: " + made.text());
  }
  if (Status s = syncFolderOf(file); !s) return s;
  return verifyStore(file);
}

}  // namespace muster::store
