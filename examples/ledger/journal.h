// The ledger's journal: an SQLite file that all nodes of the group share, guarded by a fencing
// token in the same file. Whoever is not the latest to have claimed it cannot write, however late
// it wakes up.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "muster/fence.h"
#include "muster/status.h"

struct sqlite3;

namespace ledger {

struct Token {
  uint64_t epoch = 0;
  std::string instance;
};

struct Entry {
  uint64_t seq = 0;  // 1, 2, ... without holes
  uint64_t epoch = 0;
  std::string instance;
  std::string id;  // the client's; empty: none
  std::string text;
  int64_t at_ms = 0;  // Unix time; only shown
};

struct Appended {
  uint64_t seq = 0;
  uint64_t epoch = 0;
  bool again = false;  // it was there under its id already
};

// One connection; its owner lets one thread at a time use it.
class Journal {
 public:
  // Makes the file if it isn't there. `max_wait`: how long a call waits for another node's write.
  static muster::Result<std::unique_ptr<Journal>> open(const std::filesystem::path& file,
                                                       std::chrono::milliseconds max_wait);
  // Somebody else's journal, to look at: only read() works. kNotFound if it isn't there.
  static muster::Result<std::unique_ptr<Journal>> openToRead(const std::filesystem::path& file);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // From then on every lower token is refused. kConflict if this one comes too late.
  muster::Status claim(const Token& token);
  // Durable when it returns ok. kConflict: this token does not hold the journal, or the id belongs
  // to another text (field() is then "id"). kTimeout: the outcome is unknown. After anything else
  // nothing was written.
  muster::Result<Appended> append(const Token& token, const std::string& id,
                                  const std::string& text, int64_t at_ms);
  // Whether it could be written at this moment, which is tried; what it says stays as it is.
  muster::Status probe();
  // Calls `each` for at most `limit` entries from `from` on, in order, as of one moment.
  muster::Status read(uint64_t from, uint64_t limit, const std::function<void(const Entry&)>& each);

 private:
  Journal(sqlite3* db, std::chrono::milliseconds max_wait);
  muster::Status prepare();
  muster::Result<Appended> appendWithin(const Token& token, const std::string& id,
                                        const std::string& text, int64_t at_ms);

  sqlite3* const db_;
  const std::chrono::milliseconds max_wait_;
  muster::SqlFence fence_;
};

}  // namespace ledger
