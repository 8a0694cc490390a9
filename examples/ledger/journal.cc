#include "examples/ledger/journal.h"

#include <sqlite3.h>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;

constexpr const char* kResource = "ledger";
// A claim may have to outwait a predecessor's last write.
constexpr int kClaimWaitMs = 2000;
constexpr int kLockPollMs = 5;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS journal ("
    "seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, instance TEXT NOT NULL, "
    "id TEXT UNIQUE, text TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT";

Status failure(sqlite3* db, const std::string& doing) {
  return {Code::kUnavailable, "cannot " + doing + " the journal: " + sqlite3_errmsg(db)};
}

Status execute(sqlite3* db, const char* sql, const std::string& doing) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return Status::ok();
  return failure(db, doing);
}

// SQLite asks no busy handler when two at once turn a new file over to the write-ahead log: the
// second of them is told at once that it is locked.
Status useWriteAheadLog(sqlite3* db) {
  for (int waited_ms = 0;; waited_ms += kLockPollMs) {
    const int result = sqlite3_exec(db, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (result == SQLITE_OK) return Status::ok();
    if (result != SQLITE_BUSY || waited_ms >= kClaimWaitMs) return failure(db, "prepare");
    sqlite3_sleep(kLockPollMs);
  }
}

struct Finalise {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalise>;

StatementPtr prepareStatement(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  return StatementPtr(statement);
}

// The text must outlive the step.
void bindText(sqlite3_stmt* statement, int index, const std::string& text) {
  sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

std::string textAt(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, column)))
              : std::string();
}

uint64_t numberAt(sqlite3_stmt* statement, int column) {
  return static_cast<uint64_t>(sqlite3_column_int64(statement, column));
}

// The entry that was written under this id before, if any: ok with seq 0 if there is none.
Result<Appended> findById(sqlite3* db, const std::string& id, const std::string& text) {
  const StatementPtr find =
      prepareStatement(db, "SELECT seq, epoch, text FROM journal WHERE id = ?");
  if (!find) return failure(db, "read");
  bindText(find.get(), 1, id);
  const int result = sqlite3_step(find.get());
  if (result == SQLITE_DONE) return Appended{};
  if (result != SQLITE_ROW) return failure(db, "read");
  if (textAt(find.get(), 2) != text) {
    return Status(Code::kConflict,
                  "id " + id + " is that of entry " + std::to_string(numberAt(find.get(), 0)) +
                      ", which has another text; take a new id",
                  "id");
  }
  return Appended{numberAt(find.get(), 0), numberAt(find.get(), 1), true};
}

Result<sqlite3*> connect(const std::filesystem::path& file, int flags) {
  sqlite3* db = nullptr;
  if (sqlite3_open_v2(file.c_str(), &db, flags | SQLITE_OPEN_FULLMUTEX, nullptr) == SQLITE_OK) {
    return db;
  }
  const Code code = std::filesystem::exists(file) ? Code::kUnavailable : Code::kNotFound;
  const Status status(code, "cannot open the journal " + file.string() + ": " +
                                (db ? sqlite3_errmsg(db) : "out of memory"));
  sqlite3_close(db);
  return status;
}

}  // namespace

Journal::Journal(sqlite3* db, std::chrono::milliseconds max_wait)
    : db_(db), max_wait_(max_wait), fence_(db, kResource) {
  sqlite3_busy_timeout(db_, static_cast<int>(max_wait_.count()));
}

Journal::~Journal() {
  sqlite3_close(db_);
}

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& file,
                                               std::chrono::milliseconds max_wait) {
  Result<sqlite3*> db = connect(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!db) return db.status();
  std::unique_ptr<Journal> journal(new Journal(*db, max_wait));
  if (Status prepared = journal->prepare(); !prepared) return prepared;
  return journal;
}

Result<std::unique_ptr<Journal>> Journal::openToRead(const std::filesystem::path& file) {
  Result<sqlite3*> db = connect(file, SQLITE_OPEN_READONLY);
  if (!db) return db.status();
  return std::unique_ptr<Journal>(new Journal(*db, std::chrono::seconds(5)));
}

Status Journal::prepare() {
  // All nodes may start at the same time on a file that isn't there yet.
  sqlite3_busy_timeout(db_, kClaimWaitMs);
  Status prepared = useWriteAheadLog(db_);
  if (prepared) prepared = execute(db_, "PRAGMA synchronous=FULL", "prepare");
  if (prepared) prepared = execute(db_, kSchema, "prepare");
  if (prepared) prepared = fence_.prepare();
  sqlite3_busy_timeout(db_, static_cast<int>(max_wait_.count()));
  return prepared;
}

Status Journal::claim(const Token& token) {
  sqlite3_busy_timeout(db_, kClaimWaitMs);
  Status claimed = fence_.claim(token.epoch, token.instance);
  sqlite3_busy_timeout(db_, static_cast<int>(max_wait_.count()));
  return claimed;
}

Result<Appended> Journal::append(const Token& token, const std::string& id, const std::string& text,
                                 int64_t at_ms) {
  // IMMEDIATE: between the check of the token and the commit nobody else can claim or write.
  if (Status begun = execute(db_, "BEGIN IMMEDIATE", "write"); !begun) return begun;
  Result<Appended> appended = appendWithin(token, id, text, at_ms);
  if (appended && !appended->again) {
    if (sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) {
      // The disk failed somewhere between "not at all" and "written but not confirmed".
      appended = Status(Code::kTimeout, failure(db_, "commit to").text());
    }
  }
  if (!sqlite3_get_autocommit(db_)) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  return appended;
}

Result<Appended> Journal::appendWithin(const Token& token, const std::string& id,
                                       const std::string& text, int64_t at_ms) {
  if (Status holds = fence_.check(token.epoch, token.instance); !holds) return holds;
  if (!id.empty()) {
    Result<Appended> before = findById(db_, id, text);
    if (!before || before->again) return before;
  }
  const StatementPtr insert = prepareStatement(
      db_, "INSERT INTO journal (epoch, instance, id, text, at_ms) VALUES (?, ?, ?, ?, ?)");
  if (!insert) return failure(db_, "write");
  sqlite3_bind_int64(insert.get(), 1, static_cast<int64_t>(token.epoch));
  bindText(insert.get(), 2, token.instance);
  if (!id.empty()) bindText(insert.get(), 3, id);
  bindText(insert.get(), 4, text);
  sqlite3_bind_int64(insert.get(), 5, at_ms);
  if (sqlite3_step(insert.get()) != SQLITE_DONE) return failure(db_, "write");
  return Appended{static_cast<uint64_t>(sqlite3_last_insert_rowid(db_)), token.epoch, false};
}

Status Journal::probe() {
  // A full disk shows only when something is written: a page whose content stays what it is.
  return execute(db_, "PRAGMA user_version = 0", "write");
}

Status Journal::read(uint64_t from, uint64_t limit, const std::function<void(const Entry&)>& each) {
  const StatementPtr select = prepareStatement(
      db_,
      "SELECT seq, epoch, instance, id, text, at_ms FROM journal WHERE seq >= ? ORDER BY seq "
      "LIMIT ?");
  if (!select) return failure(db_, "read");
  sqlite3_bind_int64(select.get(), 1, static_cast<int64_t>(from));
  sqlite3_bind_int64(select.get(), 2, static_cast<int64_t>(limit));
  int result = SQLITE_OK;
  while ((result = sqlite3_step(select.get())) == SQLITE_ROW) {
    sqlite3_stmt* row = select.get();
    each({numberAt(row, 0), numberAt(row, 1), textAt(row, 2), textAt(row, 3), textAt(row, 4),
          sqlite3_column_int64(row, 5)});
  }
  return result == SQLITE_DONE ? Status::ok() : failure(db_, "read");
}

}  // namespace ledger
