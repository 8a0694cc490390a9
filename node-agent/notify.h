// What systemd is told of the agent (sd_notify(3)), if it was started by a unit with Type=notify.
//
// The inner process speaks, and the outer one is the unit's main process: NotifyAccess=all.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"

namespace muster::agent {

// Half of the time after which systemd kills a unit that doesn't say that it lives; none: nobody
// waits for that. `usec` and `pid` are WATCHDOG_USEC and WATCHDOG_PID, null where they aren't set;
// a pid that is none of `own` says that another process is meant.
std::optional<Duration> watchdogInterval(const char* usec, const char* pid,
                                         std::initializer_list<int64_t> own);

class Notifier {
 public:
  // Sends a text such as "READY=1".
  using Send = std::function<void(const std::string& text)>;
  // Asks a thread whether it lives; it answers by the call, or not at all.
  using Probe = std::function<void(std::function<void()> alive)>;

  // Of the environment. `probe` asks the node's event loop.
  Notifier(Clock& clock, Probe probe);
  Notifier(Clock& clock, Probe probe, std::optional<Duration> watchdog, Send send);

  // Any thread.
  void ready();
  void stopping();
  void reloading();
  // Sent when it has changed. One line.
  void status(const std::string& text);

  // On the supervisor's thread, again and again: when a sign of life is due the event loop is
  // asked, and its answer is the sign. So it needs both. Once stopping() was called the loop may
  // have ended already, and this thread suffices.
  void tick();

 private:
  Clock& clock_;
  const Probe probe_;
  const std::optional<Duration> watchdog_;
  const Send send_;
  ElapsedTime due_{};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::string status_;  // as it was sent
};

}  // namespace muster::agent
