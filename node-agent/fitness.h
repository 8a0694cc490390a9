// Several things that can each speak against this node's taking the active role.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <utility>

namespace muster::agent {

// On one thread.
class Fitness {
 public:
  enum Judge { kProgram, kHealth };

  explicit Fitness(std::function<void(const std::string& why)> decline)
      : decline_(std::move(decline)) {}

  // Empty: nothing speaks against it. The first judge that has something to say is heard.
  void set(Judge judge, const std::string& why) {
    reasons_[judge] = why;
    const std::string& first = reasons_[kProgram].empty() ? reasons_[kHealth] : reasons_[kProgram];
    if (std::exchange(told_, first) != first) decline_(first);
  }
  const std::string& reason() const { return told_; }

 private:
  const std::function<void(const std::string& why)> decline_;
  std::array<std::string, 2> reasons_;
  std::string told_;
};

}  // namespace muster::agent
