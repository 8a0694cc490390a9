#include "libcontrol/convert/levels.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::convert {
namespace {

// Of a service's window as a node states it.
constexpr int64_t kMinWindowMs = 1000;
constexpr int64_t kMaxWindowMs = 31LL * 86'400'000;

Duration boundedMs(uint64_t ms, int64_t min, int64_t max) {
  const auto bounded = static_cast<int64_t>(std::min<uint64_t>(ms, static_cast<uint64_t>(max)));
  return Duration::millis(std::max(bounded, min));
}

}  // namespace

v1::Level toProto(const service::Level& level) {
  v1::Level out;
  if (level.percent) out.set_percent(*level.percent);
  out.set_text(level.text);
  out.set_state(static_cast<v1::LevelState>(level.state));
  return out;
}

v1::ServiceState toProto(const service::ServiceSnapshot& service) {
  v1::ServiceState out;
  out.set_name(service.name);
  out.set_kind(static_cast<v1::ServiceKind>(service.kind));
  *out.mutable_level() = toProto(service.level);
  out.set_objective_percent(service.objective_percent);
  out.set_window_ms(static_cast<uint64_t>(service.window.toMillis()));
  out.set_good(service.good);
  out.set_bad(service.bad);
  out.set_observed_ms(static_cast<uint64_t>(service.observed.toMillis()));
  out.set_outage_ms(static_cast<uint64_t>(service.outage.toMillis()));
  out.set_outages(service.outages);
  out.set_bad_noun(service.bad_noun);
  return out;
}

service::ServiceSnapshot fromProto(const v1::ServiceState& service) {
  service::ServiceSnapshot out;
  out.name = singleLine(service.name(), limits::kMaxNameBytes);
  out.kind = service.kind() == v1::SERVICE_KIND_AVAILABILITY ? service::Kind::kAvailability
                                                             : service::Kind::kRequests;
  const double objective = service.objective_percent();
  if (std::isfinite(objective) && objective > 0 && objective < 100) {
    out.objective_percent = objective;
  }
  out.window = boundedMs(service.window_ms(), kMinWindowMs, kMaxWindowMs);
  // Sums over many nodes must not run over.
  constexpr uint64_t kMaxCount = uint64_t{1} << 53;
  out.good = std::min(service.good(), kMaxCount);
  out.bad = std::min(service.bad(), kMaxCount);
  out.observed = boundedMs(service.observed_ms(), 0, out.window.toMillis());
  out.outage = boundedMs(service.outage_ms(), 0, out.observed.toMillis());
  out.outages = service.outages();
  out.bad_noun = service.bad_noun().empty() ? "dropped" : singleLine(service.bad_noun(), 32);
  out.level = service::judge(out);
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
