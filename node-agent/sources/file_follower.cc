#include "node-agent/sources/file_follower.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "libcontrol/base/limits.h"
#include "muster/log.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

// How long a full intake is left alone.
constexpr Duration kRetry = Duration::millis(20);
// A file that was rotated away is closed when nothing was written to it for so long.
constexpr Duration kLinger = Duration::seconds(10);
// What was written to just now may be a copy that isn't whole yet.
constexpr int64_t kSettledNs = 2'000'000'000;
constexpr size_t kMaxKnownHeads = 256;

// One for all files of a thread, since one is read at a time.
std::vector<char>& chunk() {
  thread_local std::vector<char> bytes(limits::kFileChunkBytes);
  return bytes;
}

int64_t folderChanged(const std::string& path) {
  struct stat info {};
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (stat(folder.c_str(), &info) != 0) return 0;
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// Whether one is the beginning of the other.
bool beginAlike(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  return common > 0 && a.substr(0, common) == b.substr(0, common);
}

}  // namespace

FileFollower::FileFollower(Shared& shared, std::string path)
    : shared_(shared), path_(std::move(path)), position_(shared.config.name + ":" + path_) {}

bool FileFollower::hasOpen(FileId id) const {
  return std::any_of(files_.begin(), files_.end(),
                     [&](const auto& file) { return file->file->id() == id; });
}

// --- where to begin ---------------------------------------------------------------------------

std::unique_ptr<FileFollower::Open> FileFollower::open(const std::string& path, uint64_t offset) {
  auto opened = LogFile::open(path);
  if (!opened) {
    if (opened.status().code() != Code::kNotFound && !std::exchange(told_unreadable_, true)) {
      logger("agent")->warn("source {}: {}", shared_.config.name, opened.status().text());
    }
    return nullptr;
  }
  auto out = std::make_unique<Open>();
  out->file = std::move(opened).value();
  out->at = out->given = offset;
  if (offset > 0) out->head = out->file->head().substr(0, offset);
  out->is_finite = out->file->isCompressed();
  out->is_skipping = !beginsLine(*out, offset);
  out->joiner =
      std::make_unique<records::Joiner>(shared_.format, records::JoinOptions{shared_.config.wait});
  out->quiet_since = shared_.clock.elapsed();
  return out;
}

bool FileFollower::beginsLine(Open& file, uint64_t offset) {
  char before = '\n';
  return offset == 0 || file.file->read(offset - 1, &before, 1) == 0 || before == '\n';
}

// The file of which so much was read, wherever it is now.
std::unique_ptr<FileFollower::Open> FileFollower::openKept(const FilePlace& place,
                                                           const std::vector<FoundFile>& rotated) {
  std::vector<FoundFile> candidates = rotated;
  if (auto current = findFile(path_)) candidates.push_back(*std::move(current));
  // Its own inode first; then copies, those first that are not compressed.
  const auto rank = [&](const FoundFile& file) {
    return file.id == place.id ? 0 : file.path.ends_with(".gz") ? 2 : 1;
  };
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  for (const FoundFile& candidate : candidates) {
    if (hasOpen(candidate.id)) continue;
    const bool is_same = candidate.id == place.id;
    // Nothing was read of it, so only its inode tells.
    if (place.head_bytes == 0 && !is_same) continue;
    auto opened = LogFile::open(candidate.path);
    if (!opened) continue;
    const std::string head = (*opened)->head();
    const bool has_head =
        head.size() >= place.head_bytes &&
        hashOf(std::string_view(head).substr(0, place.head_bytes)) == place.head_hash;
    const bool is_long_enough = (*opened)->isCompressed() || (*opened)->size() >= place.offset;
    if (!has_head || !is_long_enough) continue;
    auto out = open(candidate.path, place.offset);
    if (out == nullptr || out->file->id() != candidate.id) continue;
    if (!is_same && candidate.path != path_) out->is_finite = true;
    return out;
  }
  return nullptr;
}

