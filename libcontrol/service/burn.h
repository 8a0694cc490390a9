// Error budgets and burn rates, after the SRE workbook's "Alerting on SLOs": how fast a service
// spends what its objective allows it, over several windows at once.
#pragma once

#include <optional>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/service/level.h"

namespace muster::service {

// The workbook's table for a period of 30 days: pages at 14.4 times over 1 h and 5 min. and at 6
// times over 6 h and 30 min., tickets at 3 times over 1 day and 2 h and at once over 3 days and
// 6 h. For another period the windows are scaled with it, so that a rule still stands for the same
// share of the budget; none becomes shorter than limits::kMinBurnWindow.
std::vector<BurnRule> burnRules(Duration period);
// Those that hold for the service: its own or the table's.
std::vector<BurnRule> burnRulesOf(const ServiceSnapshot& service);
// kInvalidArgument: too many, a factor that isn't above 0, a short window that is longer than the
// long one, one out of limits or longer than the period.
Status checkBurnRules(const std::vector<BurnRule>& rules, Duration period);

// The lengths of all the windows of the rules, and the period: each once, the shortest first.
std::vector<Duration> windowLengths(const std::vector<BurnRule>& rules, Duration period);

// The share of bad in a window, in units of what the objective allows: 1 spends just the budget if
// it lasts for the whole period. What was not observed counts as if nothing bad had happened then,
// at the rate of what was, so that a first minute doesn't look like a month. 0 without data.
double burnRate(const WindowTotal& total, double objective_percent);

// Of each rule that holds for the service, from its windows; a rule whose windows aren't there
// doesn't fire. Empty if the service has no windows.
std::vector<BurnAlert> judgeBurns(const ServiceSnapshot& service);

// The share of the error budget that `total`, which is the period's, has left.
std::optional<double> budgetLeft(const WindowTotal& total, double objective_percent);
// The share of the period's error budget that `bad` of them spent: an outage's, say.
double budgetSpentBy(uint64_t bad, const WindowTotal& period_total, double objective_percent);

// Null if there is no window of that length.
const WindowTotal* findWindow(const ServiceSnapshot& service, Duration window);

// The one that fires and burns fastest by its long window, pages before tickets.
std::optional<BurnAlert> worstFiring(const ServiceSnapshot& service);

}  // namespace muster::service
