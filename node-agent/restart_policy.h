// When a program that has ended is started again. Pure: time is passed in.
#pragma once

#include <optional>

#include "libcontrol/base/clock.h"

namespace muster::agent {

struct RestartOptions {
  // Between an end and the next start: doubled with each run that ended within `stable`, up to the
  // last.
  Duration backoff_first = Duration::millis(500);
  Duration backoff_last = Duration::seconds(30);
  Duration stable = Duration::seconds(10);
  // Restarts in a row without a stable run between; after that it stays stopped. 0: no limit.
  int max_restarts = 10;
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartOptions options)
      : options_(options), next_(options.backoff_first) {}

  // A run of that length ended without having been asked to; one that could not be started is of no
  // length. How long to wait before the next; none: it crashes in a loop and stays stopped.
  std::optional<Duration> ended(Duration ran);
  int restartsInARow() const { return restarts_; }

 private:
  const RestartOptions options_;
  Duration next_;
  int restarts_ = 0;
};

}  // namespace muster::agent
