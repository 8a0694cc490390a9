// What counting a request costs beside a relaxed atomic increment, in one run.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "libcontrol/include/muster/service.h"

namespace muster {
namespace {

constexpr int kRounds = 15;
constexpr uint64_t kCalls = 20'000'000;

struct alignas(64) Counter {
  std::atomic<uint64_t> value{0};
};

// Nanoseconds a call, all threads calling at the same time.
double timed(int threads, const std::function<void(uint64_t)>& calls) {
  std::atomic<int> waiting = threads;
  std::vector<std::thread> running;
  std::atomic<int64_t> longest_ns = 0;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      --waiting;
      while (waiting > 0) {
      }
      const auto begin = std::chrono::steady_clock::now();
      calls(kCalls);
      const int64_t ns = (std::chrono::steady_clock::now() - begin).count();
      int64_t seen = longest_ns;
      while (ns > seen && !longest_ns.compare_exchange_weak(seen, ns)) {
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(longest_ns) / static_cast<double>(kCalls);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(int threads) {
  Counter counter;
  Requests requests;
  Gauge gauge({.max = 100});
  std::vector<double> plain;
  std::vector<double> record;
  std::vector<double> set;
  // In turn, so that whatever else the machine does hits all alike.
  for (int round = 0; round < kRounds; ++round) {
    plain.push_back(timed(threads, [&](uint64_t n) {
      for (uint64_t i = 0; i < n; ++i) counter.value.fetch_add(1, std::memory_order_relaxed);
    }));
    record.push_back(timed(threads, [&](uint64_t n) {
      for (uint64_t i = 0; i < n; ++i) requests.record(i % 16 != 0);
    }));
    set.push_back(timed(threads, [&](uint64_t n) {
      for (uint64_t i = 0; i < n; ++i) gauge.set(static_cast<double>(i % 64));
    }));
  }
  std::printf(
      "%d thread%s: atomic increment %.2f ns, record() %.2f ns (%.2f times), Gauge::set() "
      "%.2f ns (%.2f times)\n",
      threads, threads == 1 ? "" : "s", median(plain), median(record),
      median(record) / median(plain), median(set), median(set) / median(plain));
}

}  // namespace
}  // namespace muster

int main() {
  std::printf("median of %d rounds of %llu calls a thread\n", muster::kRounds,
              static_cast<unsigned long long>(muster::kCalls));
  muster::compare(1);
  muster::compare(2);
}
