#include "node-agent/attach/process_mark.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>

#include "node-agent/child.h"

namespace muster::agent {
namespace {

ProcessEntry readEntry(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  return parseStat(line);
}

double secondsOf(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

bool isAlive(const ProcessEntry& entry) {
  return entry.pid != 0 && entry.state != 'Z' && entry.state != 'X';
}

}  // namespace

bool ProcessMark::hasEnded() const {
  pollfd watched{handle.get(), POLLIN, 0};
  return poll(&watched, 1, 0) == 1;
}

std::optional<ProcessMark> markProcess(pid_t pid) {
  ProcessMark mark;
  mark.handle = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!mark.handle.isOpen()) return std::nullopt;
  mark.entry = readEntry(pid);
  if (mark.entry.pid != pid || mark.hasEnded()) return std::nullopt;
  return mark;
}

double startedAt(const ProcessEntry& entry) {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double up = static_cast<double>(entry.start_ticks) / ticks;
  return secondsOf(CLOCK_REALTIME) - secondsOf(CLOCK_BOOTTIME) + up;
}

bool stillRuns(const ProcessEntry& entry) {
  const ProcessEntry now = readEntry(entry.pid);
  return now.start_ticks == entry.start_ticks && isAlive(now);
}

void killMarked(const ProcessEntry& entry) {
  const auto mark = markProcess(entry.pid);
  if (mark && mark->entry.start_ticks == entry.start_ticks) sendSignal(mark->handle, SIGKILL);
}

}  // namespace muster::agent
