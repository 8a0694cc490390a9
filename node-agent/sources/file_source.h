// Follows the logs at all paths that a glob names.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "node-agent/sources/file_follower.h"

namespace muster::agent {

// Told of changes by inotify(7); besides, everything is looked at once a second, which is how files
// are followed where inotify doesn't reach (network file systems, no more watches).
class FileSource : public Source {
 public:
  static Result<std::unique_ptr<FileSource>> make(const SourceConfig& config, LogIntake& intake,
                                                  Clock& clock);

  Status start(Poller& poller) override;
  ElapsedTime tick(ElapsedTime now) override;
  void finish() override;

 private:
  FileSource(const SourceConfig& config, LogIntake& intake, Clock& clock,
             std::unique_ptr<records::Format> format);
  void onChange();
  void drain();
  void watchFolder(const std::string& path);
  void findPaths();
  bool isLog(const std::string& path) const;
  bool isFollowed(FileId id) const;
  bool readAll(ElapsedTime now);

  const SourceConfig config_;
  LogIntake& intake_;
  Clock& clock_;
  const std::unique_ptr<records::Format> format_;
  const bool has_wildcards_;
  FileFollower::Shared shared_;
  Poller* poller_ = nullptr;
  Fd inotify_;
  std::map<std::string, std::unique_ptr<FileFollower>> followers_;  // by path
  bool is_first_ = true;
  bool is_changed_ = true;  // something may be there to be read
  bool is_armed_ = false;
  bool told_many_ = false;
  ElapsedTime next_scan_{};
  ElapsedTime next_read_{};
};

}  // namespace muster::agent
