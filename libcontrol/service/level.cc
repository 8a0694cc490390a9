#include "libcontrol/service/level.h"

#include <algorithm>
#include <cmath>

#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

// The largest double under 100, for what rounds to 100 although something bad happened.
double shortOfAll(double percent) {
  return std::min(percent, std::nextafter(100.0, 0.0));
}

bool isTooLittle(const ServiceSnapshot& service) {
  const uint64_t sum = service.good + service.bad;
  // Two counts that run over together are enough.
  return service.kind == Kind::kRequests && sum >= service.good && sum < service.min_events;
}

std::optional<double> percentOf(const ServiceSnapshot& service) {
  if (service.kind == Kind::kRequests) {
    // As doubles: a sum of 64-bit counts may not fit into 64 bits.
    const double total = static_cast<double>(service.good) + static_cast<double>(service.bad);
    if (total == 0 || isTooLittle(service)) return std::nullopt;
    const double percent = 100.0 * static_cast<double>(service.good) / total;
    return service.bad == 0 ? 100.0 : shortOfAll(percent);
  }
  if (service.observed.ns <= 0) return std::nullopt;
  const Duration up = std::max(service.observed - service.outage, Duration{});
  const double percent =
      100.0 * static_cast<double>(up.ns) / static_cast<double>(service.observed.ns);
  const bool clean = service.outages == 0 && !service.ongoing_outage && service.outage.ns <= 0;
  return clean ? 100.0 : shortOfAll(percent);
}

// 1 when the whole of the window's error budget is spent.
double budgetSpent(double percent, double objective_percent) {
  const double budget = 100.0 - objective_percent;
  if (budget <= 0) return percent < 100 ? HUGE_VAL : 0;
  return (100.0 - percent) / budget;
}

// Shares of the window's error budget from which on a state holds.
struct Borders {
  double breached;
  double burning;
};
// 100 - 99.9 is not quite a tenth as a double; exactly half of the budget is not more than half.
constexpr double kHair = 1e-9;
// What has got worse must become clearly better before it is well again.
constexpr Borders kGettingWorse{1 + kHair, 0.5 + kHair};
constexpr Borders kGettingBetter{0.9 + kHair, 0.4 + kHair};

LevelState stateOf(const ServiceSnapshot& service, LevelState before) {
  const std::optional<double> percent = percentOf(service);
  if (!percent) return LevelState::kNoData;
  const double spent = budgetSpent(*percent, service.objective_percent);
  const auto border = [&](LevelState state, double Borders::*which) {
    return (before >= state ? kGettingBetter : kGettingWorse).*which;
  };
  if (*percent < service.objective_percent ||
      spent > border(LevelState::kBreached, &Borders::breached)) {
    return LevelState::kBreached;
  }
  const auto alert = worstFiring(service);
  const bool is_page = alert.has_value() && alert->rule.severity == Severity::kPage;
  if (is_page || spent > border(LevelState::kBurning, &Borders::burning)) {
    return LevelState::kBurning;
  }
  return LevelState::kOk;
}

std::string withShare(double rate) {
  // Nobody tells 14.4 from 14.44, or 99.3 from 99.
  const double steps = rate < 100 ? 10 : 1;
  const auto tenths = static_cast<int64_t>(std::min(rate, 1e9) * steps);
  const std::string whole = std::to_string(tenths / static_cast<int64_t>(steps));
  const int64_t rest = tenths % static_cast<int64_t>(steps);
  return rest == 0 ? whole : whole + "." + std::to_string(rest);
}

// What the figures of the window don't tell: why a level that looks well is burning.
std::string burnReason(const ServiceSnapshot& service) {
  const auto alert = worstFiring(service);
  if (!alert || alert->rule.severity != Severity::kPage) return {};
  const std::optional<double> percent = percentOf(service);
  if (!percent || budgetSpent(*percent, service.objective_percent) > kGettingWorse.burning) {
    return {};
  }
  return "; error budget spent " + withShare(alert->long_rate) + " times too fast over " +
         durationInWords(alert->rule.long_window);
}

std::string requestsReason(const ServiceSnapshot& service, const std::string& window) {
  if (service.good == 0 && service.bad == 0) return "nothing counted in the last " + window;
  const std::string bad = service.bad == 0 ? "none" : std::to_string(service.bad);
  const std::string counted = bad + " " + service.bad_noun + " in the last " + window;
  if (!isTooLittle(service)) return counted;
  return counted + "; too few to tell: " + std::to_string(service.good + service.bad) + " of " +
         std::to_string(service.min_events);
}

std::string availabilityReason(const ServiceSnapshot& service, const std::string& window) {
  const std::string outages = std::to_string(service.outages) +
                              (service.outages == 1 ? " outage, " : " outages, ") +
                              durationInWords(service.outage) + ", in the last " + window;
  if (service.ongoing_outage) {
    const std::string now = "outage for " + durationInWords(*service.ongoing_outage);
    return service.outages > 1 ? now + "; " + outages : now;
  }
  if (service.observed.ns <= 0) return "nothing observed yet";
  return service.outages == 0 ? "no outage in the last " + window : outages;
}

