// The simulated world's clockwork: events in order of time, clocks, and processes that can crash,
// pause and wait for their disk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/random.h"

namespace muster::election {

using Action = std::function<void()>;

// Real time of the simulation. Events of the same instant run in the order of their making.
class Agenda {
 public:
  ElapsedTime now() const { return now_; }
  void at(ElapsedTime time, Action action) {
    heap_.push_back({std::max(time, now_), ++sequence_, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }
  ElapsedTime nextAt() const { return heap_.empty() ? ElapsedTime::max() : heap_.front().time; }
  // Runs the next event; false if there is none.
  bool runNext() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_ = entry.time;
    entry.action();
    return true;
  }

 private:
  struct Entry {
    ElapsedTime time;
    uint64_t sequence;
    Action action;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };
  ElapsedTime now_{};
  uint64_t sequence_ = 0;
  std::vector<Entry> heap_;
};

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  bool chance(double p) { return p > 0 && unit() < p; }
  // Uniform in [low, high] milliseconds.
  Duration millis(int64_t low, int64_t high) {
    return Duration::millis(low + static_cast<int64_t>(random_.below(high - low + 1)));
  }
  uint64_t below(uint64_t bound) { return random_.below(bound); }
  double between(double low, double high) { return low + (high - low) * unit(); }
  template <typename Container>
  auto& pick(Container& from) {
    return from[below(std::size(from))];
  }

 private:
  double unit() { return static_cast<double>(random_.next() >> 11) * 0x1p-53; }
  SeededRandom random_;
};

// The elapsed time of one process: runs at a rate of its own, which can be slewed.
class SimClock {
 public:
  // It shows `local` now: at a start, or when it stood still, as CLOCK_MONOTONIC_RAW does during a
  // suspend.
  void set(ElapsedTime real, ElapsedTime local) {
    real_ = real;
    local_ = local;
  }
  double rate() const { return rate_; }
  void setRate(ElapsedTime real, double rate) {
    local_ = at(real);
    real_ = real;
    rate_ = rate;
  }
  ElapsedTime at(ElapsedTime real) const { return local_ + scaled(real - real_, rate_); }
  // The first real instant at which it shows `local`, as long as its rate stays.
  ElapsedTime whenItShows(ElapsedTime local) const {
    return real_ + scaled(local - local_, 1 / rate_) + Duration{1};
  }

 private:
  static Duration scaled(Duration length, double by) {
    return {static_cast<int64_t>(static_cast<double>(length.ns) * by)};
  }
  double rate_ = 1;
  ElapsedTime real_{};
  ElapsedTime local_{};
};

// A process with an event loop and one more thread, on which the application runs. The loop stands
// while the process waits for its disk; both stand while it is paused.
class Process {
 public:
  SimClock clock;
  bool up = false;
  bool paused = false;
  bool busy = false;  // waits for its disk
  uint64_t life = 0;  // counts starts
  uint64_t link = 0;  // counts connections: what came over an older one is gone
  bool linked = false;

  void start(ElapsedTime real, Dice& dice) {
    ++life;
    up = true;
    clock.set(real, ElapsedTime{dice.millis(0, 1'000'000).ns});
  }
  void crash() {
    up = paused = busy = linked = false;
    ++link;
    on_loop_.clear();
    on_application_.clear();
    answers_.clear();
  }
  void run(Action action) {
    if (!up) return;
    if (paused || busy) {
      on_loop_.push_back(std::move(action));
    } else {
      action();
    }
  }
  void runFirst(Action action) { on_loop_.push_front(std::move(action)); }
  void runApplication(Action action) {
    if (!up) return;
    if (paused) {
      on_application_.push_back(std::move(action));
    } else {
      action();
    }
  }
  // What the loop may be standing for: the disk, or etcd, has answered.
  void answered(Action action) {
    if (!up) return;
    if (paused) {
      answers_.push_back(std::move(action));
    } else {
      action();
    }
  }
  // Which of its threads gets to run first is up to the scheduler.
  void resume(bool application_first) {
    paused = false;
    if (application_first) drainApplication();
    while (up && !paused && !answers_.empty()) take(answers_)();
    drainLoop();
    drainApplication();
  }
  void drainLoop() {
    while (up && !paused && !busy && !on_loop_.empty()) take(on_loop_)();
  }
  bool applicationWaits() const { return !on_application_.empty(); }

 private:
  void drainApplication() {
    while (up && !paused && !on_application_.empty()) take(on_application_)();
  }
  static Action take(std::deque<Action>& from) {
    Action action = std::move(from.front());
    from.pop_front();
    return action;
  }
  std::deque<Action> on_loop_;
  std::deque<Action> on_application_;
  std::deque<Action> answers_;
};

// Something small that is replaced as a whole and is durable once the write has returned. Before
// that a crash may leave the old or the new, never a mixture: the coordinator's store (SQLite) goes
// back to the old when its journal is cut short, and a node's file is replaced by a rename. A file
// system that renames before the data is there can leave a node's file cut short; its checksum then
// tells, and the node refuses to start.
template <typename T>
class SimDisk {
 public:
  const T& content() const { return content_; }
  const std::optional<T>& writing() const { return writing_; }
  void begin(T next) { writing_ = std::move(next); }
  // It is there.
  void finish() {
    if (writing_) content_ = std::move(*writing_);
    writing_.reset();
  }
  // It is not, and never will be.
  void abandon() { writing_.reset(); }
  void replace(T content) { content_ = std::move(content); }

 private:
  T content_{};
  std::optional<T> writing_;
};

}  // namespace muster::election
