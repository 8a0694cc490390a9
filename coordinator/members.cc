#include "coordinator/members.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/convert/levels.h"

namespace muster::coordinator {
namespace {

// Of one node; more is a mistake of the application, and each costs memory here.
constexpr int kMaxServices = 64;
// Processes under one account: two are a twin, more only cost memory.
constexpr size_t kMaxInstances = 8;

bool isServiceName(const std::string& name) {
  return !name.empty() && name.size() <= limits::kMaxNameBytes &&
         singleLine(name, limits::kMaxNameBytes) == name;
}

}  // namespace

const Jid* Member::latestJid() const {
  const Jid* best = nullptr;
  for (const auto& [jid, instance] : present) {
    if (best == nullptr || instance.since > present.at(*best).since) best = &jid;
  }
  return best;
}

const Instance* Member::latest() const {
  const Jid* jid = latestJid();
  return jid == nullptr ? nullptr : &present.at(*jid);
}

store::MemberRow Member::row() const {
  store::MemberRow row{jid.toString(), name, group, enrolled_at, enrolled_by};
  row.priority = priority;
  row.nofailover = nofailover;
  row.drain = drain;
  return row;
}

Status Members::load(store::MemberStore& store, WallTime now) {
  auto rows = store.list();
  if (!rows) return rows.status();
  for (const store::MemberRow& row : *rows) {
    if (Status s = adopt(row, now); !s) return s;
  }
  listByGroup();
  return Status::ok();
}

Status Members::adopt(const store::MemberRow& row, WallTime now) {
  const auto jid = Jid::parse(row.jid);
  if (!jid) return {Code::kDataLoss, "member " + row.name + ": " + jid.status().text()};
  const auto [at, is_new] = members_.try_emplace(*jid);
  Member& member = at->second;
  member.jid = *jid;
  member.name = row.name;
  member.group = row.group;
  member.priority = row.priority;
  member.nofailover = row.nofailover;
  member.drain = row.drain;
  member.enrolled_at = row.enrolled_at;
  member.enrolled_by = row.enrolled_by;
  if (is_new) member.changed = now;
  return Status::ok();
}

Status Members::put(const store::MemberRow& row, WallTime now) {
  if (Status s = adopt(row, now); !s) return s;
  listByGroup();
  return Status::ok();
}

void Members::remove(const Jid& bare) {
  members_.erase(bare);
  listByGroup();
}

void Members::listByGroup() {
  by_group_.clear();
  for (const Member* member : all()) by_group_[member->group].push_back(member->jid);
}

const Member* Members::find(const Jid& bare) const {
  const auto it = members_.find(bare);
  return it == members_.end() ? nullptr : &it->second;
}

const Member* Members::findName(const std::string& name) const {
  for (const auto& [jid, member] : members_) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

std::vector<const Member*> Members::all() const {
  std::vector<const Member*> out;
  for (const auto& [jid, member] : members_) out.push_back(&member);
  std::sort(out.begin(), out.end(),
            [](const Member* a, const Member* b) { return a->name < b->name; });
  return out;
}

std::vector<const Member*> Members::ofGroup(const std::string& group) const {
  std::vector<const Member*> out;
  const auto it = by_group_.find(group);
  if (it == by_group_.end()) return out;
  for (const Jid& jid : it->second) out.push_back(&members_.at(jid));
  return out;
}

Members::Change Members::apply(const xmpp::PresenceInfo& presence, WallTime now) {
  Change change;
  const auto it = members_.find(presence.from.bare());
  if (it == members_.end()) return change;
  Member& member = it->second;
  if (presence.type == xmpp::PresenceType::kUnavailable) {
    // From the bare JID it is the server's word that none of them is there.
    if (presence.from.isBare()) {
      for (const auto& [jid, instance] : member.present) change.gone.push_back(jid);
      member.present.clear();
    } else if (member.present.erase(presence.from) > 0) {
      change.gone.push_back(presence.from);
    }
    if (change.gone.empty()) return change;
    member.changed = now;
    change.member = &member;
    return change;
  }
  // Somebody's chat client under the node's account bears no status and is no process of it.
  if (presence.type != xmpp::PresenceType::kAvailable || !presence.node || presence.from.isBare()) {
    return change;
  }
  change.appeared = !member.present.contains(presence.from);
  // The longest there is the likeliest to be a ghost that its server has not given up yet.
  if (change.appeared && member.present.size() >= kMaxInstances) {
    const auto oldest = std::min_element(
        member.present.begin(), member.present.end(),
        [](const auto& a, const auto& b) { return a.second.since < b.second.since; });
    change.gone.push_back(oldest->first);
    member.present.erase(oldest);
  }
  Instance& instance = member.present[presence.from];
  if (change.appeared) {
    instance.since = now;
    member.changed = now;
  }
  std::vector<service::ServiceSnapshot> services;
  for (const v1::ServiceState& service : presence.node->services()) {
    if (services.size() >= kMaxServices) break;
    // No node of ours says such a thing, and nothing could be kept or shown under it.
    if (!isServiceName(service.name())) continue;
    services.push_back(convert::fromProto(service));
  }
  // Thousands of nodes are kept, so nothing twice; and in a copy, since a message keeps what was
  // cleared for the next time.
  v1::NodeStatus status = *presence.node;
  status.clear_services();
  instance.status = status;
  service::sortWorstFirst(services);
  instance.services = ToldServices(std::move(services));
  change.member = &member;
  change.available = true;
  return change;
}

std::vector<Jid> Members::forgetAll(WallTime now) {
  std::vector<Jid> gone;
  for (auto& [bare, member] : members_) {
    for (const auto& [jid, instance] : member.present) gone.push_back(jid);
    if (!member.present.empty()) member.changed = now;
    member.present.clear();
  }
  return gone;
}

}  // namespace muster::coordinator
