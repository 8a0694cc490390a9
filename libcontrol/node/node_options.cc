#include "libcontrol/base/text.h"
#include "libcontrol/config/config_file.h"
#include "libcontrol/metrics/metrics_config.h"
#include "libcontrol/node/logs_config.h"
#include "libcontrol/rules/rule_set.h"
#include "muster/node.h"

namespace muster {
namespace {

void readWatchdog(ConfigTable& node, NodeOptions& options) {
  const std::string mode = node.string("watchdog", "off");
  if (mode == "automatic") {
    options.watchdog = WatchdogMode::kAutomatic;
  } else if (mode == "required") {
    options.watchdog = WatchdogMode::kRequired;
  } else if (mode != "off") {
    node.fail("watchdog",
              "must be \"off\", \"automatic\" or \"required\", not '" + singleLine(mode, 80) + "'");
  }
  if (options.watchdog != WatchdogMode::kOff && options.group.empty()) {
    node.fail("watchdog", "guards the lease of a group, and there is no group");
  }
  if (const auto device = node.path("watchdog_device"); !device.empty()) {
    options.watchdog_device = device;
  }
}

}  // namespace

Result<NodeOptions> loadNodeOptions(const std::filesystem::path& file) {
  auto config = ConfigFile::load(file);
  if (!config) return config.status();
  ConfigTable root = (*config)->root();
  ConfigTable node = root.table("node");
  if (!node.isPresent()) root.fail("node", "the table [node] is missing");
  // The file may be the application's own, with other tables for itself.
  root.ignoreOtherTables();

  NodeOptions options;
  options.jid = node.requiredString("jid");
  options.password = node.secret("password");
  options.host = node.string("host");
  options.port = static_cast<uint16_t>(node.integer("port", 0, 0, 65535));
  options.ca_file = node.path("ca_file").string();
  options.coordinator = node.string("coordinator");
  options.coordinators = node.strings("coordinators");
  options.coordinator_account = node.string("coordinator_account");
  options.name = node.string("name");
  options.group = node.string("group");
  options.version = node.string("version");
  (void)node.requiredString("state_dir");
  options.state_dir = node.path("state_dir");
  options.log_rules = node.path("log_rules");
  readWatchdog(node, options);
  options.logs = readLogOptions(root.table("logs"), options.state_dir);
  const metrics::MetricsConfig metrics = metrics::readMetrics(node.table("metrics"));
  options.metrics = {metrics.listen, metrics.allow_remote};
  for (ConfigTable grant : node.tables("grant")) {
    const std::string jid = grant.requiredString("jid");
    options.grants.emplace_back(jid, grant.requiredString("role"));
  }
  if (Status status = (*config)->finish(); !status) return status;
  if (!options.log_rules.empty()) {
    const auto rules = rules::RuleSet::load(options.log_rules);
    if (!rules) return rules.status();
  }
  return options;
}

}  // namespace muster
