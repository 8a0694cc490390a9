// Time as two types that can't be mixed: elapsed time, by which leases run, and wall time, which is
// only shown. Whatever decides takes its time as an argument; only daemons read these clocks.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>

namespace muster {

// A length of time; nanoseconds, may be negative.
struct Duration {
  int64_t ns = 0;

  static constexpr Duration millis(int64_t ms) { return {ms * 1'000'000}; }
  static constexpr Duration seconds(int64_t s) { return {s * 1'000'000'000}; }
  static constexpr Duration max() { return {std::numeric_limits<int64_t>::max()}; }
  constexpr int64_t toMillis() const { return ns / 1'000'000; }
  constexpr double toSeconds() const { return static_cast<double>(ns) * 1e-9; }
  constexpr auto operator<=>(const Duration&) const = default;
};
constexpr Duration operator+(Duration a, Duration b) {
  return {a.ns + b.ns};
}
constexpr Duration operator-(Duration a, Duration b) {
  return {a.ns - b.ns};
}
constexpr Duration operator*(Duration a, int64_t k) {
  return {a.ns * k};
}
constexpr Duration operator/(Duration a, int64_t k) {
  return {a.ns / k};
}

// An instant of one process's elapsed time. Means nothing in another process or after a restart.
struct ElapsedTime {
  int64_t ns = 0;
  static constexpr ElapsedTime max() { return {std::numeric_limits<int64_t>::max()}; }
  constexpr auto operator<=>(const ElapsedTime&) const = default;
};
constexpr ElapsedTime operator+(ElapsedTime t, Duration d) {
  return {t.ns + d.ns};
}
constexpr ElapsedTime operator-(ElapsedTime t, Duration d) {
  return {t.ns - d.ns};
}
constexpr Duration operator-(ElapsedTime a, ElapsedTime b) {
  return {a.ns - b.ns};
}

// Milliseconds since 1970-01-01 UTC. May jump; nothing is decided by it.
struct WallTime {
  int64_t unix_ms = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
};

// RFC 3339, UTC, milliseconds left out when zero is not worth a digit: "2026-03-01T02:30:00Z".
std::string toRfc3339(WallTime time);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual ElapsedTime elapsed() = 0;
  virtual WallTime wall() = 0;
};

// The machine's clocks. Elapsed time is built from CLOCK_BOOTTIME (goes on through a suspend) and
// CLOCK_MONOTONIC_RAW (not slewed): over any stretch it grows at least as much as the larger of
// both (kLarger, for whoever holds a lease) or at most as much as the smaller (kSmaller, for
// whoever waits one out), so that a suspend or a slewed clock errs on the safe side at both ends.
// Any thread.
class SystemClock : public Clock {
 public:
  enum class Bias { kLarger, kSmaller };
  explicit SystemClock(Bias bias);
  ElapsedTime elapsed() override;
  WallTime wall() override;

  // The process-wide clock of each bias.
  static SystemClock& forHolder();
  static SystemClock& forWaiter();

 private:
  const Bias bias_;
  std::mutex mutex_;
  int64_t anchor_boot_ns_;
  int64_t anchor_raw_ns_;
  int64_t anchor_elapsed_ns_ = 0;
  int64_t last_ns_ = 0;
};

// A clock for tests, moved by hand.
class ManualClock : public Clock {
 public:
  ElapsedTime elapsed() override { return elapsed_; }
  WallTime wall() override { return wall_; }
  void advance(Duration d) {
    elapsed_ = elapsed_ + d;
    wall_.unix_ms += d.toMillis();
  }
  void setWall(WallTime wall) { wall_ = wall; }

 private:
  ElapsedTime elapsed_{Duration::seconds(1000).ns};
  WallTime wall_{1'767'225'600'000};  // 2026-01-01T00:00:00Z
};

}  // namespace muster
