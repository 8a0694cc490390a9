#include "bench/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

namespace muster::bench {

Result<std::unique_ptr<Child>> Child::start(const std::function<void(int ready)>& work) {
  int ends[2];
  if (pipe(ends) != 0) return Status(Code::kInternal, "could not make a pipe");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    if (getppid() == parent) work(ends[1]);
    _exit(1);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return Status(Code::kInternal, "could not start a process");
  }
  return std::unique_ptr<Child>(new Child(pid, ends[0]));
}

Child::~Child() {
  close(ready_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Status Child::awaitBytes(size_t count, Duration limit) {
  Clock& clock = SystemClock::forHolder();
  const ElapsedTime deadline = clock.elapsed() + limit;
  std::array<char, 4096> buffer{};
  while (count > 0) {
    const int64_t left = (deadline - clock.elapsed()).toMillis();
    pollfd wanted{ready_, POLLIN, 0};
    if (left <= 0 || poll(&wanted, 1, static_cast<int>(left)) != 1) {
      return {Code::kTimeout,
              "a process is not ready; " + std::to_string(count) + " parts missing"};
    }
    const ssize_t got = read(ready_, buffer.data(), std::min(count, buffer.size()));
    if (got <= 0) return {Code::kUnavailable, "a process has ended before it was ready"};
    count -= static_cast<size_t>(got);
  }
  return Status::ok();
}

void tellReady(int ready) {
  if (write(ready, "1", 1) != 1) _exit(1);
}

}  // namespace muster::bench
