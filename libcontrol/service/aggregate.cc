#include "libcontrol/service/aggregate.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "libcontrol/base/limits.h"
#include "libcontrol/service/burn.h"

namespace muster::service {
namespace {

constexpr char kWithin[] = "within advertised SLA range";

__extension__ using Wide = unsigned __int128;

uint64_t saturated(Wide value) {
  return static_cast<uint64_t>(std::min<Wide>(value, std::numeric_limits<uint64_t>::max()));
}

// Events, or milliseconds, had all of the window been like what was watched of it.
Wide wholeOf(const WindowTotal& total) {
  const Wide all = static_cast<Wide>(total.good) + total.bad;
  const int64_t watched_ms = total.observed.toMillis();
  if (watched_ms <= 0) return all;
  return all * static_cast<Wide>(total.window.toMillis()) / static_cast<Wide>(watched_ms);
}

void change(Wide& sum, Wide by, bool add) {
  sum = add ? sum + by : sum - by;
}

auto asTuple(const BurnRule& rule) {
  return std::tuple(rule.severity, rule.long_window, rule.short_window, rule.factor);
}

std::string groupReason(const GroupLevel& group) {
  const bool well = group.level.state == LevelState::kOk;
  if (well) return kWithin;
  if (group.level.state == LevelState::kNoData && !group.has_active) return "no active node";
  if (group.services.empty()) return "no service";
  return troubleOf(group.services.front());
}

// What it falls short by counts only so much.
std::optional<double> weighted(const GroupLevel& group) {
  if (!group.level.percent || group.weight >= 1) return group.level.percent;
  return 100 - group.weight * (100 - *group.level.percent);
}

bool isWorseGroup(const GroupLevel* a, const GroupLevel* b) {
  if (a->level.state != b->level.state) return a->level.state > b->level.state;
  const double a_percent = weighted(*a).value_or(100);
  const double b_percent = weighted(*b).value_or(100);
  if (a_percent != b_percent) return a_percent < b_percent;
  return a->name < b->name;
}

std::string overallReason(const GroupLevel& worst) {
  const std::string reason = groupReason(worst);
  // "storage: storage below ..." says the name once too often.
  if (reason.starts_with(worst.name + " ")) return reason;
  return worst.name + ": " + reason;
}

}  // namespace

// --- what nodes add up to ---------------------------------------------------------------------

bool GroupAggregate::Terms::operator<(const Terms& other) const {
  const auto plain = [](const Terms& t) {
    return std::tie(t.objective_percent, t.window, t.period, t.min_events, t.worse_for,
                    t.better_for, t.bad_noun);
  };
  if (plain(*this) != plain(other)) return plain(*this) < plain(other);
  return std::lexicographical_compare(
      rules.begin(), rules.end(), other.rules.begin(), other.rules.end(),
      [](const BurnRule& a, const BurnRule& b) { return asTuple(a) < asTuple(b); });
}

GroupAggregate::Terms GroupAggregate::termsOf(const ServiceSnapshot& service) {
  return {service.objective_percent, service.window,           service.period,
          service.min_events,        service.worse_for,        service.better_for,
          service.bad_noun,          service.custom_burn_rules};
}

void GroupAggregate::setNode(const std::string& name, NodeServices services) {
  Node& node = nodes_[name];
  if (node.present) account(*node.services, false);
  if (node.services != nullptr) countUp(*node.services, *services);
  account(*services, true);
  node = {std::move(services), true};
  forgetIfServed();
}

void GroupAggregate::removeNode(const std::string& name) {
  const auto it = nodes_.find(name);
  if (it == nodes_.end() || !it->second.present) return;
  account(*it->second.services, false);
  it->second.present = false;
}

void GroupAggregate::forgetNode(const std::string& name) {
  removeNode(name);
  nodes_.erase(name);
}

// Of a node whose totals have fallen nobody knows how much it counted: it begins anew.
void GroupAggregate::countUp(const std::vector<ServiceSnapshot>& before,
                             const std::vector<ServiceSnapshot>& now) {
  for (const ServiceSnapshot& service : now) {
    if (service.kind != Kind::kRequests) continue;
    const auto old = std::find_if(before.begin(), before.end(), [&](const auto& each) {
      return each.name == service.name && each.kind == service.kind;
    });
    if (old == before.end() || service.good_total < old->good_total ||
        service.bad_total < old->bad_total) {
      continue;
    }
    Counted& counted = counted_[service.name];
    counted.good += service.good_total - old->good_total;
    counted.bad += service.bad_total - old->bad_total;
  }
}

void GroupAggregate::setActive(std::optional<std::string> node) {
  active_ = std::move(node);
  forgetIfServed();
}

void GroupAggregate::forgetIfServed() {
  if (activeServices() != nullptr) gone_.clear();
}

void GroupAggregate::remember(const Key& key, const ServiceSnapshot& service) {
  if (gone_.size() >= limits::kMaxServices) return;
  ServiceSum sum;
  sum.terms[termsOf(service)] = 1;
  gone_[key] = std::move(sum);
}

void GroupAggregate::account(const std::vector<ServiceSnapshot>& services, bool add) {
  for (const ServiceSnapshot& service : services) {
    const auto at = sums_.try_emplace({service.name, service.kind}).first;
    ServiceSum& sum = at->second;
    sum.nodes += add ? 1 : -1;
    if (sum.nodes == 0) {
      sums_.erase(at);
      remember({service.name, service.kind}, service);
      continue;
    }
    const auto terms = sum.terms.try_emplace(termsOf(service)).first;
    terms->second += add ? 1 : -1;
    if (terms->second == 0) sum.terms.erase(terms);
    if (service.kind != Kind::kRequests) continue;
    change(sum.good, service.good, add);
    change(sum.bad, service.bad, add);
    accountWindows(service, sum, add);
  }
}

void GroupAggregate::accountWindows(const ServiceSnapshot& service, ServiceSum& sum, bool add) {
  for (const WindowTotal& total : service.windows) {
    const auto at = sum.windows.try_emplace(total.window).first;
    WindowSum& window = at->second;
    window.nodes += add ? 1 : -1;
    change(window.good, total.good, add);
    change(window.bad, total.bad, add);
    change(window.whole, wholeOf(total), add);
    if (window.nodes == 0) sum.windows.erase(at);
  }
}

const std::vector<ServiceSnapshot>* GroupAggregate::activeServices() const {
  const auto it = active_ ? nodes_.find(*active_) : nodes_.end();
  return it == nodes_.end() || !it->second.present ? nullptr : it->second.services.get();
}

// The strictest of what the nodes state.
ServiceSnapshot GroupAggregate::withTerms(const Key& key, const ServiceSum& sum) {
  ServiceSnapshot out;
  out.name = key.first;
  out.kind = key.second;
  const Terms& strictest = sum.terms.rbegin()->first;  // by its objective, the first in the order
  out.objective_percent = strictest.objective_percent;
  out.custom_burn_rules = strictest.rules;
  out.bad_noun = strictest.bad_noun;
  out.window = strictest.window;
  out.period = strictest.period;
  out.min_events = strictest.min_events;
  out.worse_for = strictest.worse_for;
  out.better_for = strictest.better_for;
  for (const auto& [terms, nodes] : sum.terms) {
    out.window = std::max(out.window, terms.window);
    out.min_events = std::max(out.min_events, terms.min_events);
    out.worse_for = std::max(out.worse_for, terms.worse_for);
    out.better_for = std::max(out.better_for, terms.better_for);
  }
  return out;
}

ServiceSnapshot GroupAggregate::requests(const Key& key, const ServiceSum& sum) const {
  ServiceSnapshot out = withTerms(key, sum);
  if (const auto counted = counted_.find(key.first); counted != counted_.end()) {
    out.good_total = counted->second.good;
    out.bad_total = counted->second.bad;
  }
  out.good = saturated(sum.good);
  out.bad = saturated(sum.bad);
  for (const auto& [length, window] : sum.windows) {
    WindowTotal total{length, saturated(window.good), saturated(window.bad), {}};
    // So much of it was watched, on the average of all events.
    const Wide all = window.good + window.bad;
    if (window.whole > 0) {
      const double share = static_cast<double>(all) / static_cast<double>(window.whole);
      total.observed = {
          static_cast<int64_t>(static_cast<double>(length.ns) * std::min(share, 1.0))};
    }
    out.windows.push_back(total);
  }
  judgeAll(out);
  return out;
}

ServiceSnapshot GroupAggregate::timed(const Key& key, const ServiceSum& sum) const {
  if (const auto* active = activeServices()) {
    for (const ServiceSnapshot& service : *active) {
      if (service.name == key.first && service.kind == key.second) return service;
    }
  }
  return withoutData(key, sum);
}

// Without an active node the name is still worth showing.
ServiceSnapshot GroupAggregate::withoutData(const Key& key, const ServiceSum& sum) {
  ServiceSnapshot out = withTerms(key, sum);
  out.level = {std::nullopt, LevelState::kNoData,
               levelSentence(out.name, std::nullopt, "no active node")};
  return out;
}

std::vector<ServiceSnapshot> GroupAggregate::services() const {
  const std::vector<ServiceSnapshot>* active = activeServices();
  std::vector<ServiceSnapshot> out;
  for (const auto& [key, sum] : sums_) {
    if (key.second == Kind::kRequests) {
      out.push_back(requests(key, sum));
      continue;
    }
    // What only others than the active node have is not in use.
    const auto isIt = [&, &wanted = key](const ServiceSnapshot& each) {
      return each.name == wanted.first && each.kind == wanted.second;
    };
    if (active == nullptr || std::any_of(active->begin(), active->end(), isIt)) {
      out.push_back(timed(key, sum));
    }
  }
  if (active != nullptr) return out;
  for (const auto& [key, sum] : gone_) {
    if (!sums_.contains(key)) out.push_back(withoutData(key, sum));
  }
  return out;
}

GroupLevel GroupAggregate::levelOf(std::vector<ServiceSnapshot> services) const {
  GroupLevel group;
  group.name = name_;
  group.has_active = activeServices() != nullptr;
  group.services = std::move(services);
  sortWorstFirst(group.services);
  group.level = worstOf(group.services);
  // Whatever is still counted, a group that nobody serves is not well.
  if (!group.has_active && group.level.state < LevelState::kNoData) {
    group.level.state = LevelState::kNoData;
    group.level.percent.reset();
  }
  group.level.text = levelSentence(name_ + " group", group.level.percent, groupReason(group));
  return group;
}

GroupLevel GroupAggregate::judged() const {
  return levelOf(services());
}

void GroupAggregate::follow(ServiceSnapshot& service, ElapsedTime now, WallTime wall) {
  const auto [at, is_new] =
      trackers_.try_emplace({service.name, service.kind}, service.worse_for, service.better_for);
  StateTracker& tracker = at->second;
  // Who begins to look when something is bad already must not wait until it has been for long.
  if (is_new) tracker.begin(service.level.state, now);
  tracker.configure(service.worse_for, service.better_for);
  // A time-judged service without an active node has no data, whatever its figures were.
  const LevelState judged =
      service.level.percent ? judgeState(service, tracker.held()) : LevelState::kNoData;
  service.level.state = tracker.step(judged, now);
  service.flaps = tracker.flaps(now);
  service.damped = tracker.isDamped(now);
  service.state_since = WallTime{wall.unix_ms - (now - *tracker.since()).toMillis()};
}

GroupLevel GroupAggregate::step(ElapsedTime now, WallTime wall) {
  std::vector<ServiceSnapshot> all = services();
  for (ServiceSnapshot& service : all) follow(service, now, wall);
  std::erase_if(counted_, [&](const auto& each) {
    return !sums_.contains({each.first, Kind::kRequests}) &&
           !gone_.contains({each.first, Kind::kRequests});
  });
  // Trackers of services that nobody has any more.
  std::erase_if(trackers_, [&](const auto& each) {
    return !sums_.contains(each.first) && !gone_.contains(each.first);
  });
  GroupLevel group = levelOf(std::move(all));
  if (group.level.state != state_) state_since_ = wall;
  state_ = group.level.state;
  group.state_since = state_since_;
  return group;
}

// --- groups -----------------------------------------------------------------------------------

GroupLevel levelOfGroup(const std::string& name, const std::vector<NodeView>& nodes) {
  GroupAggregate group(name);
  for (const NodeView& node : nodes) {
    group.setNode(node.name, std::make_shared<std::vector<ServiceSnapshot>>(node.services));
    if (!node.present) group.removeNode(node.name);
    if (node.present && node.active) group.setActive(node.name);
  }
  return group.judged();
}

Level overallLevel(const std::vector<GroupLevel>& groups) {
  std::vector<const GroupLevel*> worst_first;
  for (const GroupLevel& group : groups) {
    if (group.weight > 0) worst_first.push_back(&group);
  }
  if (worst_first.empty()) {
    return {std::nullopt, LevelState::kNoData, levelSentence("overall", std::nullopt, "no group")};
  }
  std::sort(worst_first.begin(), worst_first.end(), isWorseGroup);
  const GroupLevel& worst = *worst_first.front();
  Level level;
  level.state = worst.level.state;
  level.percent = weighted(worst);
  for (const GroupLevel* group : worst_first) {
    const std::optional<double> percent = weighted(*group);
    if (level.percent && percent) level.percent = std::min(*level.percent, *percent);
  }
  level.text = levelSentence("overall", level.percent,
                             level.state == LevelState::kOk ? kWithin : overallReason(worst));
  return level;
}

}  // namespace muster::service
