#include "node-agent/levels/file_levels.h"

#include <fcntl.h>
#include <re2/re2.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "libcontrol/base/file.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "node-agent/fd.h"
#include "node-agent/levels/level_template.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

constexpr char kBegin[] = " levels set by muster-agent: begin";
constexpr char kEnd[] = " levels set by muster-agent: end";
constexpr char kRoot[] = "root";
constexpr size_t kMaxPidBytes = 64;

std::string beforeLevel(const std::string& line) {
  return line.substr(0, line.find("{level}"));
}

// The text before our lines, these, and what follows them.
struct Parted {
  std::string before;
  std::vector<std::string> own;
  std::string after;
};

Parted part(const std::string& text, const std::string& begin, const std::string& end) {
  Parted out;
  enum { kBefore, kOwn, kAfter } where = kBefore;
  size_t at = 0;
  while (at < text.size()) {
    const size_t stop = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(at, stop - at);
    const std::string bare = line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
    at = stop;
    if (where == kBefore && bare == begin) {
      where = kOwn;
    } else if (where == kOwn && bare == end) {
      where = kAfter;
    } else if (where == kOwn) {
      out.own.push_back(bare);
    } else {
      (where == kBefore ? out.before : out.after) += line;
    }
  }
  return out;
}

Status systemError(const std::string& what, const fs::path& path) {
  return {Code::kUnavailable, "can't " + what + " " + path.string() + ": " + strerror(errno)};
}

Status writeAll(int fd, const std::string& bytes, const fs::path& path) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(fd, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return systemError("write", path);
    at += static_cast<size_t>(written);
  }
  return fsync(fd) == 0 ? Status::ok() : systemError("sync", path);
}

Status signalPidFile(const fs::path& file, int number) {
  const auto text = readFile(file, kMaxPidBytes);
  if (!text) return {Code::kInternal, text.status().text()};
  std::istringstream words(*text);
  pid_t pid = 0;
  // 1 is init, and what is less names whole groups.
  if (!(words >> pid) || pid <= 1) {
    return {Code::kInternal, file.string() + " has no process's number in it"};
  }
  if (kill(pid, number) == 0) return Status::ok();
  return {Code::kInternal, "process " + std::to_string(pid) + " of " + file.string() +
                               " can't be signalled: " + strerror(errno)};
}

}  // namespace

Status replaceKeepingOwner(const fs::path& path, const std::string& bytes) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  struct stat before {};
  if (error || stat(real.c_str(), &before) != 0) return systemError("find", path);
  const fs::path made = real.string() + ".muster-new";
  (void)unlink(made.c_str());
  {
    const Fd fd(open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.isOpen()) return systemError("make", made);
    const bool same = before.st_uid == geteuid() && before.st_gid == getegid();
    Status done;
    if (!same && fchown(fd.get(), before.st_uid, before.st_gid) != 0) {
      done = systemError("give to its owner", made);
    } else if (fchmod(fd.get(), before.st_mode & 07777) != 0) {
      done = systemError("set the mode of", made);
    } else {
      done = writeAll(fd.get(), bytes, made);
    }
    if (!done) {
      (void)unlink(made.c_str());
      return done;
    }
  }
  if (rename(made.c_str(), real.c_str()) != 0) {
    const Status failed = systemError("replace", real);
    (void)unlink(made.c_str());
    return failed;
  }
  const Fd folder(open(real.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.isOpen()) (void)fsync(folder.get());
  return Status::ok();
}

FileLevels::FileLevels(FileLevelOptions options, SignalProgram signal_program)
    : options_(std::move(options)), signal_program_(std::move(signal_program)) {
  if (!options_.pattern.empty() && options_.loggers.empty() &&
      !mentions(options_.pattern, "{logger}")) {
    options_.loggers = {kRoot};
  }
}

