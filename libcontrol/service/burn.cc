#include "libcontrol/service/burn.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "libcontrol/base/limits.h"

namespace muster::service {
namespace {

constexpr Duration kHour = Duration::seconds(3600);
constexpr Duration kTablePeriod = kHour * 24 * 30;

Duration scaled(Duration window, Duration period) {
  // In milliseconds the product fits; nothing finer is counted anyway.
  const Duration out =
      Duration::millis(window.toMillis() * period.toMillis() / kTablePeriod.toMillis());
  return std::max(out, limits::kMinBurnWindow);
}

// Doubles that should be equal differ by the last digits: 1 - 0.999 is not quite 0.001.
bool reaches(double rate, double factor) {
  return rate >= factor * (1 - 1e-9);
}

bool isEnough(const WindowTotal& total, const ServiceSnapshot& service) {
  if (service.kind != Kind::kRequests) return true;
  const uint64_t sum = total.good + total.bad;
  // Two amounts that run over together are enough.
  return sum < total.good || sum >= service.min_events;
}

Status wrong(const std::string& text) {
  return {Code::kInvalidArgument, "burn rates: " + text, "burn_rules"};
}

std::string seconds(Duration d) {
  return std::to_string(d.toMillis() / 1000) + " s";
}

}  // namespace

std::vector<BurnRule> burnRules(Duration period) {
  const auto rule = [&](Severity severity, Duration long_window, Duration short_window,
                        double factor) {
    return BurnRule{severity, scaled(long_window, period), scaled(short_window, period), factor};
  };
  return {rule(Severity::kPage, kHour, kHour / 12, 14.4),
          rule(Severity::kPage, kHour * 6, kHour / 2, 6),
          rule(Severity::kTicket, kHour * 24, kHour * 2, 3),
          rule(Severity::kTicket, kHour * 72, kHour * 6, 1)};
}

std::vector<BurnRule> burnRulesOf(const ServiceSnapshot& service) {
  return service.custom_burn_rules.empty() ? burnRules(service.period) : service.custom_burn_rules;
}

Status checkBurnRules(const std::vector<BurnRule>& rules, Duration period) {
  if (rules.size() > limits::kMaxBurnRules) {
    return wrong("at most " + std::to_string(limits::kMaxBurnRules) + " rules, not " +
                 std::to_string(rules.size()));
  }
  for (const BurnRule& rule : rules) {
    // Written so that not-a-number fails.
    if (!(rule.factor > 0 && rule.factor <= limits::kMaxBurnFactor)) {
      return wrong("a factor must be above 0 and at most 100000, such as 14.4");
    }
    if (rule.short_window < limits::kMinBurnWindow || rule.short_window > rule.long_window ||
        rule.long_window > period) {
      return wrong("windows of " + seconds(rule.short_window) + " and " +
                   seconds(rule.long_window) +
                   ": the short one must have at least 10 s, the long one no less than that and no "
                   "more than the period of " +
                   seconds(period));
    }
  }
  return Status::ok();
}

std::vector<Duration> windowLengths(const std::vector<BurnRule>& rules, Duration period) {
  std::vector<Duration> out = {period};
  for (const BurnRule& rule : rules) {
    out.push_back(rule.long_window);
    out.push_back(rule.short_window);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

double burnRate(const WindowTotal& total, double objective_percent) {
  // As doubles: a sum of 64-bit counts may not fit into 64 bits.
  const double all = static_cast<double>(total.good) + static_cast<double>(total.bad);
  if (all <= 0 || total.observed.ns <= 0) return 0;
  const double watched =
      std::min(1.0, static_cast<double>(total.observed.ns) / static_cast<double>(total.window.ns));
  return static_cast<double>(total.bad) / all * watched / (1 - objective_percent / 100);
}

const WindowTotal* findWindow(const ServiceSnapshot& service, Duration window) {
  const auto it = std::find_if(service.windows.begin(), service.windows.end(),
                               [&](const WindowTotal& each) { return each.window == window; });
  return it == service.windows.end() ? nullptr : &*it;
}

std::vector<BurnAlert> judgeBurns(const ServiceSnapshot& service) {
  std::vector<BurnAlert> out;
  if (service.windows.empty()) return out;
  for (const BurnRule& rule : burnRulesOf(service)) {
    BurnAlert& alert = out.emplace_back(BurnAlert{rule});
    const WindowTotal* long_total = findWindow(service, rule.long_window);
    const WindowTotal* short_total = findWindow(service, rule.short_window);
    if (long_total == nullptr || short_total == nullptr) continue;
    alert.long_rate = burnRate(*long_total, service.objective_percent);
    alert.short_rate = burnRate(*short_total, service.objective_percent);
    alert.firing = reaches(alert.long_rate, rule.factor) &&
                   reaches(alert.short_rate, rule.factor) && isEnough(*long_total, service);
  }
  return out;
}

double budgetSpentBy(uint64_t bad, const WindowTotal& period_total, double objective_percent) {
  const double all = static_cast<double>(period_total.good) + static_cast<double>(period_total.bad);
  if (all <= 0 || period_total.observed.ns <= 0) return 0;
  WindowTotal part = period_total;
  part.bad = bad;
  // The rate of that part alone; the rest of all is good.
  part.good = period_total.good + (period_total.bad - std::min(bad, period_total.bad));
  return burnRate(part, objective_percent);
}

std::optional<double> budgetLeft(const WindowTotal& total, double objective_percent) {
  if ((total.good == 0 && total.bad == 0) || total.observed.ns <= 0) return std::nullopt;
  return 1 - burnRate(total, objective_percent);
}

std::optional<BurnAlert> worstFiring(const ServiceSnapshot& service) {
  std::optional<BurnAlert> worst;
  for (const BurnAlert& alert : judgeBurns(service)) {
    if (!alert.firing) continue;
    const bool is_worse =
        !worst || alert.rule.severity > worst->rule.severity ||
        (alert.rule.severity == worst->rule.severity && alert.long_rate > worst->long_rate);
    if (is_worse) worst = alert;
  }
  return worst;
}

}  // namespace muster::service
