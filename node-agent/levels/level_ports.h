// What the drivers of log levels need, done by the supervisor.
#pragma once

#include "node-agent/levels/level_config.h"
#include "node-agent/supervisor.h"

namespace muster::agent {

// For threads other than the supervisor's, while it runs; it must outlive what they are given to.
LevelPorts levelPorts(Supervisor& supervisor);

}  // namespace muster::agent