std::string gaugeReason(const ServiceSnapshot& service, const std::string& window) {
  const std::string out =
      "out of bounds " +
      (service.outages == 1 ? "once" : std::to_string(service.outages) + " times") + ", " +
      durationInWords(service.outage) + ", in the last " + window;
  if (service.ongoing_outage) {
    const std::string now = "out of bounds for " + durationInWords(*service.ongoing_outage);
    return service.outages > 1 ? now + "; " + out : now;
  }
  if (service.observed.ns <= 0) return "nothing measured in the last " + window;
  return service.outages == 0 ? "within bounds in the last " + window : out;
}

std::string reasonOf(const ServiceSnapshot& service) {
  const std::string window = durationInWords(service.window);
  switch (service.kind) {
    case Kind::kAvailability:
      return availabilityReason(service, window);
    case Kind::kRequests:
      return requestsReason(service, window);
    case Kind::kGauge:
      return gaugeReason(service, window);
  }
  return {};
}

double spent(const ServiceSnapshot& service) {
  return service.level.percent ? budgetSpent(*service.level.percent, service.objective_percent) : 0;
}

// Fewer digits the further it is from 100: nobody tells 98.333 from 98.3.
std::string percentText(double percent) {
  // What falls short of 100 by less than the last digit shown still falls short.
  if (percent < 100) percent = std::min(percent, 99.999);
  const double steps = percent < 99 ? 10 : percent < 99.9 ? 100 : 1000;
  // The same hair as formatPercent's, so that 98.3 does not become 98.2.
  return formatPercent(std::floor(percent * steps + 1e-6) / steps);
}

std::string counted(int64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

}  // namespace

Level judge(const ServiceSnapshot& service) {
  Level level;
  level.percent = percentOf(service);
  level.state = stateOf(service, LevelState::kOk);
  level.text = levelSentence(service.name, level.percent, reasonOf(service) + burnReason(service));
  return level;
}

void judgeAll(ServiceSnapshot& service) {
  const WindowTotal* period = findWindow(service, service.period);
  service.budget_left =
      period == nullptr ? std::nullopt : budgetLeft(*period, service.objective_percent);
  service.level = judge(service);
}

LevelState judgeState(const ServiceSnapshot& service, LevelState before) {
  return stateOf(service, before);
}

bool isWorse(const ServiceSnapshot& a, const ServiceSnapshot& b) {
  if (a.level.state != b.level.state) return a.level.state > b.level.state;
  const double a_spent = spent(a);
  const double b_spent = spent(b);
  if (a_spent != b_spent) return a_spent > b_spent;
  return a.name < b.name;
}

void sortWorstFirst(std::vector<ServiceSnapshot>& services) {
  std::stable_sort(services.begin(), services.end(), isWorse);
}

Level worstOf(const std::vector<ServiceSnapshot>& worst_first) {
  if (worst_first.empty()) return {std::nullopt, LevelState::kNoData, "NO DATA (no service)"};
  Level level = worst_first.front().level;
  if (level.state == LevelState::kNoData) level.percent.reset();
  if (!level.percent) return level;
  for (const ServiceSnapshot& service : worst_first) {
    if (service.level.percent) level.percent = std::min(*level.percent, *service.level.percent);
  }
  return level;
}

std::string troubleOf(const ServiceSnapshot& service) {
  switch (service.level.state) {
    case LevelState::kOk:
      return {};
    case LevelState::kNoData:
      return "no data for " + service.name;
    case LevelState::kBurning:
      return service.name + " spending its error budget too fast";
    case LevelState::kBreached:
      return service.name + " below its objective of " + formatPercent(service.objective_percent) +
             "%";
  }
  return {};
}

std::string levelSentence(std::string_view subject, std::optional<double> percent,
                          std::string_view reason) {
  return displayName(subject) +
         " service level: " + (percent ? percentText(*percent) + "%" : std::string("NO DATA")) +
         " (" + std::string(reason) + ")";
}

std::string displayName(std::string_view name) {
  std::string out(name);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string durationInWords(Duration duration) {
  if (duration.ns <= 0) return "0 s";
  if (duration.ns < kNsPerMs) return "under 1 ms";
  if (duration < Duration::seconds(1)) return std::to_string(duration.toMillis()) + " ms";
  const int64_t seconds = duration.toMillis() / 1000;
  if (seconds < 120 && seconds != 60) return std::to_string(seconds) + " s";
  const std::string minutes = counted(seconds / 60 % 60, "min.", "mins.");
  if (seconds >= 3600) {
    const std::string hours = counted(seconds / 3600, "hour", "hours");
    return seconds / 60 % 60 == 0 ? hours : hours + " " + minutes;
  }
  return seconds % 60 == 0 ? minutes : minutes + " " + std::to_string(seconds % 60) + " s";
}

}  // namespace muster::service