std::string FileLevels::editedBlock(const std::string& text, const std::string& logger,
                                    std::optional<LogLevel> level) const {
  Parted parts = part(text, options_.comment + kBegin, options_.comment + kEnd);
  const std::string start = fillIn(beforeLevel(options_.line), logger, "", escapedForLine);
  std::erase_if(parts.own, [&](const std::string& line) { return line.starts_with(start); });
  if (level) {
    parts.own.push_back(fillIn(options_.line, logger, options_.names.name(*level), escapedForLine));
  }
  if (parts.own.empty()) return parts.before + parts.after;
  std::string out = parts.before;
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  out += options_.comment + kBegin + "\n";
  for (const std::string& line : parts.own) out += line + "\n";
  return out + options_.comment + kEnd + "\n" + parts.after;
}

std::optional<LogLevel> FileLevels::levelIn(const std::string& text,
                                            const std::string& logger) const {
  if (options_.pattern.empty()) {
    const std::string start = fillIn(beforeLevel(options_.line), logger, "", escapedForLine);
    for (const std::string& line :
         part(text, options_.comment + kBegin, options_.comment + kEnd).own) {
      if (!line.starts_with(start)) continue;
      for (size_t i = 0; i < kLevels; ++i) {
        const auto level = static_cast<LogLevel>(i);
        if (line == fillIn(options_.line, logger, options_.names.name(level), escapedForLine)) {
          return level;
        }
      }
    }
    return std::nullopt;
  }
  const RE2 wanted("(?m)" + fillIn(options_.pattern, RE2::QuoteMeta(logger), "{level}",
                                   [](std::string_view all) { return std::string(all); }),
                   RE2::Quiet);
  std::string found;
  if (!wanted.ok() || !RE2::PartialMatch(text, wanted, &found)) return std::nullopt;
  return options_.names.parse(found);
}

Result<std::string> FileLevels::editedMatch(const std::string& text, const std::string& logger,
                                            std::optional<LogLevel> level) const {
  if (!levelIn(text, logger)) {
    return Status(Code::kInvalidArgument,
                  "no line of " + options_.path.string() + " has a level for " +
                      singleLine(logger, limits::kMaxLoggerNameBytes) + " that is known",
                  "logger");
  }
  if (!level) return Status(Code::kInvalidArgument, "what " + logger + " had before is not known");
  const RE2 wanted("(?m)" + fillIn(options_.pattern, RE2::QuoteMeta(logger), "{level}",
                                   [](std::string_view all) { return std::string(all); }),
                   RE2::Quiet);
  re2::StringPiece found;
  if (!RE2::PartialMatch(text, wanted, &found)) return text;
  std::string out = text;
  out.replace(static_cast<size_t>(found.data() - text.data()), found.size(),
              options_.names.name(*level));
  return out;
}

Result<std::string> FileLevels::edited(const std::string& text, const std::string& logger,
                                       std::optional<LogLevel> level) const {
  if (options_.pattern.empty()) return editedBlock(text, logger, level);
  return editedMatch(text, logger, level);
}

Status FileLevels::tell() const {
  if (options_.signal_number == 0) return Status::ok();
  return options_.pid_file.empty() ? signal_program_(options_.signal_number)
                                   : signalPidFile(options_.pid_file, options_.signal_number);
}

Status FileLevels::set(const std::string& logger, std::optional<LogLevel> level) {
  const auto text = readFile(options_.path, limits::kMaxLevelFileBytes);
  if (!text) return {Code::kUnavailable, text.status().text()};
  const auto wanted = edited(*text, logger, level);
  if (!wanted) return wanted.status();
  if (*wanted != *text) {
    if (Status done = replaceKeepingOwner(options_.path, *wanted); !done) return done;
  }
  return tell();
}

// What the file says, which is what the application should have; it can't be asked.
Result<std::vector<ApplicationLogger>> FileLevels::list() {
  const auto text = readFile(options_.path, limits::kMaxLevelFileBytes);
  if (!text) return Status(Code::kUnavailable, text.status().text());
  std::vector<ApplicationLogger> out;
  for (const std::string& name : options_.loggers) {
    const auto level = levelIn(*text, name);
    out.push_back({name, level, options_.pattern.empty() ? std::nullopt : level});
  }
  return out;
}

}  // namespace muster::agent
