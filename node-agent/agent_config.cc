#include "node-agent/agent_config.h"

#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/config/config_file.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

Duration wait(ConfigTable& table, const std::string& key, Duration fallback) {
  return table.duration(key, fallback, limits::kMinAgentWait, limits::kMaxAgentWait);
}

std::string fenceFile(ConfigTable& failover) {
  ConfigTable fence = failover.table("fence");
  if (!fence.isPresent()) return {};
  const std::string kind = fence.requiredString("kind");
  if (!kind.empty() && kind != "file") {
    fence.fail("kind", "must be \"file\", not '" + singleLine(kind, 80) + "'");
  }
  (void)fence.requiredString("path");
  const fs::path path = fence.path("path");
  std::error_code error;
  if (!path.empty() && !fs::is_directory(path.parent_path(), error)) {
    fence.fail("path", "the folder " + path.parent_path().string() + " is not there");
  }
  return path.string();
}

FailoverOptions::Mode readMode(ConfigTable& table, Verb verb) {
  using Mode = FailoverOptions::Mode;
  const std::string mode = table.requiredString("mode");
  const std::string other = verb == Verb::kRun ? "run" : "unit";
  if (mode == "always") return Mode::kAlways;
  if (mode == "sidecar") return Mode::kSidecar;
  if (!mode.empty() && mode != other) {
    table.fail("mode", "must be \"" + other + "\", \"always\" or \"sidecar\", not '" +
                           singleLine(mode, 80) + "'");
  }
  return verb == Verb::kRun ? Mode::kRun : Mode::kUnit;
}

int healthCount(ConfigTable& table, const std::string& key, int fallback) {
  return static_cast<int>(table.integer(key, fallback, 1, limits::kMaxHealthCount));
}

std::optional<HealthOptions> readHealth(ConfigTable& failover) {
  ConfigTable table = failover.table("health");
  if (!table.isPresent()) return std::nullopt;
  HealthOptions options;
  options.command = readExecutable(table, "command");
  if (options.command.empty()) {
    table.fail("command", "is missing: the executable that says whether the application is fit");
  }
  options.interval = table.duration("interval", options.interval, limits::kMinHealthInterval,
                                    limits::kMaxAgentWait);
  options.timeout =
      table.duration("timeout", options.timeout, limits::kMinHookTimeout, limits::kMaxHookTimeout);
  options.fall = healthCount(table, "fall", options.fall);
  options.rise = healthCount(table, "rise", options.rise);
  return options;
}

// Of mode "unit".
std::string environmentFile(ConfigTable& table, FailoverOptions::Mode mode) {
  const fs::path path = table.path("environment_file");
  std::error_code error;
  if (!path.empty() && mode != FailoverOptions::Mode::kUnit) {
    table.fail("environment_file",
               "is for mode \"unit\"; a program of the agent's own gets the "
               "variables themselves");
  } else if (!path.empty() && !fs::is_directory(path.parent_path(), error)) {
    table.fail("environment_file", "the folder " + path.parent_path().string() + " is not there");
  }
  return path.string();
}

FailoverOptions readFailover(ConfigTable& table, Verb verb) {
  FailoverOptions options;
  options.mode = readMode(table, verb);
  const bool always = options.mode == FailoverOptions::Mode::kAlways;
  options.promote = readExecutable(table, "promote");
  options.demote = readExecutable(table, "demote");
  for (const auto& [key, words] :
       {std::pair{"promote", &options.promote}, std::pair{"demote", &options.demote}}) {
    if (always && words->empty()) {
      table.fail(key, "is needed with mode \"always\": it tells the program of its role");
    }
    if (options.mode == FailoverOptions::Mode::kSidecar && !words->empty()) {
      table.fail(key, "goes with the other modes: the program is told over its own connection");
    }
  }
  options.timeout =
      table.duration("timeout", options.timeout, limits::kMinHookTimeout, limits::kMaxHookTimeout);
  options.fence_file = fenceFile(table);
  options.environment_file = environmentFile(table, options.mode);
  options.health = readHealth(table);
  return options;
}

