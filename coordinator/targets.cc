#include "coordinator/targets.h"

#include <algorithm>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

using store::OverrideTarget;

constexpr std::string_view kGroupPrefix = "group:";
constexpr std::string_view kNodePrefix = "node:";

bool isOneOf(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// All that the name may stand for; in an order of our own.
std::vector<Target> meanings(const std::string& name, const std::vector<std::string>& groups,
                             const Members& members) {
  std::vector<Target> found;
  if (name.empty() || name == kAllTarget) found.push_back({OverrideTarget::kAll, ""});
  const bool only_node = name.starts_with(kNodePrefix);
  const bool only_group = name.starts_with(kGroupPrefix);
  const std::string group = only_group ? name.substr(kGroupPrefix.size()) : name;
  const std::string node = only_node ? name.substr(kNodePrefix.size()) : name;
  if (!only_node && isOneOf(group, groups)) found.push_back({OverrideTarget::kGroup, group});
  if (!only_group && members.findName(node) != nullptr) {
    found.push_back({OverrideTarget::kNode, node});
  }
  return found;
}

std::string spelled(const Target& target) {
  if (target.kind == OverrideTarget::kAll) return kAllTarget;
  const auto prefix = target.kind == OverrideTarget::kGroup ? kGroupPrefix : kNodePrefix;
  return std::string(prefix) + target.name;
}

}  // namespace

std::vector<std::string> targetNames(const std::vector<std::string>& groups,
                                     const Members& members) {
  std::vector<std::string> names = {kAllTarget};
  names.insert(names.end(), groups.begin(), groups.end());
  for (const Member* member : members.all()) names.push_back(member->name);
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    if (sorted[i] != sorted[i + 1]) continue;
    names.erase(std::find(names.rbegin(), names.rend(), sorted[i]).base() - 1);
    for (const Target& meaning : meanings(sorted[i], groups, members)) {
      const std::string name = spelled(meaning);
      if (!isOneOf(name, names)) names.push_back(name);
    }
  }
  return names;
}

Result<Target> resolveTarget(const commands::Where& where, const std::vector<std::string>& groups,
                             const Members& members) {
  if (where.is_group) return Target{OverrideTarget::kGroup, where.target};
  const auto found = meanings(where.target, groups, members);
  const std::string shown = "'" + singleLine(where.target, limits::kMaxNameBytes) + "'";
  if (found.empty()) {
    return Status(Code::kNotFound,
                  "there is no node and no group " + shown +
                      suggestion(where.target, targetNames(groups, members)),
                  "target");
  }
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const Target& meaning : found) names.push_back(spelled(meaning));
    return Status(Code::kInvalidArgument,
                  shown + " stands for more than one thing; write " + joinWithOr(names), "target");
  }
  return found.front();
}

bool covers(const Target& target, const Member& member) {
  switch (target.kind) {
    case OverrideTarget::kAll:
      return true;
    case OverrideTarget::kGroup:
      return member.group == target.name;
    case OverrideTarget::kNode:
      return member.name == target.name;
  }
  return false;
}

std::vector<const Member*> membersOf(const Target& target, const Members& members) {
  std::vector<const Member*> out = members.all();
  std::erase_if(out, [&](const Member* member) { return !covers(target, *member); });
  return out;
}

std::string inWords(const Target& target) {
  switch (target.kind) {
    case OverrideTarget::kAll:
      return "all nodes";
    case OverrideTarget::kGroup:
      return "group " + target.name;
    case OverrideTarget::kNode:
      break;
  }
  return target.name;
}

}  // namespace muster::coordinator
