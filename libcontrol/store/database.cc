#include "libcontrol/store/database.h"

#include <utility>

namespace muster::store {
namespace {

Code codeOf(int sqlite_result) {
  switch (sqlite_result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kTimeout;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return Code::kResourceExhausted;
    case SQLITE_CONSTRAINT:
      return Code::kConflict;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file,
                                                 Duration busy_timeout) {
  std::unique_ptr<Database> database(new Database(file));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file.c_str(), &database->handle_, flags, nullptr) != SQLITE_OK) {
    return database->failure("open");
  }
  sqlite3_extended_result_codes(database->handle_, 1);
  sqlite3_busy_timeout(database->handle_, static_cast<int>(busy_timeout.toMillis()));
  return database;
}

Result<std::unique_ptr<Database>> Database::openToRead(const std::filesystem::path& file) {
  std::unique_ptr<Database> database(new Database(file));
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file.c_str(), &database->handle_, flags, nullptr) != SQLITE_OK) {
    return database->failure("open");
  }
  sqlite3_extended_result_codes(database->handle_, 1);
  return database;
}

Status Database::configure() {
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF"}) {
    if (Status set = execute(pragma); !set) return set;
  }
  return Status::ok();
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return Status::ok();
  }
  return failure("use");
}

Result<int64_t> Database::number(const std::string& sql) {
  Statement statement(*this, sql.c_str());
  Run run(statement);
  Result<bool> row = run.step();
  if (!row) return row.status();
  if (!*row) return Status(Code::kInternal, "no row from: " + sql);
  return run.integerAt(0);
}

Status Database::failure(const std::string& doing) const {
  const int result = handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM;
  const char* text = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
  return {codeOf(result), "cannot " + doing + " " + file_.string() + ": " + text};
}

Run::Run(Statement& statement) : statement_(statement) {
  if (statement_.prepared_) return;
  note(sqlite3_prepare_v3(statement_.database_.handle(), statement_.sql_, -1,
                          SQLITE_PREPARE_PERSISTENT, &statement_.prepared_, nullptr));
}

Run::~Run() {
  // Nothing was prepared where the file is damaged or the statement does not fit it.
  if (statement_.prepared_ == nullptr) return;
  sqlite3_reset(statement_.prepared_);
  sqlite3_clear_bindings(statement_.prepared_);
}

void Run::note(int result) {
  if (result_ == SQLITE_OK) result_ = result;
}

Run& Run::integer(int64_t value) {
  if (result_ == SQLITE_OK) note(sqlite3_bind_int64(statement_.prepared_, next_++, value));
  return *this;
}

Run& Run::real(double value) {
  if (result_ == SQLITE_OK) note(sqlite3_bind_double(statement_.prepared_, next_++, value));
  return *this;
}

// Bound values may be temporaries: SQLite copies them.
Run& Run::text(std::string_view value) {
  if (result_ == SQLITE_OK) {
    note(sqlite3_bind_text64(statement_.prepared_, next_++, value.data() ? value.data() : "",
                             value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  return *this;
}

Run& Run::blob(std::string_view value) {
  if (result_ == SQLITE_OK) {
    note(sqlite3_bind_blob64(statement_.prepared_, next_++, value.data() ? value.data() : "",
                             value.size(), SQLITE_TRANSIENT));
  }
  return *this;
}

Run& Run::null() {
  if (result_ == SQLITE_OK) note(sqlite3_bind_null(statement_.prepared_, next_++));
  return *this;
}

Result<bool> Run::step() {
  if (result_ != SQLITE_OK) return statement_.database_.failure("use");
  const int result = sqlite3_step(statement_.prepared_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return statement_.database_.failure("use");
}

Status Run::done() {
  const Database& database = statement_.database_;
  if (database.before_commit_ && sqlite3_get_autocommit(database.handle())) {
    return {Code::kInternal, "written outside of a transaction: " + std::string(statement_.sql_)};
  }
  return step().status();
}

int64_t Run::integerAt(int column) const {
  return sqlite3_column_int64(statement_.prepared_, column);
}

double Run::realAt(int column) const {
  return sqlite3_column_double(statement_.prepared_, column);
}

bool Run::isNullAt(int column) const {
  return sqlite3_column_type(statement_.prepared_, column) == SQLITE_NULL;
}

std::string Run::textAt(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.prepared_, column);
  const int size = sqlite3_column_bytes(statement_.prepared_, column);
  if (!bytes) return {};
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

Transaction::~Transaction() {
  // SQLite has rolled back by itself after some errors; then there is nothing left to do.
  if (open_ && !sqlite3_get_autocommit(database_.handle())) {
    (void)database_.execute("ROLLBACK");
  }
}

Status Transaction::begin() {
  Status begun = database_.execute("BEGIN IMMEDIATE");
  open_ = begun.isOk();
  return begun;
}

Status Transaction::commit() {
  if (database_.before_commit_) {
    if (Status allowed = database_.before_commit_(); !allowed) return allowed;
  }
  return database_.execute("COMMIT");
}

}  // namespace muster::store
