// Several parts of the agent that can each speak against this node's taking the active role.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace muster::agent {

// Any thread; what it tells, it tells in order.
class Fitness {
 public:
  // Whose reason comes before all others: without it there is nothing to ask of the others.
  static constexpr char kProgram[] = "program";

  // `decline` gets the first reason there is, by the parts' names; empty: none.
  explicit Fitness(std::function<void(const std::string& why)> decline)
      : decline_(std::move(decline)) {}

  // Empty: nothing speaks against it, as far as that part knows.
  void set(const std::string& part, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (why.empty()) {
      reasons_.erase(part);
    } else {
      reasons_[part] = why;
    }
    auto heard = reasons_.find(kProgram);
    if (heard == reasons_.end()) heard = reasons_.begin();
    const std::string first = heard == reasons_.end() ? "" : heard->second;
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
  const std::function<void(const std::string& why)> decline_;
  std::mutex mutex_;
  std::map<std::string, std::string> reasons_;
  std::string told_;
};

}  // namespace muster::agent
