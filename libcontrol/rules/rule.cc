#include "libcontrol/rules/rule.h"

#include <algorithm>
#include <iterator>

#include "libcontrol/base/text.h"

namespace muster::rules {
namespace {

constexpr const char* kSeverities[] = {"trace", "debug",    "info", "warn",
                                       "error", "critical", "none"};
constexpr const char* kEffects[] = {"good", "bad", "outage-begin", "outage-end", "gauge"};
constexpr const char* kKinds[] = {"availability", "requests", "gauge"};

}  // namespace

const char* severityName(Severity severity) {
  return kSeverities[static_cast<size_t>(severity)];
}

std::optional<Severity> parseSeverity(std::string_view text) {
  const std::string lower = asciiLower(text);
  if (lower == "warning") return Severity::kWarn;
  if (lower == "err") return Severity::kError;
  if (lower == "fatal") return Severity::kCritical;
  const auto* const end = std::end(kSeverities) - 1;
  const auto* const it = std::find(std::begin(kSeverities), end, lower);
  if (it == end) return std::nullopt;
  return static_cast<Severity>(it - std::begin(kSeverities));
}

const char* effectName(Effect effect) {
  return kEffects[static_cast<size_t>(effect)];
}

const char* kindName(ServiceKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

ServiceKind kindFor(Effect effect) {
  switch (effect) {
    case Effect::kGood:
    case Effect::kBad:
      return ServiceKind::kRequests;
    case Effect::kOutageBegin:
    case Effect::kOutageEnd:
      return ServiceKind::kAvailability;
    case Effect::kGauge:
      return ServiceKind::kGauge;
  }
  return ServiceKind::kRequests;
}

}  // namespace muster::rules
