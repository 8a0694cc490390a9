// A thin layer over SQLite's C interface: errors as Status, handles that close themselves.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::store {

// One connection; one thread. Outlives its statements.
class Database {
 public:
  // Changes nothing in the file yet, so that a stranger's is left as it was.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                Duration busy_timeout);
  // To read only; others may write meanwhile.
  static Result<std::unique_ptr<Database>> openToRead(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Write-ahead log, synchronous=FULL (a commit is on disk when it returns), foreign keys on.
  Status configure();

  // One or more statements whose rows don't matter.
  Status execute(const std::string& sql);
  // A query for one number.
  Result<int64_t> number(const std::string& sql);
  // Called by every transaction before it commits; an error undoes the transaction. While it is set
  // nothing can be written outside of one.
  void beforeCommit(std::function<Status()> f) { before_commit_ = std::move(f); }
  int64_t lastRowId() const { return sqlite3_last_insert_rowid(handle_); }
  // Rows changed by the last statement.
  int changes() const { return sqlite3_changes(handle_); }

  // The connection's last error, as a Status that names the file.
  Status failure(const std::string& doing) const;
  sqlite3* handle() const { return handle_; }

 private:
  explicit Database(std::filesystem::path file) : file_(std::move(file)) {}
  friend class Run;
  friend class Transaction;
  const std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::function<Status()> before_commit_;
};

// A statement, prepared at its first use and kept.
class Statement {
 public:
  // `sql` must outlive it: a literal.
  Statement(Database& database, const char* sql) : database_(database), sql_(sql) {}
  ~Statement() { sqlite3_finalize(prepared_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

 private:
  friend class Run;
  Database& database_;
  const char* const sql_;
  sqlite3_stmt* prepared_ = nullptr;
};

// One execution of a statement: bind in the order of the placeholders, then step. The statement is
// free again when this ends. A failure while binding shows at the first step.
class Run {
 public:
  explicit Run(Statement& statement);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Run& integer(int64_t value);
  Run& real(double value);
  Run& text(std::string_view value);
  Run& blob(std::string_view value);
  Run& null();

  // Whether there is a (further) row.
  Result<bool> step();
  // For statements that have no rows.
  Status done();

  int64_t integerAt(int column) const;
  double realAt(int column) const;
  std::string textAt(int column) const;  // text and blobs alike
  bool isNullAt(int column) const;

 private:
  void note(int result);
  Statement& statement_;
  int next_ = 1;
  int result_ = SQLITE_OK;
};

// BEGIN IMMEDIATE; rolled back at the end of its life unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Status begin();
  // Durable when it returns ok.
  Status commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace muster::store
