// A watchdog in memory that writes down what is done to it, and when by its clock.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/node/watchdog_device.h"

namespace muster::testing {

// What the test and the watchdog's thread share.
struct FakeWatchdogState {
  std::mutex mutex;
  std::vector<std::string> done;  // "open", "set 4", "feed", "disarm"
  bool open = false;
  int timeout_s = 60;
  // What is wrong with it.
  std::string unusable;  // why it can't be opened
  int shortest_s = 1;
  bool nowayout = false;
  bool broken = false;  // it takes nothing any more
  int refused = 0;      // how often something was refused for that

  std::vector<std::string> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(done, {});
  }
  bool has(const std::string& what) {
    const std::lock_guard lock(mutex);
    return std::find(done.begin(), done.end(), what) != done.end();
  }
  int refusals() {
    const std::lock_guard lock(mutex);
    return refused;
  }
  template <typename Change>
  void set(Change change) {
    const std::lock_guard lock(mutex);
    change(*this);
  }
};

class FakeWatchdog : public WatchdogDevice {
 public:
  explicit FakeWatchdog(FakeWatchdogState& state) : state_(state) {}

  bool isOpen() const override {
    const std::lock_guard lock(state_.mutex);
    return state_.open;
  }
  Status open() override {
    const std::lock_guard lock(state_.mutex);
    if (!state_.unusable.empty()) return {Code::kUnavailable, name() + " " + state_.unusable};
    state_.open = true;
    state_.done.push_back("open");
    return Status::ok();
  }
  Result<int> setTimeout(int seconds) override {
    const std::lock_guard lock(state_.mutex);
    if (state_.broken) ++state_.refused;
    if (state_.broken || seconds < state_.shortest_s) return wrong();
    state_.timeout_s = seconds;
    state_.done.push_back("set " + std::to_string(seconds));
    return seconds;
  }
  Result<int> timeout() override {
    const std::lock_guard lock(state_.mutex);
    return state_.timeout_s;
  }
  Status feed() override {
    const std::lock_guard lock(state_.mutex);
    if (state_.broken) {
      ++state_.refused;
      return wrong();
    }
    state_.done.push_back("feed");
    return Status::ok();
  }
  Status disarm() override {
    const std::lock_guard lock(state_.mutex);
    if (state_.nowayout) return wrong();
    state_.open = false;
    state_.done.push_back("disarm");
    return Status::ok();
  }
  std::string name() const override { return "/dev/fake"; }

 private:
  Status wrong() const { return {Code::kUnavailable, "/dev/fake: invalid argument"}; }

  FakeWatchdogState& state_;
};

}  // namespace muster::testing
