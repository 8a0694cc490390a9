#include "libcontrol/convert/levels.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::convert {
namespace {

// Of a service's window as a node states it.
constexpr int64_t kMinWindowMs = 1000;
constexpr int64_t kMaxWindowMs = 31LL * 86'400'000;

Duration boundedMs(uint64_t ms, int64_t min, int64_t max) {
  const auto bounded = static_cast<int64_t>(std::min<uint64_t>(ms, static_cast<uint64_t>(max)));
  return Duration::millis(std::max(bounded, min));
}

// Sums over many nodes must not run over.
constexpr uint64_t kMaxCount = uint64_t{1} << 53;

uint64_t toMs(Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(0, duration.toMillis()));
}

v1::BurnRule toProto(const service::BurnRule& rule) {
  v1::BurnRule out;
  out.set_severity(static_cast<v1::BurnSeverity>(rule.severity));
  out.set_long_window_ms(toMs(rule.long_window));
  out.set_short_window_ms(toMs(rule.short_window));
  out.set_factor(rule.factor);
  return out;
}

service::Kind kindOf(v1::ServiceKind kind) {
  switch (kind) {
    case v1::SERVICE_KIND_AVAILABILITY:
      return service::Kind::kAvailability;
    case v1::SERVICE_KIND_GAUGE:
      return service::Kind::kGauge;
    default:
      return service::Kind::kRequests;
  }
}

// Each length once, the shortest first, no more than there can be.
void readWindows(const v1::ServiceState& service, service::ServiceSnapshot& out) {
  for (const v1::WindowTotals& each : service.windows()) {
    if (out.windows.size() >= limits::kMaxWindows) break;
    service::WindowTotal total;
    total.window = boundedMs(each.window_ms(), kMinWindowMs, kMaxWindowMs);
    total.observed = boundedMs(each.observed_ms(), 0, total.window.toMillis());
    total.good = std::min(each.good(), kMaxCount);
    total.bad = std::min(each.bad(), kMaxCount);
    if (out.kind != service::Kind::kRequests) {
      // Of time there is no more than was watched.
      total.bad = std::min(total.bad, toMs(total.observed));
      total.good = std::min(total.good, toMs(total.observed) - total.bad);
    }
    if (service::findWindow(out, total.window) == nullptr) out.windows.push_back(total);
  }
  std::sort(out.windows.begin(), out.windows.end(),
            [](const auto& a, const auto& b) { return a.window < b.window; });
}

void readObjective(const v1::ServiceState& service, service::ServiceSnapshot& out) {
  const double objective = service.objective_percent();
  if (std::isfinite(objective) && objective > 0 && objective < 100) {
    out.objective_percent = objective;
  }
  if (service.period_ms() != 0) {
    out.period = boundedMs(service.period_ms(), limits::kMinPeriod.toMillis(),
                           limits::kMaxPeriod.toMillis());
  }
  out.min_events = std::clamp<uint64_t>(service.min_events(), 1, limits::kMaxMinEvents);
  const int64_t most_ms = limits::kMaxStateFor.toMillis();
  out.worse_for = boundedMs(service.worse_for_ms(), 0, most_ms);
  out.better_for = boundedMs(service.better_for_ms(), 0, most_ms);
  std::vector<service::BurnRule> rules;
  for (const v1::BurnRule& rule : service.burn_rules()) {
    if (rules.size() > limits::kMaxBurnRules) break;
    const bool is_page = rule.severity() == v1::BURN_SEVERITY_PAGE;
    rules.push_back({is_page ? service::Severity::kPage : service::Severity::kTicket,
                     boundedMs(rule.long_window_ms(), 0, kMaxWindowMs),
                     boundedMs(rule.short_window_ms(), 0, kMaxWindowMs), rule.factor()});
  }
  // Rules that make no sense are as good as none.
  if (service::checkBurnRules(rules, out.period)) out.custom_burn_rules = std::move(rules);
}

}  // namespace

