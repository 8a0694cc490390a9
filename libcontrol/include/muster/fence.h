// Checks of fencing tokens at the resource itself: the only ones that hold against a process or a
// machine that was paused and wakes late. A token is (epoch, instance). The highest epoch seen
// wins; a lower one is refused, and an equal one from another instance too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "muster/status.h"

struct sqlite3;

namespace muster {

// In an SQLite database, beside the data it protects. Every call runs on the caller's connection
// and thread.
class SqlFence {
 public:
  // `db` must outlive this object. `resource` names what is protected, at most 64 bytes.
  SqlFence(sqlite3* db, std::string resource);

  // Makes the table muster_fence if it isn't there.
  Status prepare();
  // In a transaction of its own (BEGIN IMMEDIATE), durable when it returns: call it from onPromote
  // before anything is read. kConflict if a higher token, or an equal one of another instance, was
  // here before.
  Status claim(uint64_t epoch, const std::string& instance);
  // Within the caller's write transaction, before its own statements: kConflict unless this very
  // token is the one that holds the resource.
  Status check(uint64_t epoch, const std::string& instance);

 private:
  sqlite3* const db_;
  const std::string resource_;
};

// In a file beside the data, under flock(2), replaced by rename and fsync.
class FileFence {
 public:
  explicit FileFence(std::filesystem::path path);
  Status claim(uint64_t epoch, const std::string& instance);
  // Only as good as the caller's discipline: between the check and the write nothing holds others
  // back unless the caller writes under the same lock; prefer SqlFence where there is a choice.
  Status check(uint64_t epoch, const std::string& instance);

 private:
  const std::filesystem::path path_;
};

}  // namespace muster
