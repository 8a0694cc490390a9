#include "coordinator/watchables.h"

#include <algorithm>
#include <optional>

#include "libcontrol/base/text.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/service/burn.h"

namespace muster::coordinator {
namespace {

constexpr std::string_view kNodePrefix = "node:";

using incident::Health;
using incident::TargetLevel;

Health healthOf(service::LevelState state) {
  switch (state) {
    case service::LevelState::kOk:
      return Health::kOk;
    case service::LevelState::kNoData:
      return Health::kNoData;
    case service::LevelState::kBurning:
      return Health::kBurning;
    case service::LevelState::kBreached:
      return Health::kBreached;
  }
  return Health::kNoData;
}

TargetLevel from(const std::string& target, const std::string& group, const service::Level& level) {
  TargetLevel out;
  out.target = target;
  out.group = group;
  out.health = healthOf(level.state);
  out.percent = level.percent;
  out.sentence = level.text;
  return out;
}

// A level that is well by its window may spend its budget too fast all the same.
void addBurn(TargetLevel& out, const std::vector<service::ServiceSnapshot>& services) {
  for (const service::ServiceSnapshot& each : services) {
    const auto alert = service::worstFiring(each);
    if (!alert) continue;
    const auto severity = static_cast<incident::Severity>(alert->rule.severity);
    const bool shown = out.burns.has_value() || out.health != Health::kOk;
    out.burns = std::max(out.burns, std::optional(severity));
    if (shown) continue;
    out.sentence += " The error budget of " + each.name + " is spent too fast over " +
                    service::durationInWords(alert->rule.long_window) + ".";
  }
}

TargetLevel ofService(const std::string& target, const service::GroupLevel& group,
                      const service::ServiceSnapshot& service) {
  TargetLevel out = from(target, group.name, service.level);
  out.objective = service.objective_percent;
  if (service.budget_left) out.budget_left = std::max(0.0, *service.budget_left) * 100;
  addBurn(out, {service});
  out.absent = !group.has_active && service.level.state == service::LevelState::kNoData;
  return out;
}

TargetLevel ofGroup(const service::GroupLevel& group) {
  TargetLevel out = from(group.name, group.name, group.level);
  addBurn(out, group.services);
  out.absent = !group.has_active;
  return out;
}

std::string serviceTarget(const std::string& service, const std::string& group) {
  return service + "." + group;
}

// The service's name, if the target can be one of that group's.
std::optional<std::string> serviceIn(const std::string& target, const std::string& group) {
  const std::string tail = "." + group;
  if (target.size() <= tail.size() || !target.ends_with(tail)) return std::nullopt;
  return target.substr(0, target.size() - tail.size());
}

}  // namespace

std::vector<std::string> Watchables::names() const {
  std::vector<std::string> out = {incident::kOverall};
  std::set<std::string> taken = {incident::kOverall};
  const auto groups = cluster_.groupLevels();
  for (const service::GroupLevel& group : groups) {
    if (taken.insert(group.name).second) out.push_back(group.name);
  }
  for (const service::GroupLevel& group : groups) {
    for (const service::ServiceSnapshot& service : group.services) {
      const std::string target = serviceTarget(service.name, group.name);
      if (taken.insert(target).second) out.push_back(target);
    }
  }
  for (const Member* member : cluster_.members().all()) {
    const bool free = taken.insert(member->name).second;
    out.push_back(free ? member->name : std::string(kNodePrefix) + member->name);
  }
  return out;
}

Result<std::string> Watchables::resolve(const std::string& typed) const {
  const std::vector<std::string> known = names();
  if (std::find(known.begin(), known.end(), typed) != known.end()) return typed;
  if (typed.starts_with(kNodePrefix) &&
      cluster_.members().findName(typed.substr(kNodePrefix.size())) != nullptr) {
    return typed.substr(kNodePrefix.size());
  }
  // Nobody reports it now, which may be just what somebody wants to hear of.
  if (!groupOf(typed).empty() && nodeOf(typed) == nullptr) return typed;
  return Status(Code::kNotFound,
                "there is no service, group or node '" +
                    singleLine(typed, limits::kMaxNameBytes * 3) + "'" + suggestion(typed, known),
                "target");
}

const Member* Watchables::nodeOf(const std::string& target) const {
  if (target.starts_with(kNodePrefix)) {
    return cluster_.members().findName(target.substr(kNodePrefix.size()));
  }
  return cluster_.find(target) == nullptr ? cluster_.members().findName(target) : nullptr;
}

std::string Watchables::groupOf(const std::string& target) const {
  if (cluster_.find(target) != nullptr) return target;
  if (const Member* member = nodeOf(target)) return member->group;
  // The longest name wins: groups may have dots in theirs.
  std::string longest;
  for (const std::string& group : cluster_.groupNames()) {
    if (serviceIn(target, group) && group.size() > longest.size()) longest = group;
  }
  return longest;
}

TargetLevel Watchables::ofNode(const std::string& target, const Member& member) const {
  const Instance* latest = member.latest();
  service::Level level;
  if (latest == nullptr) {
    level.text = member.name + " is not there.";
  } else {
    level = service::worstOf(latest->services);
  }
  TargetLevel out = from(target, member.group, level);
  if (latest != nullptr) addBurn(out, latest->services);
  out.absent = latest == nullptr;
  return out;
}

std::vector<TargetLevel> Watchables::levels(const std::set<std::string>& targets) const {
  std::vector<TargetLevel> out;
  const auto& groups = cluster_.latestLevels();
  std::map<std::string, const service::GroupLevel*> by_name;
  for (const service::GroupLevel& group : groups) by_name[group.name] = &group;
  std::set<std::string> whole;
  for (const std::string& target : targets) {
    if (target == incident::kOverall) continue;
    const auto group = by_name.find(groupOf(target));
    if (group != by_name.end()) whole.insert(group->first);
    if (const Member* member = nodeOf(target)) {
      out.push_back(ofNode(target, *member));
      continue;
    }
    if (group == by_name.end() || group->first == target) continue;
    const auto name = serviceIn(target, group->first);
    const auto& services = group->second->services;
    const auto service = std::find_if(services.begin(), services.end(),
                                      [&](const auto& each) { return each.name == name; });
    if (service != services.end()) {
      out.push_back(ofService(target, *group->second, *service));
    } else {
      TargetLevel unknown = ofGroup(*group->second);
      unknown.target = target;
      unknown.health = Health::kNoData;
      unknown.percent.reset();
      out.push_back(unknown);
    }
  }
  for (const std::string& group : whole) out.push_back(ofGroup(*by_name.at(group)));
  TargetLevel all = from(incident::kOverall, "", service::overallLevel(groups));
  for (const service::GroupLevel& group : groups) {
    if (group.weight > 0) addBurn(all, group.services);
  }
  out.push_back(std::move(all));
  return out;
}

}  // namespace muster::coordinator
