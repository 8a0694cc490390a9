// Whether the program can take the active role, as several parts of the agent see it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace muster::agent {

// Any thread.
class Fitness {
 public:
  // `tell` gets the first reason there is, by the parts' names; empty: none.
  explicit Fitness(std::function<void(const std::string& why)> tell) : tell_(std::move(tell)) {}

  void set(const std::string& part, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (why.empty()) {
      reasons_.erase(part);
    } else {
      reasons_[part] = why;
    }
    tell();
  }
  // To whom it wasn't told before: a node that has just been started.
  void tellAgain() {
    const std::lock_guard lock(mutex_);
    tell();
  }

 private:
  void tell() { tell_(reasons_.empty() ? "" : reasons_.begin()->second); }

  const std::function<void(const std::string& why)> tell_;
  std::mutex mutex_;
  std::map<std::string, std::string> reasons_;
};

}  // namespace muster::agent
