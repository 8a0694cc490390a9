#include "node-agent/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "libcontrol/base/text.h"
#include "node-agent/fd.h"

namespace muster::agent {
namespace {

// For people a handful suffices.
constexpr size_t kMaxNamed = 5;

ProcessEntry readProcess(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  return parseStat(line);
}

// Through a handle that is compared with what was found, so that a number that has come to mean
// another process meanwhile is left alone.
void killProcess(const ProcessEntry& process) {
  const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!handle.isOpen()) return;
  const ProcessEntry now = readProcess(process.pid);
  if (now.pid != process.pid || now.start_ticks != process.start_ticks) return;
  (void)syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
}

// Whether our child `pid` has ended; it is reaped only if asked for.
bool childEnded(pid_t pid, bool reap) {
  siginfo_t info{};
  const int flags = WEXITED | WNOHANG | __WALL | (reap ? 0 : WNOWAIT);
  return waitid(P_PID, static_cast<id_t>(pid), &info, flags) == 0 && info.si_pid == pid;
}

bool haveNoChild() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 && errno == ECHILD;
}

void killDescendants(pid_t leader) {
  if (leader != 0) kill(-leader, SIGKILL);
  for (const ProcessEntry& process : descendantsOf(readProcesses(), getpid(), leader)) {
    // Also what is shown as a zombie: its first thread has ended, others may not have.
    killProcess(process);
  }
}

}  // namespace

ProcessEntry parseStat(const std::string& line) {
  // The name stands in parentheses and may hold some itself, and blanks.
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  ProcessEntry entry;
  entry.name = singleLine(line.substr(open + 1, close - open - 1), 64);
  std::istringstream rest(line.substr(close + 1));
  rest >> entry.state >> entry.parent >> entry.group;
  std::string skipped;
  for (int field = 6; field < 22; ++field) rest >> skipped;
  rest >> entry.start_ticks;
  if (!rest) return {};
  entry.pid = static_cast<pid_t>(std::strtol(line.c_str(), nullptr, 10));
  return entry;
}

std::vector<ProcessEntry> readProcesses() {
  std::vector<ProcessEntry> out;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return out;
  while (const dirent* entry = readdir(folder)) {
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid <= 0) continue;
    ProcessEntry process = readProcess(pid);
    if (process.pid == pid) out.push_back(std::move(process));
  }
  closedir(folder);
  return out;
}

std::vector<ProcessEntry> descendantsOf(const std::vector<ProcessEntry>& all, pid_t root,
                                        pid_t group) {
  std::set<pid_t> family = {root};
  std::vector<ProcessEntry> out;
  // /proc has no order in which parents come first, so this repeats until nobody is added.
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessEntry& process : all) {
      const bool ours = family.contains(process.parent) || (group != 0 && process.group == group);
      if (!ours || process.pid == root || !family.insert(process.pid).second) continue;
      out.push_back(process);
      grew = true;
    }
  }
  return out;
}

Status becomeSubreaper() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) return Status::ok();
  return {Code::kInternal, std::string("prctl(PR_SET_CHILD_SUBREAPER): ") + strerror(errno)};
}

Sweep sweepOnce(pid_t& leader) {
  Sweep sweep;
  killDescendants(leader);
  const bool leader_ended = leader == 0 || childEnded(leader, false);
  for (ProcessEntry& process : descendantsOf(readProcesses(), getpid(), leader)) {
    if (process.pid == leader) {
      if (!leader_ended) sweep.left.push_back(std::move(process));
    } else if (process.parent != getpid() || !childEnded(process.pid, true)) {
      sweep.left.push_back(std::move(process));
    }
  }
  if (!sweep.left.empty() || !leader_ended) return sweep;
  if (leader != 0) (void)childEnded(leader, true);
  leader = 0;
  sweep.gone = haveNoChild();
  return sweep;
}

std::string describe(const std::vector<ProcessEntry>& processes) {
  std::vector<std::string> named;
  for (size_t i = 0; i < std::min(processes.size(), kMaxNamed); ++i) {
    const ProcessEntry& process = processes[i];
    named.push_back(std::to_string(process.pid) + " (" + process.name + ", in state " +
                    process.state + ")");
  }
  if (processes.size() > kMaxNamed) {
    named.push_back(std::to_string(processes.size() - kMaxNamed) + " more");
  }
  return joinWithAnd(named);
}

}  // namespace muster::agent
