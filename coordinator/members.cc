#include "coordinator/members.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/convert/levels.h"

namespace muster::coordinator {
namespace {

// Of one node; more is a mistake of the application, and each costs memory here.
constexpr int kMaxServices = 64;
// Processes under one account: two are a twin, more only cost memory.
constexpr size_t kMaxInstances = 8;

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

Status Members::load(store::MemberStore& store, WallTime now) {
  auto rows = store.list();
  if (!rows) return rows.status();
  for (const store::MemberRow& row : *rows) {
    auto jid = Jid::parse(row.jid);
    if (!jid) return {Code::kDataLoss, "member " + row.name + ": " + jid.status().text()};
    Member member;
    member.jid = *jid;
    member.name = row.name;
    member.group = row.group;
    member.changed = now;
    members_.emplace(*jid, std::move(member));
  }
  return Status::ok();
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
  std::vector<const Member*> out = all();
  std::erase_if(out, [&](const Member* member) { return member->group != group; });
  return out;
}

Members::Change Members::apply(const xmpp::PresenceInfo& presence, WallTime now) {
  Change change;
  const auto it = members_.find(presence.from.bare());
  if (it == members_.end()) return change;
  Member& member = it->second;
  if (presence.type == xmpp::PresenceType::kUnavailable) {
    // From the bare JID it is the server's word that none of them is there.
    const size_t gone = presence.from.isBare() ? std::exchange(member.present, {}).size()
                                               : member.present.erase(presence.from);
    if (gone == 0) return change;
    member.changed = now;
    change.member = &member;
    return change;
  }
  // Somebody's chat client under the node's account bears no status and is no process of it.
  if (presence.type != xmpp::PresenceType::kAvailable || !presence.node || presence.from.isBare()) {
    return change;
  }
  change.appeared = !member.present.contains(presence.from);
  if (change.appeared && member.present.size() >= kMaxInstances) return {};
  Instance& instance = member.present[presence.from];
  if (change.appeared) {
    instance.since = now;
    member.changed = now;
  }
  instance.status = *presence.node;
  instance.services.clear();
  for (const v1::ServiceState& service : presence.node->services()) {
    if (instance.services.size() >= kMaxServices) break;
    instance.services.push_back(convert::fromProto(service));
  }
  service::sortWorstFirst(instance.services);
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
