// One run of the comparison: its folder, the processes that it has started, and how it waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bench/failover/told.h"
#include "coordinator/local/process.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"
#include "libcontrol/base/status.h"

namespace muster::bench {

// Any thread. Whatever was started ends with it, and its folder goes.
class Run {
 public:
  // The folder is made under the system's temporary one, which has to be on a disk: everything
  // that is compared waits for it.
  static Result<std::unique_ptr<Run>> make();
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  Board& board() { return *board_; }

  // In a new folder of that name, with a log there. Ends with the calling thread, too.
  Result<local::ProcessId> start(const std::string& name, std::vector<std::string> argv);
  // Ends it at once and waits until it is gone.
  void kill(const local::ProcessId& process);
  // The end of a process's log, for error texts.
  std::string logOf(const std::string& name) const;
  std::filesystem::path folderOf(const std::string& name) const { return folder_ / name; }
  // Ends all of them.
  void endAll();

  // Up to `most`, at random, so that faults meet renewals at every phase.
  Duration somewhere(Duration most);

  // SIGINT or SIGTERM came: every wait ends with kUnavailable.
  static void catchSignals();
  static bool interrupted();

 private:
  Run(std::filesystem::path folder, std::unique_ptr<Board> board)
      : folder_(std::move(folder)), board_(std::move(board)) {}

  const std::filesystem::path folder_;
  std::unique_ptr<Board> board_;
  std::mutex mutex_;
  std::vector<local::ProcessId> processes_;  // under mutex_
  SystemRandom random_;
};

// How a thread lets time pass.
using Nap = std::function<void(Duration)>;
void plainNap(Duration time);

// Looks at `done` every few milliseconds. kTimeout names what was waited for.
Status await(const std::string& what, Duration limit, const Nap& nap,
             const std::function<bool()>& done);

Result<std::vector<uint16_t>> freePorts(size_t count);

}  // namespace muster::bench
