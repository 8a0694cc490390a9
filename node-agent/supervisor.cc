#include "node-agent/supervisor.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "muster/log.h"
#include "node-agent/child.h"

namespace muster::agent {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH};

sigset_t handledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  for (const int signal : kPassedOn) sigaddset(&set, signal);
  return set;
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, Availability& availability)
    : options_(std::move(options)), availability_(availability), clock_(SystemClock::forHolder()) {}

void Supervisor::blockSignals() {
  const sigset_t set = handledSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int Supervisor::run() {
  Duration backoff = options_.backoff_first;
  for (bool first = true;; first = false) {
    const ElapsedTime started = clock_.elapsed();
    const auto child = startChild(options_.command);
    if (!child) {
      logger("agent")->error("{}", child.status().text());
      if (first) return 1;
    } else {
      child_ = *child;
      logger("agent")->info("started '{}' as process {}", options_.command[0], child_);
      availability_.outageEnd();
      while (child_ != 0) {
        if (waitFor(Duration::max()) != Event::kStop) continue;
        endChild();
        return 0;
      }
      availability_.outageBegin();
    }
    if (clock_.elapsed() - started >= options_.stable) backoff = options_.backoff_first;
    logger("agent")->warn("starting it again in {} ms", backoff.toMillis());
    const ElapsedTime until = clock_.elapsed() + backoff;
    while (clock_.elapsed() < until) {
      if (waitFor(until - clock_.elapsed()) == Event::kStop) return 0;
    }
    backoff = std::min(backoff * 2, options_.backoff_last);
  }
}

Supervisor::Event Supervisor::waitFor(Duration limit) {
  const sigset_t set = handledSignals();
  siginfo_t info{};
  int signal = 0;
  if (limit == Duration::max()) {
    signal = sigwaitinfo(&set, &info);
  } else {
    const int64_t ns = std::max<int64_t>(limit.ns, 0);
    const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
    signal = sigtimedwait(&set, &info, &timeout);
  }
  if (signal < 0) return Event::kTimeout;
  if (signal == SIGTERM || signal == SIGINT) return Event::kStop;
  if (signal == SIGCHLD) return reap() ? Event::kChildEnded : Event::kTimeout;
  if (child_ != 0) kill(-child_, signal);
  return Event::kTimeout;
}

bool Supervisor::reap() {
  bool ours = false;
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    if (pid != child_) continue;
    logger("agent")->log(stopping_ ? spdlog::level::info : spdlog::level::err, "process {} {}", pid,
                         describeExit(status));
    // What it has left behind of its group would be in the way of the next run.
    kill(-child_, SIGKILL);
    child_ = 0;
    ours = true;
  }
  return ours;
}

void Supervisor::endChild() {
  stopping_ = true;
  kill(-child_, SIGTERM);
  const ElapsedTime until = clock_.elapsed() + options_.grace;
  while (child_ != 0 && clock_.elapsed() < until) (void)waitFor(until - clock_.elapsed());
  if (child_ == 0) return;
  logger("agent")->warn("process {} did not end within {} ms and is killed", child_,
                        options_.grace.toMillis());
  kill(-child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = 0;
}

}  // namespace muster::agent
