// The simulated world's clockwork: events in order of time, processes that can crash, pause and
// wait for their disk, each with a clock of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
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
  bool chance(double p) { return static_cast<double>(random_.next() >> 11) * 0x1p-53 < p; }
  // Uniform in [low, high] milliseconds.
  Duration millis(int64_t low, int64_t high) {
    return Duration::millis(low + static_cast<int64_t>(random_.below(high - low + 1)));
  }
  uint64_t below(uint64_t bound) { return random_.below(bound); }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random_.next() >> 11) * 0x1p-53;
  }
  Random& random() { return random_; }

 private:
  SeededRandom random_;
};

// A process: runs actions one after the other unless it is down, paused or waiting for its disk.
class Process {
 public:
  double rate = 1;        // of its clock against real time
  int64_t offset_ns = 0;  // of its elapsed time, another one at each start
  bool up = false;
  bool paused = false;
  bool busy = false;  // waits for its disk
  uint64_t life = 0;  // counts starts
  uint64_t link = 0;  // counts connections: what came over an older one is gone
  bool linked = false;

  ElapsedTime local(ElapsedTime real) const {
    return {offset_ns + static_cast<int64_t>(static_cast<double>(real.ns) * rate)};
  }
  // The first real instant at which the process's clock shows `time`.
  ElapsedTime real(ElapsedTime time) const {
    return {static_cast<int64_t>(static_cast<double>(time.ns - offset_ns) / rate) + 1};
  }
  // What `length` on this clock is in real time.
  Duration realLength(Duration length) const {
    return {static_cast<int64_t>(static_cast<double>(length.ns) / rate)};
  }

  void start(Dice& dice) {
    ++life;
    up = true;
    offset_ns = static_cast<int64_t>(dice.below(1'000'000)) * 1'000'000;
  }
  void crash() {
    up = paused = busy = linked = false;
    ++link;
    waiting_.clear();
    write_done_ = nullptr;
  }
  void run(Action action) {
    if (!up) return;
    if (paused || busy) {
      waiting_.push_back(std::move(action));
    } else {
      action();
    }
  }
  // The disk has answered.
  void diskDone(Action action) {
    if (paused) {
      write_done_ = std::move(action);
    } else {
      action();
    }
  }
  void resume() {
    paused = false;
    if (write_done_) std::exchange(write_done_, nullptr)();
    drainWaiting();
  }
  void drainWaiting() {
    while (up && !paused && !busy && !waiting_.empty()) {
      Action action = std::move(waiting_.front());
      waiting_.pop_front();
      action();
    }
  }
  void runFirst(Action action) { waiting_.push_front(std::move(action)); }

 private:
  std::deque<Action> waiting_;
  Action write_done_;
};

}  // namespace muster::election
