#include "libcontrol/xmpp/backoff.h"

#include <algorithm>

namespace muster::xmpp {

Duration Backoff::next(DownReason reason, Duration up_for, bool urgent) {
  const auto jitter = [this](Duration width) {
    return Duration{static_cast<int64_t>(random_.below(static_cast<uint64_t>(width.ns) + 1))};
  };
  const Duration first = urgent ? kFirst : kFirst * kPatience;
  const bool was_stable = up_for >= kStable;
  if (was_stable) failures_ = quick_ = 0;
  if (reason == DownReason::kConflict || reason == DownReason::kAuth)
    return kPause + jitter(kPause);
  const bool is_cheap = reason == DownReason::kNetwork || was_stable;
  if (is_cheap && failures_ == quick_ && quick_ < kQuickTries) {
    failures_ = ++quick_;
    return first / 2 + jitter(first);
  }
  // 200 ms, doubled seven times, is over the longest wait already.
  const Duration middle =
      std::min(first * (int64_t{1} << std::min(failures_ - quick_, 8)), longest_);
  ++failures_;
  return std::min(middle / 2 + jitter(middle), longest_);
}

}  // namespace muster::xmpp
