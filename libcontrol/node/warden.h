// The last resort of rule 8 (docs/election.md): a thread that depends on nothing else and ends the
// process when its lease is over and the application has not stopped.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "libcontrol/base/clock.h"

namespace muster {

class Warden {
 public:
  // `kill` is called at most once, on the warden's thread; it does not return in a daemon.
  Warden(Clock& clock, std::function<void()> kill);
  ~Warden();
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;

  // From now on the application may be active until `end`. A later end replaces the earlier one.
  void watch(ElapsedTime end);
  // The application has stopped.
  void relax();

 private:
  void run();

  Clock& clock_;
  const std::function<void()> kill_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<ElapsedTime> end_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster
