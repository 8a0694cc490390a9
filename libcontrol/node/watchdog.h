// The machine's watchdog, for as long as a lease is held: the kernel's answer to a process or a
// machine that stands still and so can't end itself (docs/election.md).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/election/watchdog.h"
#include "libcontrol/node/watchdog_device.h"

namespace muster {

// All that may block on the device is done on a thread of its own. Any thread may call; nobody
// waits for the device for longer than limits::kWatchdogPatience.
class Watchdog {
 public:
  // Without `required` a device that can't be used is told in the log, and leases go unguarded.
  Watchdog(std::unique_ptr<WatchdogDevice> device, bool required, Clock& clock);
  // What can be disarmed by now is; a lease that is still held leaves the device counting.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // At an offer: opens the device, finds out which timeouts it takes, and disarms it again. An
  // error, only if it is required, says why a lease of that length must not be taken.
  Status tryFor(Duration ttl);
  // The lease of `epoch` began or was renewed. An error, only if it is required, says that the
  // device could not be fed after the last time: the role should be given up.
  Status extended(uint64_t epoch, ElapsedTime end);
  // Before the promotion: waits until the device is armed for this lease. An error, only if it is
  // required, says why it isn't.
  Status armedFor(uint64_t epoch);
  // The application has stopped, under this epoch or whichever was the last.
  void stopped(uint64_t epoch);
  void stopped();

  // For people: "armed: /dev/watchdog (Software Watchdog), 4 s".
  std::string describe() const;

 private:
  using Action = election::WatchdogPlan::Action;

  void run();
  void tryNow(Duration ttl);
  Result<std::vector<int>> findTimeouts(Duration ttl);
  Status noneFor(Duration ttl);
  Status open();
  void feed(const Action& action, uint64_t epoch);
  Status feedDevice(int timeout_s);
  void disarm();
  Status disarmDevice();
  int keptTimeout() const;
  void leave();
  void tell(uint64_t epoch, Status status);  // under mutex_

  const std::unique_ptr<WatchdogDevice> device_;  // the thread's, but for the constructor
  const bool required_;
  Clock& clock_;
  int set_s_ = 0;     // the timeout that the device has by now; 0: not known. The thread's
  int before_s_ = 0;  // what it had when it was opened; 0: not known. The thread's

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // the thread's
  std::condition_variable settled_;  // of those who wait for it
  election::WatchdogPlan plan_;
  std::optional<Duration> trial_;        // of a lease of this length; asked for and not over
  std::optional<Status> trial_outcome_;  // of the latest
  // What came of arming it for the latest lease, and of feeding it since.
  uint64_t told_epoch_ = 0;
  Status told_;
  std::string name_;
  int armed_s_ = 0;  // as armed; 0: it isn't
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster
