// What the program and the executables for promotion and demotion are told, as environment
// variables. docs/agent.md has the list for users.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libcontrol/base/clock.h"
#include "node-agent/child.h"

namespace muster::agent {

struct RoleFacts {
  std::string group;
  std::string node;
  uint64_t epoch = 0;
  std::string instance;         // the token's other half, 32 hex digits
  uint64_t previous_epoch = 0;  // under which this agent was active before; 0: never
  pid_t program = 0;            // 0: it does not run
};

// Of the program in mode "run": group, node and token.
Environment programEnvironment(const RoleFacts& facts);
// Of an executable besides: what it is for, why, and until when. `action` is "promote" or "demote".
Environment hookEnvironment(const RoleFacts& facts, const std::string& action,
                            const std::string& cause, Duration remaining, WallTime now);

// Whether it is one of the variables above, or one by which systemd talks with the agent. Those
// that the agent itself was started with would tell a program of a role that it does not have.
bool isRoleVariable(const std::string& name);

}  // namespace muster::agent
