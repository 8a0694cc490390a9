// Child processes that outlive the program that started them: start, recognise, end.
//
// A pid alone names nothing for long, since the kernel uses it again; here a process is its pid
// together with the time it started.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::local {

struct ProcessId {
  pid_t pid = 0;  // 0: none
  // Field 22 of /proc/PID/stat: clock ticks between the machine's boot and the process's start.
  uint64_t start_ticks = 0;

  bool isSet() const { return pid > 0; }
  auto operator<=>(const ProcessId&) const = default;
};

// The kernel's name for this boot; start times of another boot cannot be compared. Empty where the
// kernel does not tell.
std::string bootId();

// The process that has this pid now; nothing if there is none or it only waits to be reaped.
std::optional<ProcessId> identify(pid_t pid);

// Whether just this process, and not another with its pid, is running.
bool isRunning(const ProcessId& process);

// An account of the machine to run as.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
std::optional<User> findUser(const std::string& name);
// Whether that user may enter the folder. Only root can ask.
bool canEnter(const User& user, const std::filesystem::path& folder);

// The executable's path: `name` itself if it has a slash, else looked for in PATH and then in
// /usr/bin, /usr/sbin and /bin.
std::optional<std::filesystem::path> findExecutable(const std::string& name);
// The folder of the running executable.
std::filesystem::path ownFolder();

struct ProcessSpec {
  std::string name;  // for error texts
  std::vector<std::string> argv;
  std::filesystem::path log_file;  // appended to; mode 0600
  std::filesystem::path working_dir;
  std::optional<User> user;  // needs root
  // Send it SIGTERM when the calling thread ends, however that comes about.
  bool end_with_parent = false;
};

// Starts it in a session of its own, with stdin from /dev/null, stdout and stderr to the log file,
// no other file descriptor and default signal handling. `record` is called with its identity
// before it runs: if it fails, or this program dies before it returns, the process never runs. So
// what runs is always on record. Any thread; returns when the program was executed or could not be.
Result<ProcessId> startProcess(const ProcessSpec& spec,
                               const std::function<Status(const ProcessId&)>& record);

// Runs it to its end, at most `limit`; an error unless it exited with status 0.
Status runToEnd(const ProcessSpec& spec, Duration limit);

// If this ended child is ours, reaps it and says how it ended ("exited with status 2", "was ended
// by signal 9"); else "ended".
std::string reapAndDescribe(const ProcessId& process);

enum class Ending {
  kWasNotRunning,  // nothing was signalled
  kTerminated,     // it ended on SIGTERM
  kKilled,         // it had to be killed
  kStillRunning,   // not even that ended it, or it may not be signalled
};
// SIGTERM to all, then SIGKILL to those that are still there after `grace`. One result a process,
// in order. Never signals another process that has one of the pids.
std::vector<Ending> endProcesses(const std::vector<ProcessId>& processes, Duration grace);

}  // namespace muster::local