void FileFollower::resume(bool from_beginning) {
  const std::optional<std::string> kept = shared_.intake.place(position_);
  const std::vector<FoundFile> rotated = rotatedFiles(path_, shared_.config.rotated);
  const std::vector<FilePlace> entries = kept ? readPlaces(*kept) : std::vector<FilePlace>();
  const auto current = findFile(path_);
  for (const FilePlace& entry : entries) {
    if (auto opened = openKept(entry, rotated)) {
      opened->is_current = current && opened->file->id() == current->id;
      files_.push_back(std::move(opened));
    } else {
      ++shared_.counts.lost;
      logger("agent")->warn(
          "source {}: {} has been read up to byte {} and is not there any more, nor is a copy of "
          "it: what followed there is missing",
          shared_.config.name, path_, entry.offset);
    }
  }
  const bool has_current = !files_.empty() && files_.back()->is_current;
  if (!entries.empty() && !has_current) openBetween(entries.back(), rotated);
  noteAll(rotated);
  if (current && !hasOpen(current->id)) {
    const uint64_t offset = entries.empty() && !from_beginning ? current->size : 0;
    if (auto opened = open(path_, offset)) {
      opened->is_current = true;
      files_.push_back(std::move(opened));
    }
  }
  folder_changed_ns_ = folderChanged(path_);
  // From now on it is known where reading began, whatever comes first, a record or an end.
  if (entries.empty() && !files_.empty()) keepPlace();
}

// Files that were rotated away after the last one that was read, while nobody looked.
void FileFollower::openBetween(const FilePlace& last, const std::vector<FoundFile>& rotated) {
  const bool is_found = !files_.empty();
  const int64_t since = is_found ? files_.back()->file->changedNs() : last.changed_ns;
  for (const auto& file : files_) remember(file->file->head());
  for (const FoundFile& candidate : rotated) {
    if (hasOpen(candidate.id) || candidate.changed_ns < since) continue;
    auto opened = open(candidate.path, 0);
    if (opened == nullptr) continue;
    const std::string head = opened->file->head();
    if (head.empty() || isKnownHead(head)) continue;
    remember(head);
    files_.push_back(std::move(opened));
  }
}

void FileFollower::noteAll(const std::vector<FoundFile>& rotated) {
  for (const FoundFile& file : rotated) {
    if (!known_.insert(file.id).second) continue;
    if (const auto opened = LogFile::open(file.path)) remember((*opened)->head());
  }
}

bool FileFollower::isKnownHead(std::string_view head) const {
  return std::any_of(known_heads_.begin(), known_heads_.end(), [&](const Head& known) {
    return head.size() >= known.bytes && hashOf(head.substr(0, known.bytes)) == known.hash;
  });
}

void FileFollower::remember(std::string_view head) {
  if (head.empty()) return;
  known_heads_.push_back({head.size(), hashOf(head)});
  if (known_heads_.size() > kMaxKnownHeads) known_heads_.pop_front();
}

// --- rotation ---------------------------------------------------------------------------------

void FileFollower::scan(ElapsedTime now) {
  const auto current = findFile(path_);
  const int64_t changed = folderChanged(path_);
  const bool is_changed = std::exchange(folder_changed_ns_, changed) != changed;
  for (const auto& file : files_) {
    if (!file->is_current || (current && file->file->id() == current->id)) continue;
    file->is_current = false;
    file->quiet_since = now;
  }
  if (is_changed) openMissed();
  if (!current) return;
  for (const auto& file : files_) {
    if (file->file->id() == current->id) file->is_current = true;
  }
  if (hasOpen(current->id)) return;
  if (auto opened = open(path_, 0)) {
    opened->is_current = true;
    told_unreadable_ = false;
    files_.push_back(std::move(opened));
  }
}

// Files that were rotated twice between two looks: they came, and are not at the path any more.
void FileFollower::openMissed() {
  const int64_t now_ns = shared_.clock.wall().unix_ms * 1'000'000;
  bool all_settled = true;
  const std::vector<FoundFile> rotated = rotatedFiles(path_, shared_.config.rotated);
  // Inodes are used again.
  std::erase_if(known_, [&](const FileId& id) {
    return std::none_of(rotated.begin(), rotated.end(),
                        [&](const FoundFile& file) { return file.id == id; });
  });
  for (const FoundFile& candidate : rotated) {
    if (known_.contains(candidate.id)) continue;
    if (hasOpen(candidate.id)) {
      known_.insert(candidate.id);
      continue;
    }
    auto opened = open(candidate.path, 0);
    if (opened == nullptr) continue;
    const std::string head = opened->file->head();
    const bool is_copy =
        isKnownHead(head) || std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
          return beginAlike(head, file->head);
        });
    if (is_copy) {
      known_.insert(candidate.id);
      continue;
    }
    // Of a file that nothing was read of yet: it may be cut before that, so this isn't settled.
    const bool is_of_unread = std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
      return file->head.empty() && beginAlike(head, file->file->head());
    });
    if (is_of_unread) {
      all_settled = false;
      continue;
    }
    const bool may_grow = opened->is_finite || head.size() < kHeadBytes;
    if (may_grow && now_ns - candidate.changed_ns < kSettledNs) {
      all_settled = false;
      continue;
    }
    known_.insert(candidate.id);
    if (head.empty()) continue;
    remember(head);
    const bool has_current = !files_.empty() && files_.back()->is_current;
    files_.insert(files_.end() - (has_current ? 1 : 0), std::move(opened));
  }
  // Looked at again, then.
  if (!all_settled) folder_changed_ns_ = 0;
}

