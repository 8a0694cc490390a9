#include "coordinator/level_report.h"

#include <algorithm>
#include <utility>

#include "coordinator/targets.h"
#include "libcontrol/convert/levels.h"

namespace muster::coordinator {
namespace {

struct Row {
  std::string of;
  bool of_node;
  service::ServiceSnapshot service;
};

bool isWorseRow(const Row& a, const Row& b) {
  if (service::isWorse(a.service, b.service)) return true;
  if (service::isWorse(b.service, a.service)) return false;
  return a.of < b.of;
}

v1::ClusterServiceLevelReply replyOf(const service::Level& level, std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end(), isWorseRow);
  v1::ClusterServiceLevelReply reply;
  *reply.mutable_level() = convert::toProto(level);
  for (const Row& row : rows) {
    v1::TargetService& out = *reply.add_services();
    out.set_of(row.of);
    out.set_of_node(row.of_node);
    *out.mutable_service() = convert::toProto(row.service);
  }
  return reply;
}

void addRows(const std::string& of, bool of_node,
             const std::vector<service::ServiceSnapshot>& services, std::vector<Row>& rows) {
  for (const service::ServiceSnapshot& service : services) rows.push_back({of, of_node, service});
}

v1::ClusterServiceLevelReply ofNode(const Member& member) {
  const Instance* latest = member.latest();
  if (latest == nullptr) {
    service::Level none;
    none.text = member.name + " is not there.";
    return replyOf(none, {});
  }
  std::vector<Row> rows;
  addRows(member.name, /*of_node=*/true, latest->services, rows);
  return replyOf(service::worstOf(latest->services), std::move(rows));
}

}  // namespace

Result<v1::ClusterServiceLevelReply> LevelReport::services(const commands::Where& where) {
  const std::vector<service::GroupLevel> groups = groups_();
  std::vector<std::string> names;
  for (const service::GroupLevel& group : groups) names.push_back(group.name);
  const auto target = resolveTarget(where, names, members_);
  if (!target) return target.status();
  if (target->kind == store::OverrideTarget::kNode) {
    return ofNode(*members_.findName(target->name));
  }
  std::vector<Row> rows;
  if (target->kind == store::OverrideTarget::kGroup) {
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& each) { return each.name == target->name; });
    if (group == groups.end()) {
      return Status(Code::kNotFound, "there is no group '" + target->name + "' any more", "target");
    }
    addRows(group->name, /*of_node=*/false, group->services, rows);
    return replyOf(group->level, std::move(rows));
  }
  for (const service::GroupLevel& group : groups) {
    addRows(group.name, /*of_node=*/false, group.services, rows);
  }
  for (const Member* member : members_.all()) {
    const Instance* latest = member->group.empty() ? member->latest() : nullptr;
    if (latest != nullptr) addRows(member->name, /*of_node=*/true, latest->services, rows);
  }
  return replyOf(service::overallLevel(groups), std::move(rows));
}

}  // namespace muster::coordinator
