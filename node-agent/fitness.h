// Several things that can each speak against this node's taking the active role.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

namespace muster::agent {

// Any thread; what it tells, it tells in order.
class Fitness {
 public:
  enum Judge { kProgram, kHealth };

  explicit Fitness(std::function<void(const std::string& why)> decline)
      : decline_(std::move(decline)) {}

  // Empty: nothing speaks against it. The first judge that has something to say is heard.
  void set(Judge judge, const std::string& why) {
    const std::lock_guard lock(mutex_);
    reasons_[judge] = why;
    const std::string& first = reasons_[kProgram].empty() ? reasons_[kHealth] : reasons_[kProgram];
    if (std::exchange(told_, first) != first) decline_(first);
  }
  // Once more, to a node that has just started and so hasn't heard it.
  void tellAgain() {
    const std::lock_guard lock(mutex_);
    if (!told_.empty()) decline_(told_);
  }
  std::string reason() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_;
  const std::function<void(const std::string& why)> decline_;
  std::array<std::string, 2> reasons_;
  std::string told_;
};

}  // namespace muster::agent
