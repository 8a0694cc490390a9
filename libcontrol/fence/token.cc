#include "libcontrol/fence/token.h"

namespace muster::fence {
namespace {

// An instance has 32 bytes; twice that leaves room for tokens of other makers.
constexpr size_t kMaxInstanceBytes = 64;
constexpr uint64_t kMaxEpoch = (uint64_t{1} << 63) - 1;  // SQLite's integers are signed

std::string describe(const Token& token) {
  return "epoch " + std::to_string(token.epoch) + " of instance " + token.instance;
}

}  // namespace

Status checkWellFormed(const Token& token) {
  if (token.epoch == 0 || token.epoch > kMaxEpoch) {
    return {Code::kInvalidArgument,
            "epoch " + std::to_string(token.epoch) + " is no token; they run from 1 to 2^63 - 1",
            "epoch"};
  }
  if (token.instance.empty() || token.instance.size() > kMaxInstanceBytes ||
      token.instance.find_first_of(std::string("\n\r\0", 3)) != std::string::npos) {
    return {Code::kInvalidArgument, "an instance is one line of 1 to 64 bytes", "instance"};
  }
  return Status::ok();
}

Status checkClaim(const Token& token, const Token& held, const std::string& resource) {
  if (token.epoch > held.epoch || token == held) return Status::ok();
  return {Code::kConflict, describe(token) + " comes too late for " + resource + ": " +
                               describe(held) + " has claimed it"};
}

Status checkHolds(const Token& token, const Token& held, const std::string& resource) {
  if (token == held) return Status::ok();
  if (held.epoch == 0) {
    return {Code::kConflict,
            "nobody has claimed " + resource + "; claim() comes before the first check()"};
  }
  return {Code::kConflict,
          describe(token) + " does not hold " + resource + "; " + describe(held) + " does"};
}

}  // namespace muster::fence
