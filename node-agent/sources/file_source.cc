#include "node-agent/sources/file_source.h"

#include <fnmatch.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "muster/log.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

// Everything is looked at so often, whether or not anything was told of it.
constexpr Duration kScanEvery = Duration::seconds(1);
// Between two rounds of reading: a writer of single lines must not wake this thread for each.
constexpr Duration kRest = Duration::millis(20);
// Of one round; other sources want to be served.
constexpr Duration kMaxRound = Duration::millis(50);

constexpr uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::make(const SourceConfig& config, LogIntake& intake,
                                                     Clock& clock) {
  auto format = records::Format::make(config.format);
  if (!format) return format.status();
  return std::unique_ptr<FileSource>(
      new FileSource(config, intake, clock, std::move(format).value()));
}

FileSource::FileSource(const SourceConfig& config, LogIntake& intake, Clock& clock,
                       std::unique_ptr<records::Format> format)
    : config_(config),
      intake_(intake),
      clock_(clock),
      format_(std::move(format)),
      has_wildcards_(config.path.find_first_of("*?[") != std::string::npos),
      shared_{config_, intake_, clock_, *format_, counts_} {}

Status FileSource::start(Poller& poller) {
  poller_ = &poller;
  inotify_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.isOpen()) {
    logger("agent")->info("source {}: no inotify; its files are looked at every second",
                          config_.name);
  }
  return Status::ok();
}

// Many lines are one change. Until the next round this is not listened to.
void FileSource::onChange() {
  drain();
  is_changed_ = true;
  poller_->remove(inotify_.get());
  is_armed_ = false;
}

void FileSource::drain() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if ((event->mask & (kNames | IN_Q_OVERFLOW)) != 0) next_scan_ = {};
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    }
  }
}

void FileSource::watchFolder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!inotify_.isOpen() || folder.find_first_of("*?[") != std::string::npos) return;
  // A folder that is not there yet, or was removed and made anew, is tried again each time; adding
  // one twice does nothing.
  (void)inotify_add_watch(inotify_.get(), folder.c_str(), kNames | IN_MODIFY);
}

bool FileSource::isLog(const std::string& path) const {
  if (!has_wildcards_) return true;
  const std::string name = std::filesystem::path(path).filename().string();
  const auto matches = [&](const std::string& glob) {
    return fnmatch(glob.c_str(), name.c_str(), 0) == 0 ||
           fnmatch(glob.c_str(), path.c_str(), 0) == 0;
  };
  if (!config_.exclude.empty()) {
    return std::none_of(config_.exclude.begin(), config_.exclude.end(), matches);
  }
  // What rotation leaves behind is followed by whoever followed it before.
  static const std::vector<std::string> kUsual = {
      "*.gz",  "*.bz2", "*.xz",  "*.zst", "*.[0-9]",     "*.[0-9][0-9]", "*.[0-9][0-9][0-9]",
      "*.old", "*.tmp", "*.swp", "*~",    "*.log-[0-9]*"};
  return std::none_of(kUsual.begin(), kUsual.end(), matches);
}

bool FileSource::isFollowed(FileId id) const {
  return std::any_of(followers_.begin(), followers_.end(),
                     [&](const auto& follower) { return follower.second->hasOpen(id); });
}

void FileSource::findPaths() {
  std::vector<std::string> paths =
      has_wildcards_ ? expandGlob(config_.path) : std::vector<std::string>{config_.path};
  watchFolder(config_.path);
  for (const std::string& path : paths) {
    if (followers_.contains(path) || !isLog(path)) continue;
    const auto found = findFile(path);
    // Renamed within the glob: it is read already, under its old name.
    if (has_wildcards_ && (!found || isFollowed(found->id))) continue;
    if (followers_.size() >= limits::kMaxFollowedFiles) {
      if (!std::exchange(told_many_, true)) {
        logger("agent")->error("source {}: {} names more than {} files; the others are not read",
                               config_.name, config_.path, limits::kMaxFollowedFiles);
      }
      break;
    }
    watchFolder(path);
    auto follower = std::make_unique<FileFollower>(shared_, path);
    follower->resume(config_.from_beginning || !is_first_);
    followers_.emplace(path, std::move(follower));
  }
  is_first_ = false;
}

ElapsedTime FileSource::tick(ElapsedTime now) {
  if (now >= next_scan_) {
    // Others first: where a file has been renamed within the glob, whoever read it has it.
    for (const auto& [path, follower] : followers_) follower->scan(now);
    findPaths();
    if (has_wildcards_) {
      std::erase_if(followers_, [](const auto& follower) { return follower.second->isOver(); });
    }
    next_scan_ = now + kScanEvery;
    is_changed_ = true;
  }
  if (is_changed_ && now >= next_read_) {
    // What is told from here on is news.
    if (inotify_.isOpen() && !is_armed_) {
      drain();
      is_armed_ = poller_->add(inotify_.get(), [this] { onChange(); }).isOk();
    }
    is_changed_ = readAll(now);
    const ElapsedTime behind = clock_.elapsed();
    next_read_ = is_changed_ ? behind : behind + kRest;
  }
  ElapsedTime due = std::min(next_scan_, is_changed_ ? next_read_ : ElapsedTime::max());
  for (const auto& [path, follower] : followers_) {
    follower->tick(now);
    due = std::min(due, follower->nextDue());
  }
  return due;
}

// One chunk of each file in turn. Whether more may be there.
bool FileSource::readAll(ElapsedTime now) {
  const ElapsedTime end = now + kMaxRound;
  bool any = true;
  while (any) {
    any = false;
    for (const auto& [path, follower] : followers_) {
      any = follower->readSome(clock_.elapsed()) || any;
    }
    if (any && clock_.elapsed() >= end) return true;
  }
  return false;
}

void FileSource::finish() {
  // A last time, as far as it goes at once; the rest is read when the agent runs again. What is
  // held back may have more lines tomorrow, so it stays unread.
  (void)readAll(clock_.elapsed());
}

}  // namespace muster::agent
