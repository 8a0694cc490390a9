#include "node-agent/keeper/keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "node-agent/child.h"
#include "node-agent/process_tree.h"

namespace muster::agent {
namespace {

constexpr int kForwarded[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGTERM, SIGINT, SIGQUIT};
// How late at most the end of a lease is noticed; a lease is not used for its last 100 ms anyway.
constexpr int kLookMs = 50;
constexpr int kSweepMs = 10;
// What hangs in the kernel for longer than this is left to whoever looks at the log.
constexpr int kMaxSweeps = 500;

// The keeper logs next to nothing, and before and after everything else: straight to the stream.
void say(const std::string& text) {
  std::cerr << "muster-agent: " << text << std::endl;
}

int failure(const char* doing) {
  say(std::string(doing) + ": " + strerror(errno));
  return 1;
}

sigset_t signalSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int number : kForwarded) sigaddset(&set, number);
  return set;
}

class Keeper {
 public:
  Keeper(Child inner, Fd signals, const LeaseWatch& watch)
      : inner_(std::move(inner)), signals_(std::move(signals)), watch_(watch) {}

  int run() {
    siginfo_t info{};
    while (!hasEnded(inner_, info)) {
      pollfd watched[] = {{inner_.handle.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      (void)poll(watched, 2, kLookMs);
      forwardSignals();
      if (watch_.isOver()) {
        say("the lease is over and the program has not been stopped: everything is killed");
        break;
      }
    }
    (void)hasEnded(inner_, info);
    const bool in_order = info.si_pid != 0 && info.si_code == CLD_EXITED;
    if (info.si_pid != 0 && !in_order) say("the agent's inner process " + describeExit(info));
    endAll();
    return in_order ? info.si_status : 1;
  }

 private:
  void forwardSignals() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int number = static_cast<int>(info.ssi_signo);
      if (number != SIGCHLD) (void)sendSignal(inner_.handle, number);
    }
  }

  void endAll() {
    Sweep sweep;
    for (int i = 0; i < kMaxSweeps; ++i) {
      sweep = sweepOnce(inner_.pid);
      if (sweep.gone) return;
      (void)poll(nullptr, 0, kSweepMs);
    }
    say("left behind, since it can't be ended: " + describe(sweep.left));
  }

  Child inner_;
  Fd signals_;
  const LeaseWatch& watch_;
};

}  // namespace

Status prepareToKeep() {
  const sigset_t set = signalSet();
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return {Code::kInternal, std::string("sigprocmask: ") + strerror(errno)};
  }
  // A terminal's Ctrl-Z would stop the agent and leave the program running under its lease.
  for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU}) signal(number, SIG_IGN);
  return becomeSubreaper();
}

int keep(pid_t inner, const LeaseWatch& watch) {
  const sigset_t set = signalSet();
  Fd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.isOpen()) return failure("signalfd");
  // By system call: the header of glibc 2.36 declares this one without C linkage.
  Child child{inner, Fd(static_cast<int>(syscall(SYS_pidfd_open, inner, 0)))};
  if (!child.handle.isOpen()) return failure("pidfd_open");
  return Keeper(std::move(child), std::move(signals), watch).run();
}

}  // namespace muster::agent