// What only one of the two ways to start the agent knows.
void readApplication(ConfigTable& agent, Verb verb, AgentConfig& config) {
  ConfigTable attach = agent.table("attach");
  if (attach.isPresent()) config.attach = readAttach(attach);
  if (verb == Verb::kRun && attach.isPresent()) {
    agent.fail("attach",
               "is for `muster-agent attach`; `muster-agent run` runs the program itself");
  } else if (verb == Verb::kAttach && !attach.isPresent()) {
    agent.fail("attach", "is missing: unit or pid_file in [agent.attach] say what to watch");
  }
  for (const SourceConfig& source : config.sources) {
    const bool of_program =
        source.kind == SourceKind::kStdout || source.kind == SourceKind::kStderr;
    if (verb == Verb::kAttach && of_program) {
      agent.fail("source", source.name +
                               " reads the output of a program that the agent runs; with "
                               "`attach` follow its files or the journal");
    }
  }
  if (!config.failover) return;
  const auto mode = config.failover->mode;
  config.supervisor.automatic = verb == Verb::kRun && mode != FailoverOptions::Mode::kRun;
  if (mode == FailoverOptions::Mode::kUnit && config.attach && config.attach->unit.empty()) {
    agent.fail("attach", "needs unit with mode \"unit\": nobody can start a pid file");
  }
}

void readAgent(ConfigTable& agent, AgentConfig& config) {
  config.service = agent.string("service", "process");
  RestartOptions& restart = config.supervisor.restart;
  restart.backoff_first = wait(agent, "backoff_first", restart.backoff_first);
  restart.backoff_last = wait(agent, "backoff_last", restart.backoff_last);
  if (restart.backoff_first > restart.backoff_last) {
    agent.fail("backoff_last",
               "must not be less than backoff_first, " + formatDuration(restart.backoff_first));
  }
  restart.stable = wait(agent, "stable", restart.stable);
  restart.max_restarts = static_cast<int>(
      agent.integer("max_restarts", restart.max_restarts, 0, limits::kMaxAgentRestarts));
  config.supervisor.grace = wait(agent, "grace", config.supervisor.grace);
}

// What speaks over the socket needs one.
void checkSidecar(ConfigTable& agent, const AgentConfig& config) {
  if (config.sidecar) return;
  const bool roles = config.failover && config.failover->mode == FailoverOptions::Mode::kSidecar;
  const bool levels = config.levels && config.levels->kind == "sidecar";
  if (!roles && !levels) return;
  agent.fail("sidecar", std::string("is needed with ") + (roles ? "failover.mode" : "levels.kind") +
                            " = \"sidecar\": say in [agent.sidecar] where the socket is");
}

}  // namespace

Result<AgentConfig> loadAgentConfig(const fs::path& file, Verb verb) {
  AgentConfig config;
  auto node = loadNodeOptions(file);
  auto opened = ConfigFile::load(file);
  if (!opened) return opened.status();
  ConfigTable root = (*opened)->root();
  ConfigTable agent = root.table("agent");
  readAgent(agent, config);
  config.sources = readSources(agent);
  ConfigTable failover = agent.table("failover");
  if (failover.isPresent()) config.failover = readFailover(failover, verb);
  ConfigTable levels = agent.table("levels");
  if (levels.isPresent()) config.levels = readLevels(levels);
  ConfigTable sidecar = agent.table("sidecar");
  if (sidecar.isPresent()) config.sidecar = readSidecar(sidecar);
  checkSidecar(agent, config);
  config.probes = readProbes(agent, node && !node->group.empty());
  // Asked of the table itself, so that one mistake doesn't hide another.
  const bool has_group = node && !node->group.empty();
  if (node && failover.isPresent() && !has_group) {
    agent.fail("failover", "needs node.group: the group in which this node takes its turn");
  }
  if (has_group && !failover.isPresent()) {
    agent.fail("failover",
               "is needed with node.group: say in [agent.failover] how the program learns of its "
               "role, or leave node.group out");
  }
  config.supervisor.automatic = verb == Verb::kRun;
  readApplication(agent, verb, config);
  root.ignoreOtherTables();
  const Status read = (*opened)->finish();
  if (node && read) {
    config.node = std::move(node).value();
    config.node.log_rules_queue = limits::kAgentRuleQueueBytes;
    return config;
  }
  std::string text = node ? "" : node.status().text();
  if (!read) text += (text.empty() ? "" : "\n") + read.text();
  return Status(Code::kInvalidArgument, text);
}

std::string nodeName(const NodeOptions& node) {
  return node.name.empty() ? node.jid.substr(0, node.jid.find('@')) : node.name;
}

}  // namespace muster::agent
