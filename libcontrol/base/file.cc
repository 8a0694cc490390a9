#include "libcontrol/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace muster {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool isOpen() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Status systemFailure(const std::string& doing, const std::filesystem::path& path) {
  const int error = errno;
  const Code code = error == ENOENT                      ? Code::kNotFound
                    : error == ENOSPC || error == EDQUOT ? Code::kResourceExhausted
                                                         : Code::kUnavailable;
  return {code, "cannot " + doing + " " + path.string() + ": " + std::strerror(error)};
}

bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Status syncFolder(const std::filesystem::path& folder) {
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.isOpen() || ::fsync(fd.get()) != 0) return systemFailure("sync the folder", folder);
  return Status::ok();
}

Result<int> openLockFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return systemFailure("open the lock file", path);
  return fd;
}

}  // namespace

Status replaceFile(const std::filesystem::path& path, std::string_view bytes,
                   const SyncFolder& sync_folder) {
  const std::filesystem::path fresh = path.string() + ".new";
  Descriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.isOpen()) return systemFailure("make", fresh);
  if (!writeAll(fd.get(), bytes)) return systemFailure("write", fresh);
  if (::fsync(fd.get()) != 0) return systemFailure("sync", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return systemFailure("replace", path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Status synced = sync_folder ? sync_folder(folder) : syncFolder(folder);
  if (synced) return Status::ok();
  return {Code::kDataLoss, path.string() +
                               " was replaced, but may be the old one again after a "
                               "crash: " +
                               synced.text()};
}

Result<std::string> readFile(const std::filesystem::path& path, size_t max_bytes) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.isOpen()) return systemFailure("open", path);
  std::string bytes;
  char chunk[16384];
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return systemFailure("read", path);
    if (got == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(got));
    if (bytes.size() > max_bytes) {
      return Status(Code::kInvalidArgument,
                    path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Result<FileLock> FileLock::tryAcquire(const std::filesystem::path& path, const std::string& what) {
  Result<int> opened = openLockFile(path);
  if (!opened) return opened.status();
  FileLock lock(*opened);
  if (::flock(*opened, LOCK_EX | LOCK_NB) == 0) {
    // Only for the text below; the lock itself is what counts.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(*opened, 0) != 0 || ::pwrite(*opened, pid.data(), pid.size(), 0) < 0) {
      return systemFailure("write", path);
    }
    return lock;
  }
  if (errno != EWOULDBLOCK) return systemFailure("lock", path);
  char owner[24] = {};
  std::string by = "another process";
  if (::pread(*opened, owner, sizeof owner - 1, 0) > 0) {
    by = "process " + std::string(owner, std::strcspn(owner, "\n"));
  }
  return Status(Code::kConflict, what + " is in use by " + by + " (lock " + path.string() +
                                     "); stop that one first, or give this one a place of its own");
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path) {
  Result<int> opened = openLockFile(path);
  if (!opened) return opened.status();
  FileLock lock(*opened);
  while (::flock(*opened, LOCK_EX) != 0) {
    if (errno != EINTR) return systemFailure("lock", path);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace muster