// Whether what was read of the file before is still where it was: else it was cut, perhaps has
// grown again since, and what has just been read of it means nothing.
bool FileFollower::isStillThere(Open& file) {
  if (file.file->isCompressed() || file.is_finite) return true;
  if (file.file->size() < file.at) return false;
  if (file.head.empty()) return true;
  std::string head(file.head.size(), '\0');
  return file.file->read(0, head.data(), head.size()) == head.size() && head == file.head;
}

void FileFollower::onCut(Open& file) {
  std::unique_ptr<Open> copy;
  std::vector<FoundFile> rotated = rotatedFiles(path_, shared_.config.rotated);
  std::stable_sort(rotated.begin(), rotated.end(), [](const auto& a, const auto& b) {
    return a.path.ends_with(".gz") < b.path.ends_with(".gz");
  });
  for (const FoundFile& candidate : rotated) {
    if (file.head.empty() || hasOpen(candidate.id)) continue;
    auto opened = open(candidate.path, file.given);
    if (opened == nullptr || !opened->file->head().starts_with(file.head)) continue;
    known_.insert(candidate.id);
    opened->is_finite = true;
    opened->at = file.at;
    opened->is_skipping = file.is_skipping;
    opened->head = file.head;
    opened->joiner = std::move(file.joiner);
    copy = std::move(opened);
    break;
  }
  logger("agent")->info("source {}: {} was cut at byte {}; {}", shared_.config.name, path_, file.at,
                        copy != nullptr ? "its copy is read to its end" : "there is no copy of it");
  remember(file.head);
  if (copy == nullptr) {
    // What is held back was whole as far as anybody will ever know.
    keep(file.joiner->flush());
    // It can't be read again, should there be no room for it now.
    for (LogRecord& record : std::exchange(batch_, {})) shared_.intake.add(std::move(record));
  }
  file.joiner =
      std::make_unique<records::Joiner>(shared_.format, records::JoinOptions{shared_.config.wait});
  file.head.clear();
  file.at = file.given = 0;
  file.is_skipping = false;
  if (copy == nullptr) return keepPlace();
  const auto it = std::find_if(files_.begin(), files_.end(),
                               [&](const auto& open_file) { return open_file.get() == &file; });
  files_.insert(it, std::move(copy));
}

// --- reading ----------------------------------------------------------------------------------

bool FileFollower::readSome(ElapsedTime now) {
  if (now < blocked_until_) return false;
  for (size_t i = 0; i < files_.size();) {
    if (readFrom(*files_[i], now)) return true;
    if (now < blocked_until_) return false;
    if (!files_[i]->is_finite) {
      ++i;
    } else if (!close(i, now)) {
      return false;
    }
  }
  return false;
}

// Whether anything was read.
bool FileFollower::readFrom(Open& file, ElapsedTime now) {
  std::vector<char>& buffer = chunk();
  const size_t got = file.file->read(file.at, buffer.data(), buffer.size());
  if (!isStillThere(file)) {
    onCut(file);
    return true;
  }
  if (got == 0 || !giveOlder(file, now)) return false;
  const std::string_view bytes(buffer.data(), got);
  // The head is of what has been read, so that it grows with it.
  if (file.head.size() < kHeadBytes && file.at <= file.head.size()) {
    const size_t have = file.head.size() - file.at;
    if (got > have) file.head.append(bytes.substr(have, kHeadBytes - file.head.size()));
  }
  const size_t used = cutLines(file, bytes, now);
  file.at += used;
  if (used > 0) file.quiet_since = now;
  if (!offer(file, now)) return false;
  return used > 0;
}

// The writer has gone on to this file, so what is held back of those before it is whole.
bool FileFollower::giveOlder(const Open& file, ElapsedTime now) {
  for (const auto& older : files_) {
    if (older.get() == &file) break;
    keep(older->joiner->flush());
    if (!offer(*older, now)) return false;
  }
  return true;
}

