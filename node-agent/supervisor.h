// Keeps a program running and counts the time in which it isn't as outage.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/node.h"

namespace muster::agent {

struct SupervisorOptions {
  std::vector<std::string> command;
  // Between two starts: doubled with each run that ended within `stable`, up to the last.
  Duration backoff_first = Duration::millis(500);
  Duration backoff_last = Duration::seconds(30);
  Duration stable = Duration::seconds(10);
  // Between SIGTERM and SIGKILL when the agent ends.
  Duration grace = Duration::seconds(10);
};

// Uses the calling thread, whose process must have the signals of blockedSignals() blocked in all
// its threads, since they are taken with sigtimedwait(2).
class Supervisor {
 public:
  Supervisor(SupervisorOptions options, Availability& availability);

  static void blockSignals();

  // Runs the program until SIGTERM or SIGINT comes; SIGHUP, SIGUSR1, SIGUSR2 and SIGWINCH are
  // passed on to its process group. Returns the exit code for the agent: 0, or 1 if the program
  // could not be started even once.
  int run();

 private:
  // What a wait ended with.
  enum class Event { kTimeout, kChildEnded, kStop };
  Event waitFor(Duration limit);
  bool reap();
  void endChild();

  const SupervisorOptions options_;
  Availability& availability_;
  Clock& clock_;
  pid_t child_ = 0;
  bool stopping_ = false;
};

}  // namespace muster::agent