v1::Level toProto(const service::Level& level) {
  v1::Level out;
  if (level.percent) out.set_percent(*level.percent);
  out.set_text(level.text);
  out.set_state(static_cast<v1::LevelState>(level.state));
  return out;
}

v1::ServiceState toStatus(const service::ServiceSnapshot& service) {
  v1::ServiceState out;
  out.set_name(service.name);
  out.set_kind(static_cast<v1::ServiceKind>(service.kind));
  *out.mutable_level() = toProto(service.level);
  out.set_objective_percent(service.objective_percent);
  out.set_window_ms(toMs(service.window));
  out.set_good(service.good);
  out.set_bad(service.bad);
  out.set_observed_ms(toMs(service.observed));
  out.set_outage_ms(toMs(service.outage));
  out.set_outages(service.outages);
  out.set_bad_noun(service.bad_noun);
  for (const service::WindowTotal& total : service.windows) {
    v1::WindowTotals& window = *out.add_windows();
    window.set_window_ms(toMs(total.window));
    window.set_good(total.good);
    window.set_bad(total.bad);
    window.set_observed_ms(toMs(total.observed));
  }
  out.set_period_ms(toMs(service.period));
  out.set_min_events(service.min_events);
  for (const service::BurnRule& rule : service.custom_burn_rules) {
    *out.add_burn_rules() = toProto(rule);
  }
  out.set_worse_for_ms(toMs(service.worse_for));
  out.set_better_for_ms(toMs(service.better_for));
  if (service.state_since) out.set_state_since_ms(service.state_since->unix_ms);
  out.set_flaps(service.flaps);
  out.set_damped(service.damped);
  out.set_good_total(service.good_total);
  out.set_bad_total(service.bad_total);
  out.set_down(service.down);
  return out;
}

v1::ServiceState toProto(const service::ServiceSnapshot& service) {
  v1::ServiceState out = toStatus(service);
  if (service.budget_left) out.set_budget_left_percent(100 * *service.budget_left);
  for (const service::BurnAlert& alert : service::judgeBurns(service)) {
    v1::BurnAlert& burn = *out.add_burns();
    *burn.mutable_rule() = toProto(alert.rule);
    burn.set_long_rate(alert.long_rate);
    burn.set_short_rate(alert.short_rate);
    burn.set_firing(alert.firing);
  }
  return out;
}

service::ServiceSnapshot fromProto(const v1::ServiceState& service) {
  service::ServiceSnapshot out;
  out.name = singleLine(service.name(), limits::kMaxNameBytes);
  out.kind = kindOf(service.kind());
  readObjective(service, out);
  out.window = boundedMs(service.window_ms(), kMinWindowMs, kMaxWindowMs);
  out.good = std::min(service.good(), kMaxCount);
  out.bad = std::min(service.bad(), kMaxCount);
  out.observed = boundedMs(service.observed_ms(), 0, out.window.toMillis());
  out.outage = boundedMs(service.outage_ms(), 0, out.observed.toMillis());
  out.outages = service.outages();
  out.bad_noun = service.bad_noun().empty() ? "dropped" : singleLine(service.bad_noun(), 32);
  readWindows(service, out);
  if (service.state_since_ms() > 0) out.state_since = WallTime{service.state_since_ms()};
  out.flaps = service.flaps();
  out.damped = service.damped();
  out.good_total = service.good_total();
  out.bad_total = service.bad_total();
  out.down = service.down() && out.kind != service::Kind::kRequests;
  service::judgeAll(out);
  return out;
}

v1::LogLevel toProto(log::Level level) {
  return static_cast<v1::LogLevel>(static_cast<int>(level) + 1);
}

log::Level fromProto(v1::LogLevel level) {
  return static_cast<log::Level>(level - 1);
}

v1::LoggerState toProto(const log::LoggerState& state) {
  v1::LoggerState out;
  out.set_name(state.name);
  out.set_boot(toProto(state.boot));
  out.set_effective(toProto(state.effective));
  if (state.until) out.set_until(toRfc3339(*state.until));
  out.set_by(state.by);
  return out;
}

}  // namespace muster::convert
