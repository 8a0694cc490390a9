// The table [agent] of the configuration file, with all that is in it; docs/agent.md has every key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "muster/node.h"
#include "muster/status.h"
#include "node-agent/attach/attach_config.h"
#include "node-agent/failover.h"
#include "node-agent/levels/level_config.h"
#include "node-agent/probes/probe_config.h"
#include "node-agent/sidecar/sidecar_options.h"
#include "node-agent/sources/source_config.h"
#include "node-agent/supervisor.h"

namespace muster::agent {

struct AgentConfig {
  NodeOptions node;
  std::string service;
  SupervisorOptions supervisor;  // but for the command
  std::optional<FailoverOptions> failover;
  std::vector<SourceConfig> sources;
  std::optional<LevelConfig> levels;
  std::optional<SidecarOptions> sidecar;
  std::vector<ProbeConfig> probes;
  std::optional<AttachConfig> attach;  // with `attach`
};

// What the agent was started for.
enum class Verb {
  kRun,     // it runs the program
  kAttach,  // others do
};

// Everything that can be known before the node logs in: all mistakes at once, each with its line
// and key.
Result<AgentConfig> loadAgentConfig(const std::filesystem::path& file, Verb verb = Verb::kRun);

// What executables are told as MUSTER_NODE.
std::string nodeName(const NodeOptions& node);

}  // namespace muster::agent
