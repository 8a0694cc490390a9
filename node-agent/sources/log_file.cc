#include "node-agent/sources/log_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "node-agent/limits.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompressed[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z"};
constexpr unsigned kGzBufferBytes = 16 * 1024;

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view withoutCompression(std::string_view name) {
  for (const std::string_view ending : kCompressed) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

// ".1", "-20261123", "-20261123-1700000000", ".2026-11-23T19".
bool isCounter(std::string_view text) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != '-' && text[0] != '_')) return false;
  if (!std::any_of(text.begin(), text.end(), isDigit)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return isDigit(c) || c == '.' || c == '-' || c == '_' || c == 'T';
  });
}

FileId idOf(const struct stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)};
}

int64_t changed(const struct stat& info) {
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// The number of "app.log.12", where a higher one is older; -1: there is none.
int64_t numberOf(std::string_view path) {
  path = withoutCompression(path);
  size_t begin = path.size();
  while (begin > 0 && isDigit(path[begin - 1])) --begin;
  if (begin == 0 || path[begin - 1] != '.' || path.size() - begin > 6 || begin == path.size()) {
    return -1;
  }
  return std::stoll(std::string(path.substr(begin)));
}

bool isOlder(const FoundFile& a, const FoundFile& b) {
  if (a.changed_ns != b.changed_ns) return a.changed_ns < b.changed_ns;
  const int64_t number_a = numberOf(a.path);
  const int64_t number_b = numberOf(b.path);
  if (number_a >= 0 && number_b >= 0) return number_a > number_b;
  return a.path < b.path;
}

}  // namespace

uint64_t hashOf(std::string_view head) {
  // FNV-1a.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : head) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path) {
  // A FIFO must not be waited for.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.isOpen()) {
    const Code code = errno == ENOENT ? Code::kNotFound : Code::kUnavailable;
    return Status(code, path + ": " + strerror(errno));
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Status(Code::kInvalidArgument, path + " is not a regular file");
  }
  std::unique_ptr<LogFile> out(new LogFile(std::move(fd), idOf(info)));
  unsigned char magic[2] = {};
  const bool is_gzip = pread(out->fd_.get(), magic, 2, 0) == 2 && magic[0] == 0x1f &&
                       magic[1] == 0x8b && path.ends_with(".gz");
  if (!is_gzip) return out;
  const int copy = dup(out->fd_.get());
  gzFile gz = copy < 0 ? nullptr : gzdopen(copy, "rb");
  if (gz == nullptr) {
    if (copy >= 0) close(copy);
    return Status(Code::kResourceExhausted, path + " can't be unpacked: no memory");
  }
  gzbuffer(gz, kGzBufferBytes);
  out->gz_ = gz;
  return out;
}

LogFile::~LogFile() {
  if (gz_ != nullptr) gzclose(static_cast<gzFile>(gz_));
}

size_t LogFile::read(uint64_t offset, char* buffer, size_t size) {
  if (gz_ == nullptr) {
    ssize_t got = 0;
    do {
      got = pread(fd_.get(), buffer, size, static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : static_cast<size_t>(got);
  }
  auto* gz = static_cast<gzFile>(gz_);
  const auto wanted = static_cast<z_off_t>(offset);
  if (gztell(gz) != wanted && gzseek(gz, wanted, SEEK_SET) != wanted) return 0;
  const int got = gzread(gz, buffer, static_cast<unsigned>(size));
  return got < 0 ? 0 : static_cast<size_t>(got);
}

std::string LogFile::head() {
  std::string out(kHeadBytes, '\0');
  size_t have = 0;
  while (have < kHeadBytes) {
    const size_t got = read(have, out.data() + have, kHeadBytes - have);
    if (got == 0) break;
    have += got;
  }
  out.resize(have);
  return out;
}

uint64_t LogFile::size() const {
  struct stat info {};
  return fstat(fd_.get(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

int64_t LogFile::changedNs() const {
  struct stat info {};
  return fstat(fd_.get(), &info) == 0 ? changed(info) : 0;
}

std::optional<FoundFile> findFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FoundFile{path, idOf(info), changed(info), static_cast<uint64_t>(info.st_size)};
}

bool isRotatedName(std::string_view name, std::string_view of) {
  name = withoutCompression(name);
  if (name == of) return false;
  if (name.starts_with(of)) return isCounter(name.substr(of.size()));
  // "app-20261123.log": logrotate's `extension`.
  const size_t dot = of.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view stem = of.substr(0, dot);
  const std::string_view ending = of.substr(dot);
  if (!name.starts_with(stem) || !name.ends_with(ending)) return false;
  if (name.size() <= stem.size() + ending.size()) return false;
  return isCounter(name.substr(stem.size(), name.size() - stem.size() - ending.size()));
}

std::vector<FoundFile> rotatedFiles(const std::string& path,
                                    const std::vector<std::string>& globs) {
  std::vector<FoundFile> out;
  const auto add = [&](const std::string& candidate) {
    if (out.size() >= limits::kMaxRotatedFiles) return;
    if (auto found = findFile(candidate)) out.push_back(*std::move(found));
  };
  const fs::path whole(path);
  const std::string folder = whole.parent_path().string();
  const std::string name = whole.filename().string();
  if (DIR* dir = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(dir)) {
      if (isRotatedName(entry->d_name, name)) add(folder + "/" + entry->d_name);
    }
    closedir(dir);
  }
  for (const std::string& glob : globs) {
    for (const std::string& found : expandGlob(glob)) {
      const bool is_in_folder = fs::path(found).parent_path() == folder;
      if (!is_in_folder && isRotatedName(fs::path(found).filename().string(), name)) add(found);
    }
  }
  std::sort(out.begin(), out.end(), isOlder);
  return out;
}

std::vector<std::string> expandGlob(const std::string& pattern) {
  std::vector<std::string> out;
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) out.emplace_back(found.gl_pathv[i]);
  }
  globfree(&found);
  return out;
}

}  // namespace muster::agent
