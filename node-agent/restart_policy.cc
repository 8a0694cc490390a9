#include "node-agent/restart_policy.h"

#include <algorithm>

namespace muster::agent {

std::optional<Duration> RestartPolicy::ended(Duration ran) {
  if (ran >= options_.stable) {
    restarts_ = 0;
    next_ = options_.backoff_first;
  }
  if (options_.max_restarts > 0 && restarts_ >= options_.max_restarts) return std::nullopt;
  ++restarts_;
  const Duration wait = std::min(next_, options_.backoff_last);
  next_ = std::min(next_ * 2, options_.backoff_last);
  return wait;
}

}  // namespace muster::agent
