// What the coordinator tells of itself and of the cluster as metrics; docs/operations.md names
// them.
#pragma once

#include <optional>
#include <string>

#include "coordinator/alerts.h"
#include "coordinator/cluster.h"
#include "coordinator/site_hooks.h"
#include "libcontrol/metrics/command_counts.h"
#include "libcontrol/metrics/families.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// Lives on the event loop's thread; whatever it refers to must outlive it.
class MetricsView {
 public:
  struct Parts {
    const Cluster& cluster;
    const Alerts& alerts;
    const metrics::CommandCounts& commands;
    const xmpp::Endpoint& component;
    const xmpp::Endpoint* account = nullptr;  // null: there is none
    WallTime started{};
    std::string version{};
    const SiteHooks* hooks = nullptr;  // null: there are none
  };
  explicit MetricsView(Parts parts) : parts_(std::move(parts)) {}

  // As all is now, the most important first.
  metrics::Families describe() const;

 private:
  void describeSelf(metrics::Families& out) const;
  void describeAlerts(metrics::Families& out) const;
  void describeGroups(metrics::Families& out) const;
  void describeGroup(metrics::Families& out, const service::GroupLevel& level) const;
  void describeMember(metrics::Families& out, const Member& member) const;

  const Parts parts_;
};

}  // namespace muster::coordinator
