#include "libcontrol/node/node_metrics.h"

#include <string>
#include <vector>

#include "libcontrol/metrics/services.h"

namespace muster {
namespace {

const std::vector<std::string>& roles() {
  static const std::vector<std::string> kRoles = {"standby", "active", "draining", "none"};
  return kRoles;
}

std::string roleLabel(v1::NodeRole role) {
  switch (role) {
    case v1::NODE_ROLE_ACTIVE:
      return "active";
    case v1::NODE_ROLE_DRAINING:
      return "draining";
    case v1::NODE_ROLE_NONE:
      return "none";
    default:
      return "standby";
  }
}

void gauge(metrics::Families& out, const std::string& name, const std::string& help, double value) {
  out.gauge("muster_node_" + name, help, {}, value);
}

void describeRole(metrics::Families& out, const v1::RoleReply& role) {
  out.states("muster_node_role", "The node's role: 1 for the one it has.", {}, "role", roles(),
             roleLabel(role.role()));
  gauge(out, "drained", "Whether the node is kept out of the active role: 1 or 0.",
        role.drain().drained() ? 1 : 0);
  if (role.role() == v1::NODE_ROLE_NONE) return;
  gauge(out, "epoch", "The highest epoch that the node has seen.",
        static_cast<double>(role.highest_epoch()));
  gauge(out, "held_epoch", "The epoch under which the node holds the lease; 0: it does not.",
        static_cast<double>(role.epoch()));
  gauge(out, "lease_remaining_seconds", "For how much longer its lease runs; 0 without one.",
        static_cast<double>(role.lease_left_ms()) / 1000);
}

void describeRules(metrics::Families& out, const v1::LogRulesReply& rules) {
  out.counter("muster_log_rule_records_handled_total", "Log records that the rules looked at.", {},
              static_cast<double>(rules.handled()));
  out.counter("muster_log_rule_records_dropped_total",
              "Log records lost to a full queue: no rule has seen them.", {},
              static_cast<double>(rules.dropped()));
  for (const v1::LogRuleState& rule : rules.rules()) {
    out.counter("muster_log_rule_hits_total", "Hits of a log rule since the rules were read.",
                {{"rule", rule.name()}}, static_cast<double>(rule.hits()));
  }
}

}  // namespace

metrics::Families describeNode(const NodeFigures& figures, const metrics::CommandCounts& commands) {
  metrics::Families out;
  const v1::NodeInfoReply& info = figures.info;
  out.gauge("muster_node_info", "Which node this is, and its application's version; always 1.",
            {{"node", info.name()}, {"group", info.group()}, {"version", info.version()}}, 1);
  out.gauge("muster_start_time_seconds", "Unix time of this process's start.", {},
            static_cast<double>(figures.started.unix_ms) / 1000);
  gauge(out, "connected", "Whether the node is logged in: 1 or 0.", figures.connected ? 1 : 0);
  gauge(out, "coordinator_present", "Whether it sees its coordinator: 1 or 0.",
        figures.coordinator_there ? 1 : 0);
  describeRole(out, figures.role);
  metrics::describeLevel(out, "muster_node", "the node", {}, figures.services.level);
  if (figures.log_rules) describeRules(out, *figures.log_rules);
  commands.describe(out);
  metrics::describeServices(out, metrics::kNodeServicePrefix, {}, figures.services.services,
                            metrics::Totals::kAll);
  return out;
}

}  // namespace muster
