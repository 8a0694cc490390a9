#include "libcontrol/election/watchdog.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::election {
namespace {

// A grant has been on its way for a part of its lease, and the timeout has to fit into the rest.
constexpr int64_t kUsableTenths = 9;
constexpr Duration kRetry = Duration::millis(200);

// By when the device has counted to the end, if its clock is slow.
Duration reach(int timeout_s) {
  return Duration::seconds(timeout_s) + Duration::seconds(timeout_s) / limits::kWatchdogDriftShare;
}

}  // namespace

std::vector<int> watchdogTimeouts(Duration ttl) {
  std::vector<int> out;
  int seconds = static_cast<int>(ttl.ns / 10 * kUsableTenths / Duration::seconds(1).ns);
  for (; seconds > 0; seconds /= 2) out.push_back(seconds);
  return out;
}

Duration shortestGuardedLease(int timeout_s) {
  return Duration::seconds((timeout_s * 10 + kUsableTenths - 1) / kUsableTenths);
}

void WatchdogPlan::setTimeouts(std::vector<int> timeouts) {
  timeouts_ = std::move(timeouts);
}

void WatchdogPlan::extended(uint64_t epoch, ElapsedTime end, ElapsedTime now) {
  if (epoch < epoch_ || (epoch == epoch_ && !held_)) return;
  if (epoch == epoch_ && end <= end_) return;
  epoch_ = epoch;
  held_ = true;
  end_ = end;
  next_feed_ = now;
}

void WatchdogPlan::stopped(uint64_t epoch) {
  if (epoch != epoch_ || !held_) return;
  held_ = false;
  next_feed_ = isKept() ? std::optional(ElapsedTime{}) : std::nullopt;  // at once, or never
}

std::optional<int> WatchdogPlan::longestThatFits(ElapsedTime now) const {
  for (const int timeout : timeouts_) {
    if (now + reach(timeout) <= end_) return timeout;
  }
  return std::nullopt;
}

WatchdogPlan::Action WatchdogPlan::next(ElapsedTime now) const {
  using Kind = Action::Kind;
  const bool due = next_feed_ && now >= *next_feed_;
  if (held_) {
    const auto timeout = due ? longestThatFits(now) : std::nullopt;
    return timeout ? Action{Kind::kFeed, *timeout} : Action{};
  }
  if (isKept()) return due ? Action{Kind::kFeed, kept_s_} : Action{};
  return armed_ ? Action{Kind::kDisarm, 0} : Action{};
}

// When nothing fits any more there is nothing to wake up for until the lease is extended.
std::optional<ElapsedTime> WatchdogPlan::nextWake(ElapsedTime now) const {
  const bool too_late = held_ && next_feed_ && !longestThatFits(std::max(now, *next_feed_));
  return too_late ? std::nullopt : next_feed_;
}

void WatchdogPlan::fed(int timeout_s, ElapsedTime before, ElapsedTime after) {
  armed_ = true;
  deadline_ = after + reach(timeout_s);
  const ElapsedTime again = before + Duration::seconds(timeout_s) / 2;
  if (!held_) {
    // Stopped meanwhile; next() disarms.
    next_feed_ = isKept() ? std::optional(again) : std::nullopt;
  } else if (deadline_ > end_) {
    // It was held up between the look at the clock and the feed: again, with a shorter timeout.
    next_feed_ = after;
  } else {
    const ElapsedTime last = end_ - reach(timeout_s) - limits::kWatchdogSlack;
    // After the last of this timeout nothing gets the device's time any nearer to the lease's end.
    next_feed_ = before < last ? std::optional(std::min(again, last)) : std::nullopt;
  }
}

void WatchdogPlan::failed(ElapsedTime now, bool counts) {
  armed_ = counts;
  if (held_ || isKept()) next_feed_ = now + kRetry;
}

void WatchdogPlan::disarmed() {
  armed_ = false;
  kept_s_ = 0;
}

void WatchdogPlan::cannotDisarm(int timeout_s, ElapsedTime now) {
  armed_ = true;
  kept_s_ = timeout_s;
  if (!held_) next_feed_ = now;
}

}  // namespace muster::election