// How many of the bytes were used up: all but the beginning of a line without its end.
size_t FileFollower::cutLines(Open& file, std::string_view bytes, ElapsedTime now) {
  const WallTime wall = shared_.clock.wall();
  size_t at = 0;
  while (at < bytes.size()) {
    // A file that was cut while its writer went on where it was has a hole before that.
    if (bytes[at] == '\0') {
      at = std::min(bytes.find_first_not_of('\0', at), bytes.size());
      continue;
    }
    const size_t end = bytes.find('\n', at);
    if (end == std::string_view::npos) {
      const bool is_too_long = bytes.size() - at > limits::kMaxLogLineBytes;
      if (file.is_skipping || !is_too_long) return file.is_skipping ? bytes.size() : at;
      ++shared_.counts.cut;
      file.is_skipping = true;
      keep(file.joiner->add(bytes.substr(at, limits::kMaxLogLineBytes),
                            {file.at + at, file.at + bytes.size()}, wall, now));
      return bytes.size();
    }
    std::string_view line = bytes.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!std::exchange(file.is_skipping, false)) {
      if (line.size() > limits::kMaxLogLineBytes) ++shared_.counts.cut;
      keep(file.joiner->add(line, {file.at + at, file.at + end + 1}, wall, now));
    }
    at = end + 1;
  }
  return at;
}

void FileFollower::keep(std::optional<records::JoinedRecord> record) {
  if (!record) return;
  batch_end_ = record->stretch.end;
  batch_.push_back(toLogRecord(std::move(record->line.record), shared_.config));
}

// False: the intake had no room, and what was read is to be read again.
bool FileFollower::offer(Open& file, ElapsedTime now) {
  if (batch_.empty()) return true;
  const uint64_t before = std::exchange(file.given, batch_end_);
  const size_t count = batch_.size();
  LogPosition position{position_, writePlaces(places())};
  const Status taken =
      shared_.intake.offer(std::exchange(batch_, {}), std::optional(std::move(position)));
  if (taken) {
    shared_.counts.records += count;
    return true;
  }
  ++shared_.counts.refused;
  file.given = before;
  takeBack(file);
  blocked_until_ = now + kRetry;
  return false;
}

void FileFollower::takeBack(Open& file) {
  file.at = file.given;
  file.is_skipping = !beginsLine(file, file.at);
  file.joiner =
      std::make_unique<records::Joiner>(shared_.format, records::JoinOptions{shared_.config.wait});
}

// Gives out its last line, which has no end, and the record that is held back.
bool FileFollower::close(size_t i, ElapsedTime now) {
  Open& file = *files_[i];
  std::vector<char>& buffer = chunk();
  const size_t got = file.file->read(file.at, buffer.data(), buffer.size());
  const std::string_view rest(buffer.data(), got);
  if (!rest.empty() && rest.find('\n') == std::string_view::npos && !file.is_skipping &&
      rest[0] != '\0') {
    keep(file.joiner->add(rest, {file.at, file.at + got}, shared_.clock.wall(), now));
    file.at += got;
  }
  keep(file.joiner->flush());
  if (!offer(file, now)) return false;
  remember(file.head);
  known_.insert(file.file->id());
  files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
  keepPlace();
  return true;
}

// Where there is no record to go with it. If there is no room, the next records say it.
void FileFollower::keepPlace() {
  (void)shared_.intake.offer({}, LogPosition{position_, writePlaces(places())});
}

// --- what is due ------------------------------------------------------------------------------

void FileFollower::tick(ElapsedTime now) {
  if (now < blocked_until_) return;
  for (size_t i = 0; i < files_.size();) {
    Open& file = *files_[i];
    if (now >= file.joiner->nextDue()) {
      keep(file.joiner->due(now));
      if (!offer(file, now)) return;
    }
    // What is finite is closed by readSome().
    const bool is_over = !file.is_current && !file.is_finite && now >= file.quiet_since + kLinger;
    if (!is_over || readFrom(file, now)) {
      ++i;
      continue;
    }
    if (now < blocked_until_ || !close(i, now)) return;
  }
}

ElapsedTime FileFollower::nextDue() const {
  ElapsedTime due = ElapsedTime::max();
  for (const auto& file : files_) {
    due = std::min(due, file->joiner->nextDue());
    if (!file->is_current && !file->is_finite) due = std::min(due, file->quiet_since + kLinger);
  }
  return std::max(due, blocked_until_);
}

std::vector<FilePlace> FileFollower::places() const {
  std::vector<FilePlace> out;
  for (const auto& file : files_) {
    FilePlace place;
    place.id = file->file->id();
    // As much of the head as lies before the place: the rest may not be there yet after a crash.
    const std::string_view head =
        std::string_view(file->head).substr(0, std::min<uint64_t>(file->head.size(), file->given));
    place.head_bytes = head.size();
    place.head_hash = hashOf(head);
    place.offset = file->given;
    place.changed_ns = file->file->changedNs();
    out.push_back(place);
  }
  return out;
}

}  // namespace muster::agent
