// Log files as they lie on a disk, and as logrotate(8) leaves them: renamed, copied, compressed.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/status.h"
#include "node-agent/fd.h"

namespace muster::agent {

struct FileId {
  uint64_t device = 0;
  uint64_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

// The first bytes of a log, by which a copy of it is known again: they have a time in them, or a
// number, as a rule. A log that is shorter is known by all of it.
inline constexpr size_t kHeadBytes = 1024;
uint64_t hashOf(std::string_view head);

// One file, open to be read; also one that gzip(1) has compressed, whose bytes are then those
// within.
class LogFile {
 public:
  // kNotFound: there is none. kInvalidArgument: it is no regular file.
  static Result<std::unique_ptr<LogFile>> open(const std::string& path);
  ~LogFile();

  FileId id() const { return id_; }
  bool isCompressed() const { return gz_ != nullptr; }
  // How many bytes were read; 0 at the end, or if it can't be read.
  size_t read(uint64_t offset, char* buffer, size_t size);
  // Its first bytes, kHeadBytes at most.
  std::string head();
  // Of the file itself, so of a compressed one not of what is within.
  uint64_t size() const;
  int64_t changedNs() const;

 private:
  LogFile(Fd fd, FileId id) : fd_(std::move(fd)), id_(id) {}
  Fd fd_;
  const FileId id_;
  void* gz_ = nullptr;  // gzFile
};

struct FoundFile {
  std::string path;
  FileId id;
  int64_t changed_ns = 0;  // by its time of modification
  uint64_t size = 0;
};

// What is there at a path; nothing if it isn't a regular file.
std::optional<FoundFile> findFile(const std::string& path);

// Whether a file of this name is what log rotation makes of the other one: "app.log.1",
// "app.log-20261123", "app-20261123.log", "app.log.2.gz".
bool isRotatedName(std::string_view name, std::string_view of);

// The rotated files of the log at `path`, in its folder and where the globs say, oldest first:
// by the time of modification, then by what their names say.
std::vector<FoundFile> rotatedFiles(const std::string& path, const std::vector<std::string>& globs);

// As glob(3); sorted. Nothing for what can't be read.
std::vector<std::string> expandGlob(const std::string& pattern);

}  // namespace muster::agent
