// What an application counts, so that its service level can be told.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

namespace muster {

// A speed of spending the error budget that is too much: `factor` times as fast as would spend it
// just within the period, over the long window and over the short one, which says that it goes on.
struct BurnRateRule {
  std::chrono::seconds long_window;   // at most the period
  std::chrono::seconds short_window;  // at least 10 s, at most the long one
  double factor;                      // above 0
  bool page = true;                   // shows the service as burning; else it is worth a ticket
};

// How a service is judged. All of it is fixed when the service is made.
struct ServiceOptions {
  // Percent that must be reached within the window, 0 < objective < 100.
  double objective_percent = 99.9;
  // Sliding window, 10 s to 24 h.
  std::chrono::seconds window = std::chrono::minutes(10);
  // What a bad request is called in "5 dropped in the last 10 mins."; requests only.
  std::string bad_noun = "dropped";
  // What the error budget, 100 - objective percent, is for; 1 h to 31 days.
  std::chrono::seconds period = std::chrono::hours(30 * 24);
  // With fewer requests than this in a window there are no data; at least 1. Keeps one failure
  // of three at night from shouting. Requests only.
  uint64_t min_events = 1;
  // How long a worse state, and a better one, must hold before it is told; 0 to 1 h.
  std::chrono::seconds worse_for = std::chrono::seconds(0);
  std::chrono::seconds better_for = std::chrono::seconds(0);
  // Empty: pages at 14.4 times over 1 h and 5 min. and 6 times over 6 h and 30 min., tickets at 3
  // times over 1 day and 2 h and at 1 over 3 days and 6 h, for a period of 30 days, and scaled to
  // another. At most 8.
  std::vector<BurnRateRule> burn_rates = {};
};

// An instant at which an outage began or ended, for the library.
struct OutageEvent {
  std::chrono::steady_clock::time_point at;
  bool begin;
};

// A service judged by time: up but for its outages. Any thread may call; nothing blocks for long.
class Availability {
 public:
  // Idempotent: a second begin within an outage, or an end outside of one, changes nothing.
  void outageBegin();
  void outageEnd();
  bool inOutage() const;

  // For the library: what happened since the last call, in order, begins and ends in turn. Bounded:
  // where a service flaps too often between two calls, the shortest times between two outages are
  // left out, so that down time is overstated rather than hidden.
  using Event = OutageEvent;
  std::vector<Event> take();

  Availability() = default;
  Availability(const Availability&) = delete;
  Availability& operator=(const Availability&) = delete;

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
  bool in_outage_ = false;
};

// A service judged by its requests. Any thread may count; no lock, no allocation.
class Requests {
 public:
  void good(uint64_t n = 1) { good_.fetch_add(n, std::memory_order_relaxed); }
  void bad(uint64_t n = 1) { bad_.fetch_add(n, std::memory_order_relaxed); }
  void record(bool is_good) { is_good ? good() : bad(); }

  // Totals since the start.
  uint64_t goodTotal() const { return good_.load(std::memory_order_relaxed); }
  uint64_t badTotal() const { return bad_.load(std::memory_order_relaxed); }

  Requests() = default;
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

 private:
  alignas(64) std::atomic<uint64_t> good_{0};
  alignas(64) std::atomic<uint64_t> bad_{0};
};

// Where a gauge's value is good: from `min` to `max`, both included.
struct GaugeBounds {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // Without a new value for so long there are no data; 0: a value holds until the next. At most a
  // day.
  std::chrono::seconds stale_after = std::chrono::seconds(0);
};

// A service judged by a value of the application's: good for as long as it is within its bounds.
// Before the first value there are no data. Any thread may set; no lock and no allocation unless
// the value crosses a bound.
class Gauge {
 public:
  explicit Gauge(const GaugeBounds& bounds) : bounds_(bounds) {}

  // What is not a number is out of bounds.
  void set(double value) {
    value_.store(value, std::memory_order_relaxed);
    fresh_.store(true, std::memory_order_relaxed);
    const Side side = sideOf(value);
    if (side != side_.load(std::memory_order_relaxed)) cross();
  }
  // The last one; not a number before the first.
  double value() const { return value_.load(std::memory_order_relaxed); }
  const GaugeBounds& bounds() const { return bounds_; }

  // For the library: as Availability's, of being out of bounds; `fresh` tells whether a value was
  // set since the last call.
  struct Taken {
    std::vector<OutageEvent> events;
    bool fresh = false;
  };
  Taken take();

  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

 private:
  enum class Side : int { kUnknown, kWithin, kOut };
  Side sideOf(double value) const {
    return value >= bounds_.min && value <= bounds_.max ? Side::kWithin : Side::kOut;
  }
  void cross();
  void settle();

  const GaugeBounds bounds_;
  alignas(64) std::atomic<double> value_{std::numeric_limits<double>::quiet_NaN()};
  std::atomic<Side> side_{Side::kUnknown};
  std::atomic<bool> fresh_{false};
  std::mutex mutex_;
  std::vector<OutageEvent> events_;
};

}  // namespace muster
