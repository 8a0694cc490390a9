// What a machine was given and what it answered, for tests of either machine.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"

namespace muster::election {

inline Duration ms(int64_t value) {
  return Duration::millis(value);
}

inline InstanceId instanceOf(int n) {
  InstanceId id;
  id.bytes.fill(static_cast<uint8_t>(n));
  return id;
}

// The first of that kind, or null.
template <typename Wanted, typename Effect>
const Wanted* find(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (const Wanted* wanted = std::get_if<Wanted>(&effect)) return wanted;
  }
  return nullptr;
}

// The first reply, if it has such a message.
template <typename Wanted, typename Reply, typename Effect>
const Wanted* findAnswer(const std::vector<Effect>& effects) {
  const auto* reply = find<Reply>(effects);
  return reply ? std::get_if<Wanted>(&reply->message) : nullptr;
}

}  // namespace muster::election
