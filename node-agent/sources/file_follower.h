// Follows the log at one path, across rotation, from where it was read last.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/records/joiner.h"
#include "node-agent/sources/file_place.h"
#include "node-agent/sources/log_file.h"
#include "node-agent/sources/source.h"

namespace muster::agent {

// A file stays open after it was rotated away, until its writer has been quiet for a while, so that
// what it writes before it opens the new one is read, too. Everything that is read is offered to
// the intake together with the place of all files that are open; a refusal takes the reading back
// to what was taken before.
//
// Renamed files are known by their inode, copies and compressed ones by their first bytes. When a
// file that is being read is cut, its copy is looked for and read to its end first. What is in
// neither (written between a copy and its cut, and not read in time) is nowhere any more.
//
// For one thread.
class FileFollower {
 public:
  // What all followers of a source share; must outlive them.
  struct Shared {
    const SourceConfig& config;
    LogIntake& intake;
    Clock& clock;
    records::Format& format;
    SourceCounts& counts;
  };

  FileFollower(Shared& shared, std::string path);

  // Called first: goes on from the place that is kept. Without one the file is read from its
  // beginning, or from where it ends now.
  void resume(bool from_beginning);
  // Looks whether another file is at the path, and for files that came and went in between.
  void scan(ElapsedTime now);
  // Reads one chunk. Whether there may be more to read at once.
  bool readSome(ElapsedTime now);
  // Gives out what has waited long enough, and closes what is over.
  void tick(ElapsedTime now);
  ElapsedTime nextDue() const;

  const std::string& path() const { return path_; }
  bool hasOpen(FileId id) const;
  // Nothing is at the path, and nothing is left to be read.
  bool isOver() const { return files_.empty(); }

 private:
  struct Open {
    std::unique_ptr<LogFile> file;
    std::string head;    // as much as was read of it
    uint64_t at = 0;     // where to read next: the beginning of a line, or within a too long one
    uint64_t given = 0;  // behind the last record that was taken
    bool is_current = false;   // it is at the path
    bool is_finite = false;    // nobody writes to it any more
    bool is_skipping = false;  // the rest of a line that is too long
    std::unique_ptr<records::Joiner> joiner;
    ElapsedTime quiet_since{};
  };
  struct Head {
    size_t bytes;
    uint64_t hash;
  };

  std::unique_ptr<Open> open(const std::string& path, uint64_t offset);
  std::unique_ptr<Open> openKept(const FilePlace& place, const std::vector<FoundFile>& rotated);
  void openBetween(const FilePlace& last, const std::vector<FoundFile>& rotated);
  void noteAll(const std::vector<FoundFile>& rotated);
  void openMissed();
  bool isKnownHead(std::string_view head) const;
  void remember(std::string_view head);
  bool readFrom(Open& file, ElapsedTime now);
  size_t cutLines(Open& file, std::string_view bytes, ElapsedTime now);
  bool isStillThere(Open& file);
  void onCut(Open& file);
  void keep(std::optional<records::JoinedRecord> record);
  bool offer(Open& file, ElapsedTime now);
  void takeBack(Open& file);
  bool beginsLine(Open& file, uint64_t offset);
  bool close(size_t i, ElapsedTime now);
  bool giveOlder(const Open& file, ElapsedTime now);
  void keepPlace();
  std::vector<FilePlace> places() const;

  Shared& shared_;
  const std::string path_;
  const std::string position_;
  std::deque<std::unique_ptr<Open>> files_;  // oldest first
  std::set<FileId> known_;                   // rotated files that need not be read
  std::deque<Head> known_heads_;
  std::vector<LogRecord> batch_;
  uint64_t batch_end_ = 0;
  ElapsedTime blocked_until_{};
  int64_t folder_changed_ns_ = 0;
  bool told_unreadable_ = false;
};

}  // namespace muster::agent
