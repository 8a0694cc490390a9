#include "libcontrol/xmpp/backoff.h"

#include <algorithm>

namespace muster::xmpp {

Duration Backoff::next(DownReason reason, Duration up_for) {
  const auto jitter = [this](Duration width) {
    return Duration{static_cast<int64_t>(random_.below(static_cast<uint64_t>(width.ns) + 1))};
  };
  if (up_for >= kStable) failures_ = 0;
  if (reason == DownReason::kConflict || reason == DownReason::kAuth)
    return kPause + jitter(kPause);
  // 200 ms, doubled seven times, is over the longest wait already.
  const Duration middle = std::min(kFirst * (int64_t{1} << std::min(failures_, 8)), kLongest);
  ++failures_;
  return std::min(middle / 2 + jitter(middle), kLongest);
}

}  // namespace muster::xmpp
