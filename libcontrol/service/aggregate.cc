#include "libcontrol/service/aggregate.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace muster::service {
namespace {

constexpr char kWithin[] = "within advertised SLA range";

const NodeView* activeOf(const std::vector<NodeView>& nodes) {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [](const NodeView& node) { return node.present && node.active; });
  return it == nodes.end() ? nullptr : &*it;
}

uint64_t addSaturated(uint64_t a, uint64_t b) {
  const uint64_t room = std::numeric_limits<uint64_t>::max() - a;
  return b > room ? std::numeric_limits<uint64_t>::max() : a + b;
}

void addRequests(const ServiceSnapshot& service, std::map<std::string, ServiceSnapshot>& sums) {
  const auto [it, fresh] = sums.try_emplace(service.name, service);
  if (fresh) return;
  ServiceSnapshot& sum = it->second;
  sum.good = addSaturated(sum.good, service.good);
  sum.bad = addSaturated(sum.bad, service.bad);
  sum.objective_percent = std::max(sum.objective_percent, service.objective_percent);
  sum.window = std::max(sum.window, service.window);
}

std::vector<ServiceSnapshot> sumOfRequests(const std::vector<NodeView>& nodes) {
  std::map<std::string, ServiceSnapshot> sums;
  for (const NodeView& node : nodes) {
    for (const ServiceSnapshot& service : node.services) {
      if (node.present && service.kind == Kind::kRequests) addRequests(service, sums);
    }
  }
  std::vector<ServiceSnapshot> out;
  for (auto& [name, sum] : sums) {
    sum.level = judge(sum);
    out.push_back(std::move(sum));
  }
  return out;
}

ServiceSnapshot withoutActiveNode(const ServiceSnapshot& service) {
  ServiceSnapshot out;
  out.name = service.name;
  out.kind = Kind::kAvailability;
  out.objective_percent = service.objective_percent;
  out.window = service.window;
  out.level = {std::nullopt, LevelState::kNoData,
               levelSentence(service.name, std::nullopt, "no active node")};
  return out;
}

std::vector<ServiceSnapshot> availabilityOf(const std::vector<NodeView>& nodes,
                                            const NodeView* active) {
  // Without an active node the names are still worth showing: of all that any node told of.
  std::map<std::string, ServiceSnapshot> found;
  for (const NodeView& node : nodes) {
    if (active != nullptr && &node != active) continue;
    for (const ServiceSnapshot& service : node.services) {
      if (service.kind != Kind::kAvailability) continue;
      found.try_emplace(service.name, active != nullptr ? service : withoutActiveNode(service));
    }
  }
  std::vector<ServiceSnapshot> out;
  for (auto& [name, service] : found) out.push_back(std::move(service));
  return out;
}

std::string groupReason(const GroupLevel& group) {
  const bool well = group.level.state == LevelState::kOk;
  if (well) return kWithin;
  if (group.level.state == LevelState::kNoData && !group.has_active) return "no active node";
  if (group.services.empty()) return "no service";
  return troubleOf(group.services.front());
}

bool isWorseGroup(const GroupLevel* a, const GroupLevel* b) {
  if (a->level.state != b->level.state) return a->level.state > b->level.state;
  const double a_percent = a->level.percent.value_or(100);
  const double b_percent = b->level.percent.value_or(100);
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

GroupLevel levelOfGroup(const std::string& name, const std::vector<NodeView>& nodes) {
  const NodeView* active = activeOf(nodes);
  GroupLevel group;
  group.name = name;
  group.has_active = active != nullptr;
  group.services = sumOfRequests(nodes);
  for (ServiceSnapshot& service : availabilityOf(nodes, active)) {
    group.services.push_back(std::move(service));
  }
  sortWorstFirst(group.services);
  group.level = worstOf(group.services);
  // Whatever is still counted, a group that nobody serves is not well.
  if (!active && group.level.state < LevelState::kNoData) {
    group.level.state = LevelState::kNoData;
    group.level.percent.reset();
  }
  group.level.text = levelSentence(name + " group", group.level.percent, groupReason(group));
  return group;
}

Level overallLevel(const std::vector<GroupLevel>& groups) {
  if (groups.empty()) {
    return {std::nullopt, LevelState::kNoData, levelSentence("overall", std::nullopt, "no group")};
  }
  std::vector<const GroupLevel*> worst_first;
  for (const GroupLevel& group : groups) worst_first.push_back(&group);
  std::sort(worst_first.begin(), worst_first.end(), isWorseGroup);
  const GroupLevel& worst = *worst_first.front();
  Level level;
  level.state = worst.level.state;
  level.percent = worst.level.percent;
  for (const GroupLevel& group : groups) {
    if (level.percent && group.level.percent) {
      level.percent = std::min(*level.percent, *group.level.percent);
    }
  }
  level.text = levelSentence("overall", level.percent,
                             level.state == LevelState::kOk ? kWithin : overallReason(worst));
  return level;
}

}  // namespace muster::service
