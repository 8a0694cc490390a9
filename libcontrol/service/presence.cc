#include "libcontrol/service/presence.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "libcontrol/base/text.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

// How bad a fact is, from the best up: decides the order of the sentences, the show and the mood.
enum class Weight { kFine, kNoData, kWorry, kBurning, kNoActiveNode, kBreached };

struct Fact {
  Weight weight;
  std::string sentence;
};

Weight weightOf(LevelState state) {
  switch (state) {
    case LevelState::kOk:
      return Weight::kFine;
    case LevelState::kNoData:
      return Weight::kNoData;
    case LevelState::kBurning:
      return Weight::kBurning;
    case LevelState::kBreached:
      return Weight::kBreached;
  }
  return Weight::kNoData;
}

Show showOf(Weight worst) {
  if (worst == Weight::kBreached) return Show::kDnd;
  return worst == Weight::kFine ? Show::kNone : Show::kAway;
}

const char* moodOf(Weight worst) {
  switch (worst) {
    case Weight::kFine:
      return "contented";
    case Weight::kNoData:
      return "confused";
    case Weight::kWorry:
    case Weight::kBurning:
    case Weight::kNoActiveNode:
      return "worried";
    case Weight::kBreached:
      return "stressed";
  }
  return "confused";
}

std::string joinSentences(const std::vector<Fact>& facts) {
  const size_t quoted = std::min(facts.size(), limits::kMaxStatusSentences);
  std::string out;
  for (size_t i = 0; i < quoted; ++i) {
    if (i > 0) out += '\n';
    out += facts[i].sentence;
  }
  if (facts.size() > quoted) out += "\nand " + std::to_string(facts.size() - quoted) + " more";
  return out;
}

PresenceText textOf(std::vector<Fact> facts) {
  std::stable_sort(facts.begin(), facts.end(),
                   [](const Fact& a, const Fact& b) { return a.weight > b.weight; });
  PresenceText text;
  text.show = showOf(facts.front().weight);
  text.mood = moodOf(facts.front().weight);
  text.status = joinSentences(facts);
  return text;
}

// Percent in tenths, rounded down; all of nothing bad is told apart from nearly all.
std::string roundedPercent(std::optional<double> percent) {
  if (!percent) return "-";
  if (*percent >= 100) return "all";
  return std::to_string(static_cast<int64_t>(std::floor(*percent * 10 + 1e-6)));
}

// What of a service's figures is worth sending again: its percent, the order of magnitude of what
// it counts (by which groups weigh it), its number of outages, for how many minutes it is down, the
// percent of its budget that is left and which burn rates are too much.
std::string roundedKey(const ServiceSnapshot& service) {
  const int magnitude = std::bit_width(std::max(service.good, service.bad));
  const int64_t down_minutes =
      service.ongoing_outage ? service.ongoing_outage->toMillis() / 60'000 : -1;
  std::string key = service.name + ":" + roundedPercent(service.level.percent) + ":" +
                    std::to_string(magnitude) + ":" + std::to_string(service.outages) + ":" +
                    std::to_string(down_minutes) + ":";
  if (service.budget_left) {
    const double percent = std::clamp(*service.budget_left * 100, -1e6, 100.0);
    key += std::to_string(static_cast<int64_t>(std::floor(percent)));
  }
  for (const BurnAlert& alert : judgeBurns(service)) key += alert.firing ? "!" : ".";
  return key + ";";
}

// How often what is bad would have to be halved to be what the objective allows; 0: within it.
int depthOf(const ServiceSnapshot& service) {
  if (!service.level.percent || service.objective_percent >= 100) return 0;
  const double times = (100 - *service.level.percent) / (100 - service.objective_percent);
  return std::bit_width(static_cast<uint64_t>(std::clamp(times, 0.0, 1e9)));
}

void fillKeys(const std::vector<ServiceSnapshot>& services, const PresenceFacts& facts,
              PresenceText& text) {
  // By name: which of two burning services is the worse one may change every second.
  std::vector<const ServiceSnapshot*> by_name;
  for (const ServiceSnapshot& service : services) by_name.push_back(&service);
  std::stable_sort(by_name.begin(), by_name.end(),
                   [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const ServiceSnapshot* service : by_name) {
    text.state_key += service->name + ":" + std::to_string(static_cast<int>(service->level.state)) +
                      ":" + (service->ongoing_outage ? "down" : "") + ";";
    text.rounded_key += roundedKey(*service);
    text.depth = std::max(text.depth, depthOf(*service));
  }
  if (facts.no_active_node) text.state_key += "no active node;";
  if (facts.no_coordinator_since) text.state_key += "no coordinator;";
  if (facts.drained) text.state_key += "drained " + facts.drained_by + ";";
}

}  // namespace

const char* showName(Show show) {
  switch (show) {
    case Show::kNone:
      return "";
    case Show::kAway:
      return "away";
    case Show::kDnd:
      return "dnd";
  }
  return "";
}

PresenceText presenceOf(const std::vector<ServiceSnapshot>& services, const PresenceFacts& facts) {
  std::vector<Fact> all;
  if (facts.no_active_node) all.push_back({Weight::kNoActiveNode, "No active node"});
  if (facts.no_coordinator_since) {
    const int64_t whole_seconds = facts.no_coordinator_since->unix_ms / 1000 * 1000;
    all.push_back({Weight::kWorry, "No coordinator since " + toRfc3339({whole_seconds})});
  }
  if (services.empty()) all.push_back({Weight::kNoData, worstOf(services).text});
  if (facts.drained) {
    // No fault, so it does not colour the contact, but it comes before what is well.
    const std::string by = facts.drained_by.empty() ? "" : " by " + facts.drained_by;
    all.push_back({Weight::kFine, "Drained" + by});
  }
  std::vector<ServiceSnapshot> worst_first = services;
  sortWorstFirst(worst_first);
  for (const ServiceSnapshot& service : worst_first) {
    all.push_back({weightOf(service.level.state), service.level.text});
  }
  PresenceText text = textOf(std::move(all));
  fillKeys(services, facts, text);
  return text;
}

PresenceText presenceOf(const Level& level) {
  PresenceText text = textOf({{weightOf(level.state), level.text}});
  // The reason names the culprits, so it is part of the state; the percent is not.
  const size_t reason = std::min(level.text.find('('), level.text.size());
  text.state_key = std::to_string(static_cast<int>(level.state)) + level.text.substr(reason);
  text.rounded_key = roundedPercent(level.percent);
  return text;
}

bool PresenceThrottle::shouldSend(const PresenceText& text, ElapsedTime now) {
  if (sent_at_ && text.state_key == sent_state_ && text.depth <= sent_depth_) {
    held_back_ = text.rounded_key != sent_rounded_;
    if (!held_back_ || now < *sent_at_ + period_) return false;
  }
  sent_at_ = now;
  sent_state_ = text.state_key;
  sent_rounded_ = text.rounded_key;
  sent_depth_ = text.depth;
  held_back_ = false;
  return true;
}

std::optional<ElapsedTime> PresenceThrottle::nextAt() const {
  if (!sent_at_ || !held_back_) return std::nullopt;
  return *sent_at_ + period_;
}

void PresenceThrottle::reset() {
  sent_at_.reset();
  held_back_ = false;
}

}  // namespace muster::service
