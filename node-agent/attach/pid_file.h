// An application that says in a file which process it is.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "node-agent/attach/process_mark.h"
#include "node-agent/attach/sighting.h"
#include "node-agent/limits.h"

namespace muster::agent {

// The process named there is held by a handle, so that its number can't come to mean another one. A
// file that is older than the process of that number is left over from before, and names nobody.
// When the file comes to name another process that one is followed.
//
// Its family is the process, what descends from it, and what is in its session or process group if
// it leads one. A descendant that leaves all of these within a second isn't found again.
class PidFile : public Watched {
 public:
  explicit PidFile(std::filesystem::path file) : file_(std::move(file)) {}

  std::string name() const override { return "the process of " + file_.string(); }
  // That its process has ended is told before another one is followed.
  Sighting look() override;
  Duration interval() const override { return limits::kPidFileLook; }
  int handle() const override { return main_ ? main_->handle.get() : -1; }
  Status kill() override;

 private:
  void follow();
  void learnFamily();
  std::vector<ProcessEntry> leftOfFamily();

  const std::filesystem::path file_;
  std::optional<ProcessMark> main_;
  bool leads_session_ = false;
  int looks_ = 0;        // since its family was last learned
  std::string problem_;  // why the file names nobody

  std::mutex mutex_;  // guards what follows
  // Everybody who belongs to it and may still run, by number and start.
  std::map<std::pair<pid_t, uint64_t>, ProcessEntry> family_;
};

}  // namespace muster::agent
