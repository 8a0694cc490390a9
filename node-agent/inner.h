// The agent's inner process, composed: node, supervisor, failover.
#pragma once

#include "node-agent/agent_config.h"
#include "node-agent/keeper/lease_watch.h"

namespace muster::agent {

// Until SIGTERM, SIGINT or SIGQUIT. Returns the exit code: 0, or 1 if it could not start.
int runInner(const AgentConfig& config, LeaseWatch& watch);

}  // namespace muster::agent
