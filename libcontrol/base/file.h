// Small files that must be whole: replaced atomically, read with a bound, locked against a second
// process.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster {

// Writes PATH.new, syncs it, renames it over PATH and syncs the folder: after a crash at any point
// PATH holds the old bytes or the new ones. Mode 0600. Writers of one path must exclude each other.
// On an error PATH is as it was, but for kDataLoss: the new bytes are there and may be gone after a
// crash, since the folder could not be synced. `sync_folder` stands in for that sync in tests.
using SyncFolder = std::function<Status(const std::filesystem::path& folder)>;
Status replaceFile(const std::filesystem::path& path, std::string_view bytes,
                   const SyncFolder& sync_folder = {});

// kNotFound if there is no such file, kInvalidArgument if it is larger than max_bytes.
Result<std::string> readFile(const std::filesystem::path& path, size_t max_bytes);

// A flock(2) on a file, which is made (mode 0600) if need be and never removed, since a removed one
// could be locked twice. Held until destruction; ends with the process however that ends, and is
// not inherited through exec.
class FileLock {
 public:
  // Doesn't wait: kConflict if somebody has it, with the process id found in the file. `what` names
  // the thing that is protected, for the text.
  static Result<FileLock> tryAcquire(const std::filesystem::path& path, const std::string& what);
  // Waits for as long as it takes.
  static Result<FileLock> acquire(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace muster
