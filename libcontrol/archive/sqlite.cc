#include "libcontrol/archive/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace muster::archive {
namespace {

// Readers don't hold up the writer, nor the other way round; only a recovery does, for moments.
constexpr int kBusyMs = 5000;

Code codeOf(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDataLoss;
    case SQLITE_FULL:
      return Code::kResourceExhausted;
    default:
      return Code::kUnavailable;
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file, int flags,
                                                     int cache_kib) {
  std::unique_ptr<Connection> out(new Connection(file));
  const int opened =
      sqlite3_open_v2(file.c_str(), &out->handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (opened != SQLITE_OK) {
    return Status(codeOf(opened), file.string() + " can't be opened: " + sqlite3_errstr(opened));
  }
  sqlite3_extended_result_codes(out->handle_, 1);
  sqlite3_busy_timeout(out->handle_, kBusyMs);
  const Status tuned = out->execute("PRAGMA cache_size=-" + std::to_string(cache_kib) +
                                    "; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;");
  if (!tuned) return tuned;
  return out;
}

Result<std::unique_ptr<Connection>> Connection::openToWrite(const std::filesystem::path& file,
                                                            int page_bytes, int cache_kib) {
  auto out = open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, cache_kib);
  if (!out) return out;
  chmod(file.c_str(), 0600);
  const Status tuned = (*out)->execute("PRAGMA page_size=" + std::to_string(page_bytes) +
                                       "; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                       " PRAGMA journal_size_limit=0;");
  if (!tuned) return tuned;
  return out;
}

Result<std::unique_ptr<Connection>> Connection::openToRead(const std::filesystem::path& file,
                                                           int cache_kib) {
  return open(file, SQLITE_OPEN_READONLY, cache_kib);
}

Connection::~Connection() {
  sqlite3_close(handle_);
}

Status Connection::failure(const std::string& doing) const {
  return {codeOf(sqlite3_errcode(handle_)),
          file_.string() + ": " + doing + ": " + sqlite3_errmsg(handle_)};
}

Status Connection::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return Status::ok();
  }
  return failure(sql.substr(0, sql.find('(')).substr(0, 40));
}

Result<int64_t> Connection::number(const std::string& sql) {
  Statement statement(*this, sql.c_str());
  auto row = statement.begin().step();
  if (!row) return row.status();
  return *row ? statement.integerAt(0) : 0;
}

Statement& Statement::begin() {
  next_ = 1;
  if (prepared_ == nullptr) {
    result_ = sqlite3_prepare_v3(connection_.handle(), sql_, -1, SQLITE_PREPARE_PERSISTENT,
                                 &prepared_, nullptr);
  } else {
    sqlite3_reset(prepared_);
    result_ = SQLITE_OK;
  }
  return *this;
}

Statement& Statement::integer(int64_t value) {
  if (result_ == SQLITE_OK) result_ = sqlite3_bind_int64(prepared_, next_++, value);
  return *this;
}

Statement& Statement::text(std::string_view value) {
  if (result_ == SQLITE_OK) {
    result_ = sqlite3_bind_text64(prepared_, next_++, value.empty() ? "" : value.data(),
                                  value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::blob(std::string_view value) {
  if (result_ == SQLITE_OK) {
    result_ = sqlite3_bind_blob64(prepared_, next_++, value.empty() ? "" : value.data(),
                                  value.size(), SQLITE_STATIC);
  }
  return *this;
}

Result<bool> Statement::step() {
  if (result_ == SQLITE_OK) result_ = sqlite3_step(prepared_);
  if (result_ == SQLITE_ROW) {
    result_ = SQLITE_OK;
    return true;
  }
  if (result_ == SQLITE_DONE) return false;
  const Status failed = connection_.failure(std::string(sql_).substr(0, 40));
  reset();
  return failed;
}

Status Statement::done() {
  const auto row = step();
  reset();
  return row.status();
}

void Statement::reset() {
  if (prepared_ != nullptr) sqlite3_reset(prepared_);
}

std::string_view Statement::bytesAt(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(prepared_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(prepared_, column))};
}

Transaction::~Transaction() {
  // Some failures have rolled it back by themselves.
  if (open_ && sqlite3_get_autocommit(connection_.handle()) == 0) {
    (void)connection_.execute("ROLLBACK");
  }
}

Status Transaction::begin() {
  const Status begun = connection_.execute("BEGIN IMMEDIATE");
  open_ = begun.isOk();
  return begun;
}

Status Transaction::commit() {
  const Status done = connection_.execute("COMMIT");
  if (done) open_ = false;
  return done;
}

uint64_t databaseBytes(const std::filesystem::path& file) {
  uint64_t out = 0;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat info {};
    if (stat((file.string() + suffix).c_str(), &info) == 0) {
      out += static_cast<uint64_t>(info.st_size);
    }
  }
  return out;
}

Status syncFolder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (synced) return Status::ok();
  return {Code::kUnavailable, folder.string() + " can't be synced"};
}

void removeDatabase(const std::filesystem::path& file) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::remove(file.string() + suffix, ignored);
  }
}

}  // namespace muster::archive
