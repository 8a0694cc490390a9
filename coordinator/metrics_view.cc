#include "coordinator/metrics_view.h"

#include <map>
#include <vector>

#include "libcontrol/metrics/services.h"

namespace muster::coordinator {
namespace {

const std::vector<std::string>& phases() {
  static const std::vector<std::string> kPhases = {"vacant", "offered", "active", "draining"};
  return kPhases;
}

std::string phaseLabel(election::Phase phase) {
  switch (phase) {
    case election::Phase::kVacant:
      return "vacant";
    case election::Phase::kOffered:
      return "offered";
    case election::Phase::kActive:
      return "active";
    case election::Phase::kDraining:
      return "draining";
  }
  return "";
}

double asNumber(bool yes) {
  return yes ? 1 : 0;
}

}  // namespace

metrics::Families MetricsView::describe() const {
  metrics::Families out;
  describeSelf(out);
  describeAlerts(out);
  describeGroups(out);
  for (const Member* member : parts_.cluster.members().all()) describeMember(out, *member);
  return out;
}

void MetricsView::describeSelf(metrics::Families& out) const {
  out.gauge("muster_build_info", "The version of this program; always 1.",
            {{"part", "coordinator"}, {"version", parts_.version}}, 1);
  out.gauge("muster_start_time_seconds", "Unix time of this process's start.", {},
            static_cast<double>(parts_.started.unix_ms) / 1000);
  const char* help = "Whether the connection to the XMPP server is up: 1 or 0.";
  out.gauge("muster_coordinator_connected", help, {{"link", "component"}},
            asNumber(parts_.component.isUp()));
  if (parts_.account != nullptr) {
    out.gauge("muster_coordinator_connected", help, {{"link", "account"}},
              asNumber(parts_.account->isUp()));
  }
  parts_.commands.describe(out);
  if (parts_.hooks != nullptr) parts_.hooks->describe(out);
}

void MetricsView::describeAlerts(metrics::Families& out) const {
  out.gauge("muster_outbox_messages", "Messages that have not been delivered yet.", {},
            static_cast<double>(parts_.alerts.undelivered()));
  std::map<std::pair<std::string, std::string>, size_t> open;
  for (const char* severity : {"page", "ticket"}) {
    for (const char* acked : {"false", "true"}) open[{severity, acked}] = 0;
  }
  for (const incident::Incident& each : parts_.alerts.openIncidents()) {
    const bool is_page = each.severity == incident::Severity::kPage;
    ++open[{is_page ? "page" : "ticket", each.acked_by.empty() ? "false" : "true"}];
  }
  for (const auto& [labels, count] : open) {
    out.gauge("muster_incidents_open", "Incidents that are open.",
              {{"severity", labels.first}, {"acknowledged", labels.second}},
              static_cast<double>(count));
  }
  out.gauge("muster_silences", "Silences in force.", {},
            static_cast<double>(parts_.alerts.silenceCount()));
}

void MetricsView::describeGroups(metrics::Families& out) const {
  const std::vector<service::GroupLevel> groups = parts_.cluster.groupLevels();
  metrics::describeLevel(out, "muster_overall", "the whole", {}, service::overallLevel(groups));
  for (const service::GroupLevel& group : groups) describeGroup(out, group);
  for (const service::GroupLevel& group : groups) {
    metrics::describeServices(out, metrics::kServicePrefix, {{"group", group.name}}, group.services,
                              metrics::Totals::kRequests);
  }
  // Services of nodes that no group sums up.
  for (const Member* member : parts_.cluster.members().all()) {
    const Instance* latest = member->group.empty() ? member->latest() : nullptr;
    if (latest == nullptr) continue;
    metrics::describeServices(out, metrics::kServicePrefix, {{"node", member->name}},
                              latest->services, metrics::Totals::kAll);
  }
}

void MetricsView::describeGroup(metrics::Families& out, const service::GroupLevel& level) const {
  const metrics::Labels labels = {{"group", level.name}};
  metrics::describeLevel(out, "muster_group", "the group", labels, level.level);
  const GroupDriver* driver = parts_.cluster.find(level.name);
  if (driver == nullptr) return;
  const election::GroupView view = driver->view();
  out.gauge("muster_group_epoch", "The group's epoch: each change of its active node raises it.",
            labels, static_cast<double>(view.epoch));
  out.states("muster_group_phase", "The phase of the group's lease: 1 for the one it is in.",
             labels, "phase", phases(), phaseLabel(view.phase));
  out.gauge("muster_group_active_nodes", "Nodes that are active and present: 1 or 0.", labels,
            asNumber(level.has_active));
  size_t present = 0;
  const std::vector<const Member*> members = parts_.cluster.members().ofGroup(level.name);
  for (const Member* member : members) present += member->isPresent() ? 1 : 0;
  out.gauge("muster_group_members", "Nodes that are enrolled in the group.", labels,
            static_cast<double>(members.size()));
  out.gauge("muster_group_members_present", "Nodes of the group that are there.", labels,
            static_cast<double>(present));
}

void MetricsView::describeMember(metrics::Families& out, const Member& member) const {
  const metrics::Labels labels = {{"node", member.name}, {"group", member.group}};
  out.gauge("muster_member_present", "Whether the node is there: 1 or 0.", labels,
            asNumber(member.isPresent()));
  const GroupDriver* group = parts_.cluster.find(member);
  if (group != nullptr) {
    out.gauge("muster_member_active", "Whether the node is its group's active one: 1 or 0.", labels,
              asNumber(parts_.cluster.activeOf(*group) == &member && member.isPresent()));
  }
  out.gauge("muster_member_drained", "Whether the node is kept out of the active role: 1 or 0.",
            labels, asNumber(member.drain.drained));
  const Instance* latest = member.latest();
  if (latest == nullptr) return;
  out.gauge("muster_member_epoch", "The highest epoch that the node has seen.", labels,
            static_cast<double>(latest->status.epoch()));
  const service::Level level = service::worstOf(latest->services);
  if (!level.percent) return;
  out.gauge("muster_member_level_ratio",
            "The lowest level of the node's services, 0 to 1; absent without data.", labels,
            *level.percent / 100);
}

}  // namespace muster::coordinator
