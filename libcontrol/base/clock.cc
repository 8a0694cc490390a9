#include "libcontrol/base/clock.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace muster {
namespace {

int64_t readClock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

// The anchor moves on this seldom, so that the few nanoseconds between the two readings, which the
// choice of the larger (or smaller) adds up, stay far below any clock-rate bound.
constexpr int64_t kReanchorNs = 100'000'000;

}  // namespace

std::string toRfc3339(WallTime time) {
  int64_t seconds = time.unix_ms / 1000;
  int64_t millis = time.unix_ms % 1000;
  if (millis < 0) {
    millis += 1000;
    --seconds;
  }
  const time_t t = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&t, &parts);
  char day[32];
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  char out[48];
  if (millis == 0) {
    snprintf(out, sizeof out, "%sZ", day);
  } else {
    snprintf(out, sizeof out, "%s.%03dZ", day, static_cast<int>(millis));
  }
  return out;
}

SystemClock::SystemClock(Bias bias)
    : bias_(bias),
      anchor_boot_ns_(readClock(CLOCK_BOOTTIME)),
      anchor_raw_ns_(readClock(CLOCK_MONOTONIC_RAW)) {}

ElapsedTime SystemClock::elapsed() {
  const std::lock_guard lock(mutex_);
  const int64_t boot = readClock(CLOCK_BOOTTIME);
  const int64_t raw = readClock(CLOCK_MONOTONIC_RAW);
  const int64_t boot_step = boot - anchor_boot_ns_;
  const int64_t raw_step = raw - anchor_raw_ns_;
  const int64_t step =
      bias_ == Bias::kLarger ? std::max(boot_step, raw_step) : std::min(boot_step, raw_step);
  const int64_t now = anchor_elapsed_ns_ + step;
  if (step >= kReanchorNs) {
    anchor_boot_ns_ = boot;
    anchor_raw_ns_ = raw;
    anchor_elapsed_ns_ = now;
  }
  last_ns_ = std::max(last_ns_, now);
  return {last_ns_};
}

WallTime SystemClock::wall() {
  using namespace std::chrono;
  return {duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

SystemClock& SystemClock::forHolder() {
  static SystemClock clock(Bias::kLarger);
  return clock;
}

SystemClock& SystemClock::forWaiter() {
  static SystemClock clock(Bias::kSmaller);
  return clock;
}

}  // namespace muster
