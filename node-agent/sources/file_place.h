// How far a log file, and those that were rotated away before it, have been read, as it is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "node-agent/limits.h"
#include "node-agent/sources/log_file.h"

namespace muster::agent {

// Of one file.
struct FilePlace {
  FileId id;
  size_t head_bytes = 0;   // so many of its first bytes, kHeadBytes at most, ...
  uint64_t head_hash = 0;  // ... have this hash
  uint64_t offset = 0;     // behind the last record that was taken
  int64_t changed_ns = 0;  // when it was written to last
};

// At most limits::kMaxPlaceFiles of them, oldest first; more are left out at the beginning.
std::string writePlaces(const std::vector<FilePlace>& places);
// What can't be read is left out: the file is then read as a new one.
std::vector<FilePlace> readPlaces(std::string_view text);

}  // namespace muster::agent
