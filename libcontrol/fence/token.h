// The rule itself, which both fences share: the highest epoch wins, and among equals whoever came
// first.
#pragma once

#include <cstdint>
#include <string>

#include "libcontrol/base/status.h"

namespace muster::fence {

// Epoch 0: nobody has claimed the resource yet.
struct Token {
  uint64_t epoch = 0;
  std::string instance;
  bool operator==(const Token&) const = default;
};

// kInvalidArgument for what can't be a token: epoch 0, one above 2^63 - 1, an empty instance or one
// of more than 64 bytes, or with a line break.
Status checkWellFormed(const Token& token);
// Whether `token` may take the resource that `held` holds.
Status checkClaim(const Token& token, const Token& held, const std::string& resource);
// Whether `token` is the one that holds it.
Status checkHolds(const Token& token, const Token& held, const std::string& resource);

}  // namespace muster::fence
