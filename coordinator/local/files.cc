#include "coordinator/local/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/text.h"

namespace muster::local {
namespace {

constexpr size_t kMaxLogBytes = 10 * 1024 * 1024;
constexpr size_t kTailLines = 15;
constexpr size_t kTailBytes = 4096;

}  // namespace

Status fileError(const std::string& doing, const std::filesystem::path& path, int error_number) {
  const Code code = error_number == ENOENT ? Code::kNotFound : Code::kInternal;
  return {code, doing + " " + path.string() + ": " + strerror(error_number)};
}

Result<std::string> keepSecret(const std::filesystem::path& path) {
  auto kept = readFile(path, 1024);
  if (kept) {
    while (!kept->empty() && (kept->back() == '\n' || kept->back() == '\r')) kept->pop_back();
    if (!kept->empty()) return kept;
  } else if (kept.status().code() != Code::kNotFound) {
    return kept;
  }
  SystemRandom random;
  const std::string secret = Id128::make(random).toHex();
  // No line feed: whoever reads it need not know to take one off.
  if (Status written = replaceFile(path, secret); !written) return written;
  return secret;
}

Status makeFolder(const std::filesystem::path& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) {
    // Not subject to the umask.
    return chmod(path.c_str(), mode) == 0 ? Status::ok() : fileError("making", path, errno);
  }
  const int error_number = errno;
  std::error_code error;
  if (error_number == EEXIST && std::filesystem::is_directory(path, error)) return Status::ok();
  return fileError("making the folder", path, error_number);
}

Status giveTo(const std::filesystem::path& folder, uid_t uid, gid_t gid) {
  std::vector<std::filesystem::path> paths = {folder};
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    paths.push_back(it->path());
  }
  if (error) return {Code::kInternal, "reading " + folder.string() + ": " + error.message()};
  for (const auto& path : paths) {
    if (lchown(path.c_str(), uid, gid) != 0) return fileError("changing the owner of", path, errno);
  }
  return Status::ok();
}

std::string tailOf(const std::filesystem::path& path, size_t from) {
  std::ifstream in(path, std::ios::binary);
  const size_t size = sizeOf(path);
  if (!in || size <= from) return {};
  in.seekg(static_cast<std::streamoff>(std::max(from, size > kTailBytes ? size - kTailBytes : 0)));
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && text.back() == '\n') text.pop_back();
  size_t start = text.size();
  for (size_t lines = 0; lines < kTailLines && start != std::string::npos && start > 0; ++lines) {
    start = text.rfind('\n', start - 1);
  }
  if (start != std::string::npos && start > 0) text.erase(0, start + 1);
  return cleanText(text, kTailBytes);
}

size_t sizeOf(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<size_t>(size);
}

void rotateLog(const std::filesystem::path& path) {
  if (sizeOf(path) <= kMaxLogBytes) return;
  std::error_code error;
  std::filesystem::rename(path, path.string() + ".old", error);
}

Result<FileLock> lockFolder(const std::filesystem::path& dir) {
  auto lock = FileLock::tryAcquire(dir / "lock", dir.string());
  if (lock || lock.status().code() != Code::kConflict) return lock;
  return Status(Code::kConflict, "another `muster up` or `muster down` is at work in " +
                                     dir.string() + "; wait until it is done and try again");
}

}  // namespace muster::local
