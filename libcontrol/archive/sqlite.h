// SQLite as the archive uses it: statements prepared once, failures told apart by what helps
// against them.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster::archive {

// A connection; one thread at a time. Failures have the code
//   kDataLoss           the file is damaged or none of ours
//   kResourceExhausted  the disk, or what this process may use of it, is full
//   kUnavailable        anything else: no right, no file, an error of the device
class Connection {
 public:
  // `page_bytes` counts for a new file alone. A write-ahead log; a commit is on the disk when it
  // returns.
  static Result<std::unique_ptr<Connection>> openToWrite(const std::filesystem::path& file,
                                                         int page_bytes, int cache_kib);
  static Result<std::unique_ptr<Connection>> openToRead(const std::filesystem::path& file,
                                                        int cache_kib);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status execute(const std::string& sql);
  Result<int64_t> number(const std::string& sql);
  int64_t lastRowId() const { return sqlite3_last_insert_rowid(handle_); }
  // Gives back the memory of pages that are not being changed.
  void dropCache() { sqlite3_db_release_memory(handle_); }
  Status failure(const std::string& doing) const;
  sqlite3* handle() const { return handle_; }

 private:
  explicit Connection(std::filesystem::path file) : file_(std::move(file)) {}
  static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file, int flags,
                                                  int cache_kib);
  const std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
};

// Prepared at its first use. Bind in the order of the placeholders, step, reset.
class Statement {
 public:
  // Both outlive it.
  Statement(Connection& connection, const char* sql) : connection_(connection), sql_(sql) {}
  ~Statement() { sqlite3_finalize(prepared_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Begins anew.
  Statement& begin();
  Statement& integer(int64_t value);
  // The bytes stay valid until the next begin() or the end.
  Statement& text(std::string_view value);
  Statement& blob(std::string_view value);
  // Whether there is a row.
  Result<bool> step();
  // For those without rows; also lets go of what it holds.
  Status done();
  void reset();

  int64_t integerAt(int column) const { return sqlite3_column_int64(prepared_, column); }
  // Valid until the next step.
  std::string_view bytesAt(int column) const;

 private:
  Connection& connection_;
  const char* const sql_;
  sqlite3_stmt* prepared_ = nullptr;
  int next_ = 1;
  int result_ = SQLITE_OK;
};

// BEGIN IMMEDIATE; rolled back at the end of its life unless committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Status begin();
  Status commit();

 private:
  Connection& connection_;
  bool open_ = false;
};

// The file with its write-ahead log and what belongs to that; 0 where there is none.
uint64_t databaseBytes(const std::filesystem::path& file);
// So that files that were made in it are there after a crash of the machine.
Status syncFolder(const std::filesystem::path& folder);
void removeDatabase(const std::filesystem::path& file);

}  // namespace muster::archive
