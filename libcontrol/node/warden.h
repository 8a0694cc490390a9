// The last resort of rule 14 (docs/election.md): a thread that depends on nothing else and ends the
// process when its lease is over and the application has not stopped.
#pragma once

#include <condition_variable>
#include <cstdint>
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

  // From now on the application may be active under `epoch` until `end`. A later end replaces the
  // earlier one.
  void watch(ElapsedTime end, uint64_t epoch = 0);
  // The application has stopped.
  void relax();
  // It has stopped under this epoch. A later one that is watched by now stays watched: the callback
  // of an application that was gone may return long after its successor has begun.
  void relax(uint64_t epoch);

 private:
  void run();

  Clock& clock_;
  const std::function<void()> kill_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<ElapsedTime> end_;
  uint64_t epoch_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster
