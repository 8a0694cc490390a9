#include <sqlite3.h>

#include <memory>
#include <utility>

#include "libcontrol/fence/token.h"
#include "muster/fence.h"

namespace muster {
namespace {

using fence::Token;

constexpr size_t kMaxResourceBytes = 64;

Status failure(sqlite3* db, const std::string& doing) {
  const int result = sqlite3_errcode(db);
  const Code code = result == SQLITE_BUSY || result == SQLITE_LOCKED      ? Code::kTimeout
                    : result == SQLITE_CORRUPT || result == SQLITE_NOTADB ? Code::kDataLoss
                                                                          : Code::kUnavailable;
  return {code, "cannot " + doing + " the fencing token: " + sqlite3_errmsg(db)};
}

Status execute(sqlite3* db, const std::string& sql, const std::string& doing) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return Status::ok();
  return failure(db, doing);
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

void bindText(sqlite3_stmt* statement, int index, const std::string& text) {
  sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

Result<Token> heldToken(sqlite3* db, const std::string& resource) {
  const StatementPtr statement =
      prepareStatement(db, "SELECT epoch, instance FROM muster_fence WHERE resource = ?");
  if (!statement) return failure(db, "read");
  bindText(statement.get(), 1, resource);
  const int result = sqlite3_step(statement.get());
  if (result == SQLITE_DONE) return Token{};
  if (result != SQLITE_ROW) return failure(db, "read");
  Token held;
  held.epoch = static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 0));
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 1));
  held.instance = text ? text : "";
  return held;
}

Status putToken(sqlite3* db, const std::string& resource, const Token& token) {
  const StatementPtr statement = prepareStatement(
      db, "INSERT OR REPLACE INTO muster_fence (resource, epoch, instance) VALUES (?, ?, ?)");
  if (!statement) return failure(db, "write");
  bindText(statement.get(), 1, resource);
  sqlite3_bind_int64(statement.get(), 2, static_cast<int64_t>(token.epoch));
  bindText(statement.get(), 3, token.instance);
  return sqlite3_step(statement.get()) == SQLITE_DONE ? Status::ok() : failure(db, "write");
}

// Ends the transaction that claim() began unless it was committed.
class Rollback {
 public:
  explicit Rollback(sqlite3* db) : db_(db) {}
  ~Rollback() {
    if (!sqlite3_get_autocommit(db_)) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

 private:
  sqlite3* const db_;
};

// A claim that a power cut could undo would let the predecessor back in, whatever durability the
// application has chosen for its own writes.
class FullSync {
 public:
  explicit FullSync(sqlite3* db) : db_(db) {
    if (const StatementPtr statement = prepareStatement(db, "PRAGMA synchronous")) {
      if (sqlite3_step(statement.get()) == SQLITE_ROW) {
        before_ = sqlite3_column_int(statement.get(), 0);
      }
    }
  }
  ~FullSync() {
    if (raised_) (void)set(before_);
  }
  FullSync(const FullSync&) = delete;
  FullSync& operator=(const FullSync&) = delete;

  Status raise() {
    if (before_ >= kFull) return Status::ok();
    raised_ = true;
    return set(kFull);
  }

 private:
  static constexpr int kFull = 2;
  Status set(int level) {
    return execute(db_, "PRAGMA synchronous=" + std::to_string(level), "make durable");
  }
  sqlite3* const db_;
  int before_ = 0;
  bool raised_ = false;
};

Status checkResource(const std::string& resource) {
  if (!resource.empty() && resource.size() <= kMaxResourceBytes) return Status::ok();
  return {Code::kInvalidArgument,
          "a fence's resource has a name of 1 to " + std::to_string(kMaxResourceBytes) + " bytes",
          "resource"};
}

}  // namespace

SqlFence::SqlFence(sqlite3* db, std::string resource) : db_(db), resource_(std::move(resource)) {}

Status SqlFence::prepare() {
  if (Status named = checkResource(resource_); !named) return named;
  return execute(db_,
                 "CREATE TABLE IF NOT EXISTS muster_fence (resource TEXT PRIMARY KEY, "
                 "epoch INTEGER NOT NULL, instance TEXT NOT NULL)",
                 "make the table of");
}

Status SqlFence::claim(uint64_t epoch, const std::string& instance) {
  const Token token{epoch, instance};
  if (Status named = checkResource(resource_); !named) return named;
  if (Status formed = fence::checkWellFormed(token); !formed) return formed;
  if (!sqlite3_get_autocommit(db_)) {
    return {Code::kInvalidArgument,
            "claim() runs a transaction of its own and was called within another one"};
  }
  FullSync sync(db_);
  if (Status raised = sync.raise(); !raised) return raised;
  // IMMEDIATE: whoever reads the token here is the only one who may write it.
  if (Status begun = execute(db_, "BEGIN IMMEDIATE", "claim"); !begun) return begun;
  const Rollback rollback(db_);
  Result<Token> held = heldToken(db_, resource_);
  if (!held) return held.status();
  if (Status free = fence::checkClaim(token, *held, resource_); !free) return free;
  if (*held != token) {
    if (Status put = putToken(db_, resource_, token); !put) return put;
  }
  return execute(db_, "COMMIT", "claim");
}

Status SqlFence::check(uint64_t epoch, const std::string& instance) {
  // Outside of a write transaction another claim could come between this and the write.
  if (sqlite3_txn_state(db_, "main") != SQLITE_TXN_WRITE) {
    return {Code::kInvalidArgument,
            "check() belongs within a write transaction: BEGIN IMMEDIATE comes first"};
  }
  Result<Token> held = heldToken(db_, resource_);
  if (!held) return held.status();
  return fence::checkHolds({epoch, instance}, *held, resource_);
}

}  // namespace muster
