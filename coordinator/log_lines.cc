#include "coordinator/log_lines.h"

#include <algorithm>
#include <utility>

#include "coordinator/watchables.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

// Those of which something was bad, the worst first.
std::vector<std::string> ailing(const Instance& instance) {
  std::vector<std::string> out;
  for (const service::ServiceSnapshot& service : instance.services) {
    const bool well = service.level.state == service::LevelState::kOk &&
                      service.level.percent.value_or(100) >= 100;
    if (!well && out.size() < limits::kMaxBadLineServices) out.push_back(service.name);
  }
  return out;
}

}  // namespace

std::vector<const Member*> LogLines::nodesOf(const std::string& target,
                                             const std::string& group) const {
  std::vector<const Member*> out;
  if (group.empty()) {
    out.push_back(Watchables(cluster_).nodeOf(target));
  } else {
    out = cluster_.members().ofGroup(group);
    const GroupDriver* driver = cluster_.find(group);
    const Member* active = driver == nullptr ? nullptr : cluster_.activeOf(*driver);
    std::stable_partition(out.begin(), out.end(),
                          [active](const Member* member) { return member == active; });
  }
  std::erase_if(out,
                [](const Member* member) { return member == nullptr || !member->isPresent(); });
  if (out.size() > limits::kMaxBadLineNodes) out.resize(limits::kMaxBadLineNodes);
  return out;
}

void LogLines::ask(const std::string& target, const std::string& group) {
  if (target == incident::kOverall || fanout_.waiting() > 0) return;
  forgetOld();
  const std::string& key = group.empty() ? target : group;
  const auto known = known_.find(key);
  const ElapsedTime now = clock_.elapsed();
  if (known != known_.end() && now - known->second.asked < limits::kBadLinesEvery) return;
  const std::vector<const Member*> nodes = nodesOf(target, group);
  if (nodes.empty()) return;
  known_[key].asked = now;
  for (const Member* member : nodes) ask(key, *member);
}

void LogLines::ask(const std::string& key, const Member& member) {
  const std::vector<std::string> services = ailing(*member.latest());
  if (services.empty()) return;
  v1::Order order;
  order.set_by(cluster_.address().toString());
  for (const std::string& service : services) order.mutable_bad_lines()->add_services(service);
  fanout_.add(
      *member.latestJid(), [order] { return std::optional(order); },
      [this, alive = std::weak_ptr(alive_), key, node = member.name](const Status& status,
                                                                     const auto& reply) {
        // A node that is too old for it, or gone, has nothing to show.
        if (!alive.expired() && status) take(key, node, reply);
      });
}

void LogLines::take(const std::string& key, const std::string& node, const v1::OrderReply& reply) {
  const auto known = known_.find(key);
  if (known == known_.end()) return;
  Lines& lines = known->second.lines;
  std::erase_if(lines, [&node](const auto& each) { return each.first.first == node; });
  size_t services = 0;
  for (const v1::BadLines& of_service : reply.bad_lines()) {
    if (++services > limits::kMaxBadLineServices) return;
    std::vector<Line>& kept =
        lines[{node, singleLine(of_service.service(), limits::kMaxNameBytes)}];
    for (const v1::BadLine& line : of_service.lines()) {
      if (kept.size() >= limits::kMaxBadLines) break;
      const WallTime at{std::clamp<int64_t>(line.at_unix_ms(), 0, clock_.wall().unix_ms)};
      kept.push_back({at.unix_ms, singleLine(toRfc3339(at) + " " + node + " " + line.text(),
                                             limits::kMaxIncidentLogLineBytes)});
    }
  }
}

void LogLines::forgetOld() {
  const ElapsedTime now = clock_.elapsed();
  std::erase_if(
      known_, [now](const auto& each) { return now - each.second.asked >= limits::kBadLineLife; });
}

void LogLines::fill(std::vector<incident::TargetLevel>& levels) const {
  if (known_.empty()) return;
  const ElapsedTime now = clock_.elapsed();
  for (incident::TargetLevel& level : levels) {
    const auto known = known_.find(level.group.empty() ? level.target : level.group);
    if (known == known_.end() || now - known->second.asked >= limits::kBadLineLife) continue;
    std::vector<Line> lines;
    for (const auto& [of, kept] : known->second.lines) {
      const auto& [node, service] = of;
      const bool belongs = level.target == level.group || level.target == node ||
                           level.target == "node:" + node ||
                           level.target == service + "." + level.group;
      if (belongs) lines.insert(lines.end(), kept.begin(), kept.end());
    }
    std::sort(lines.begin(), lines.end());
    const size_t count = std::min(lines.size(), limits::kMaxIncidentLogLines);
    for (size_t i = lines.size() - count; i < lines.size(); ++i) {
      level.log_lines.push_back(lines[i].text);
    }
  }
}

}  // namespace muster::coordinator
