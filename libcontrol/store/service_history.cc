#include "libcontrol/store/service_history.h"

#include <sys/stat.h>

#include <array>
#include <map>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/store/database.h"
#include "libcontrol/store/schema.h"

namespace muster::store {
namespace {

// "MSTH". What was once released is never edited, only added to.
constexpr int64_t kServiceHistoryId = 0x4d535448;
constexpr std::array kSteps = {
    R"sql(
CREATE TABLE service_history (
  "group" TEXT NOT NULL,                  -- empty: a node's own
  service TEXT NOT NULL CHECK (service <> ''),
  saved_at_ms INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY ("group", service)
) STRICT;
)sql",
    R"sql(
CREATE TABLE record_subjects (
  id INTEGER PRIMARY KEY,
  "group" TEXT NOT NULL,                  -- empty: of a node that is in none
  node TEXT NOT NULL,                     -- empty: the group's
  service TEXT NOT NULL CHECK (service <> ''),
  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  last_day INTEGER NOT NULL,
  UNIQUE ("group", node, service, kind)
) STRICT;
CREATE TABLE record_days (
  subject INTEGER NOT NULL,
  day INTEGER NOT NULL,                   -- since 1970-01-01, UTC
  objective REAL NOT NULL,
  good INTEGER NOT NULL,
  bad INTEGER NOT NULL,
  known_ms INTEGER NOT NULL,
  outages INTEGER NOT NULL,
  PRIMARY KEY (subject, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE record_outages (
  subject INTEGER NOT NULL,
  begin_ms INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  bad INTEGER NOT NULL,
  PRIMARY KEY (subject, begin_ms)
) STRICT, WITHOUT ROWID;
)sql",
};

const Schema& serviceHistorySchema() {
  static const Schema kSchema{kServiceHistoryId, "a history of services", kSteps};
  return kSchema;
}

Status checkRow(const ServiceHistoryRow& row) {
  if (row.service.empty() || row.service.size() > limits::kMaxNameBytes ||
      row.group.size() > limits::kMaxNameBytes) {
    return {Code::kInvalidArgument,
            "history of service '" + singleLine(row.service, limits::kMaxNameBytes) +
                "': names have 1 to 64 bytes",
            "service"};
  }
  if (row.state.size() > limits::kMaxHistoryRecordBytes) {
    return {Code::kInvalidArgument,
            "history of service '" + row.service + "' has " + std::to_string(row.state.size()) +
                " bytes, more than the " + std::to_string(limits::kMaxHistoryRecordBytes) +
                " that are kept",
            "state"};
  }
  return Status::ok();
}

Status checkRows(const std::vector<ServiceHistoryRow>& rows) {
  for (const ServiceHistoryRow& row : rows) {
    if (Status valid = checkRow(row); !valid) return valid;
  }
  return Status::ok();
}

class SqliteServiceHistory : public ServiceHistoryStore {
 public:
  explicit SqliteServiceHistory(std::unique_ptr<Database> database)
      : database_(std::move(database)),
        load_(*database_,
              "SELECT \"group\", service, saved_at_ms, state FROM service_history "
              "ORDER BY \"group\", service"),
        replace_(*database_, "INSERT OR REPLACE INTO service_history VALUES (?,?,?,?)"),
        forget_(*database_, "DELETE FROM service_history WHERE saved_at_ms < ?"),
        record_(levelRecordIn(*database_)) {}

  LevelRecordStore* record() override { return record_.get(); }

  Result<std::vector<ServiceHistoryRow>> load() override {
    std::vector<ServiceHistoryRow> out;
    Run run(load_);
    for (;;) {
      const auto more = run.step();
      if (!more) return more.status();
      if (!*more) return out;
      out.push_back({run.textAt(0), run.textAt(1), WallTime{run.integerAt(2)}, run.textAt(3)});
    }
  }

  Status save(const std::vector<ServiceHistoryRow>& rows) override {
    if (Status valid = checkRows(rows); !valid) return valid;
    Transaction transaction(*database_);
    if (Status begun = transaction.begin(); !begun) return begun;
    for (const ServiceHistoryRow& row : rows) {
      Run run(replace_);
      run.text(row.group).text(row.service).integer(row.saved_at.unix_ms).blob(row.state);
      if (Status done = run.done(); !done) return done;
    }
    return transaction.commit();
  }

  Status forgetBefore(WallTime then) override {
    Run run(forget_);
    return run.integer(then.unix_ms).done();
  }

 private:
  const std::unique_ptr<Database> database_;
  Statement load_;
  Statement replace_;
  Statement forget_;
  const std::unique_ptr<LevelRecordStore> record_;
};

class MemoryServiceHistory : public ServiceHistoryStore {
 public:
  LevelRecordStore* record() override { return record_.get(); }

  Result<std::vector<ServiceHistoryRow>> load() override {
    std::vector<ServiceHistoryRow> out;
    for (const auto& [key, row] : rows_) out.push_back(row);
    return out;
  }
  Status save(const std::vector<ServiceHistoryRow>& rows) override {
    if (Status valid = checkRows(rows); !valid) return valid;
    for (const ServiceHistoryRow& row : rows) rows_[{row.group, row.service}] = row;
    return Status::ok();
  }
  Status forgetBefore(WallTime then) override {
    std::erase_if(rows_, [&](const auto& each) { return each.second.saved_at < then; });
    return Status::ok();
  }

 private:
  std::map<std::pair<std::string, std::string>, ServiceHistoryRow> rows_;
  const std::unique_ptr<LevelRecordStore> record_ = openMemoryLevelRecord();
};

}  // namespace

Result<std::unique_ptr<ServiceHistoryStore>> openServiceHistory(const std::filesystem::path& file,
                                                                Duration busy_timeout) {
  Result<std::unique_ptr<Database>> database = Database::open(file, busy_timeout);
  if (!database) return database.status();
  // SQLite gives its log files the mode of the database itself.
  if (::chmod(file.c_str(), 0600) != 0) {
    return Status(Code::kUnavailable, "cannot restrict " + file.string() + " to its owner");
  }
  if (Status prepared = prepareSchema(**database, serviceHistorySchema()); !prepared) {
    return Status(prepared.code(), "the history of services " + file.string() +
                                       " can't be used: " + prepared.text());
  }
  // The caller renews leases on the same thread: no commit waits for the disk.
  if (Status set = (*database)->execute("PRAGMA synchronous=NORMAL"); !set) return set;
  return std::unique_ptr<ServiceHistoryStore>(new SqliteServiceHistory(std::move(*database)));
}

std::unique_ptr<ServiceHistoryStore> openMemoryServiceHistory() {
  return std::make_unique<MemoryServiceHistory>();
}

std::unique_ptr<ServiceHistoryStore> openServiceHistoryOrNew(const std::filesystem::path& file,
                                                             Status& problem) {
  auto store = openServiceHistory(file);
  if (store) return std::move(store).value();
  problem = store.status();
  if (problem.code() == Code::kDataLoss) {
    std::error_code ignored;  // then it can't be opened either
    std::filesystem::rename(file, file.string() + ".damaged", ignored);
    for (const char* with : {"-wal", "-shm"}) {
      std::filesystem::remove(file.string() + with, ignored);
    }
    store = openServiceHistory(file);
    if (store) return std::move(store).value();
  }
  return openMemoryServiceHistory();
}

}  // namespace muster::store
