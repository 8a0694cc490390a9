// Service levels as metrics.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/metrics/families.h"
#include "libcontrol/service/level.h"

namespace muster::metrics {

// muster_node_service_... of a node's own services, muster_service_... of what the coordinator sums
// up: one Prometheus scrapes both, and nobody should count anything twice.
inline constexpr char kServicePrefix[] = "muster_service";
inline constexpr char kNodeServicePrefix[] = "muster_node_service";

// PREFIX_level_ratio (none without data) and PREFIX_state of a level that isn't one service's.
void describeLevel(Families& out, const std::string& prefix, const std::string& of_what,
                   const Labels& labels, const service::Level& level);

// Whether the totals of what is judged by time only rise; not those of a group, whose active node
// changes.
enum class Totals { kAll, kRequests };

// All that is known of each service: level, state, objective, error budget, burn rates, windows and
// totals. The label "service" is added. Of two of one name only the first is described.
void describeServices(Families& out, const std::string& prefix, const Labels& labels,
                      const std::vector<service::ServiceSnapshot>& services, Totals totals);

// "1h", "5m", "30d": what a window is called in the label "window".
std::string windowLabel(Duration window);
// "page" or "ticket".
std::string severityLabel(service::Severity severity);

}  // namespace muster::metrics
