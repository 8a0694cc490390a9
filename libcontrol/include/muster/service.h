// What an application counts, so that its service level can be told.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace muster {

// How a service is judged. All of it is fixed when the service is made.
struct ServiceOptions {
  // Percent that must be reached within the window, 0 < objective < 100.
  double objective_percent = 99.9;
  // Sliding window, 10 s to 24 h.
  std::chrono::seconds window = std::chrono::minutes(10);
  // What a bad request is called in "5 dropped in the last 10 mins."; requests only.
  std::string bad_noun = "dropped";
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
  struct Event {
    std::chrono::steady_clock::time_point at;
    bool begin;
  };
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

}  // namespace muster
