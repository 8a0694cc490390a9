#include "node-agent/role_environment.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace muster::agent {
namespace {

constexpr std::array<std::string_view, 14> kNames = {
    "MUSTER_GROUP", "MUSTER_NODE", "MUSTER_EPOCH", "MUSTER_ACTION", "MUSTER_CAUSE",
    "MUSTER_PREVIOUS_EPOCH", "MUSTER_PID", "MUSTER_INSTANCE", "MUSTER_LEASE_DEADLINE_MS",
    "MUSTER_DEADLINE", "MUSTER_ROLE",
    // The agent's own talk with systemd: a program that took part would speak for the agent.
    "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

}  // namespace

Environment programEnvironment(const RoleFacts& facts) {
  return {{"MUSTER_GROUP", facts.group},
          {"MUSTER_NODE", facts.node},
          {"MUSTER_EPOCH", std::to_string(facts.epoch)},
          {"MUSTER_INSTANCE", facts.instance},
          {"MUSTER_PREVIOUS_EPOCH", std::to_string(facts.previous_epoch)}};
}

Environment hookEnvironment(const RoleFacts& facts, const std::string& action,
                            const std::string& cause, Duration remaining, WallTime now) {
  Environment out = programEnvironment(facts);
  const int64_t ms = std::max<int64_t>(0, remaining.toMillis());
  out.emplace_back("MUSTER_ACTION", action);
  out.emplace_back("MUSTER_CAUSE", cause);
  out.emplace_back("MUSTER_LEASE_DEADLINE_MS", std::to_string(ms));
  out.emplace_back("MUSTER_DEADLINE", toRfc3339({now.unix_ms + ms}));
  if (facts.program != 0) out.emplace_back("MUSTER_PID", std::to_string(facts.program));
  return out;
}

bool isRoleVariable(const std::string& name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace muster::agent
