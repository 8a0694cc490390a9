#include "coordinator/cluster.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"
#include "libcontrol/convert/levels.h"
#include "libcontrol/xmpp/namespaces.h"
#include "libcontrol/xmpp/wire.h"
#include "muster/log.h"

namespace muster::coordinator {
namespace {

// Levels age without anybody saying so: windows slide.
constexpr int kRefreshMs = 1000;
// Many presences that arrive together make one new view.
constexpr int kSoonMs = 50;
constexpr int kResubscribeMs = 10'000;
// A node that could not take its grants (a full disk, say) is offered them again after this.
constexpr int kPushAgainMs = 10'000;

v1::Phase toProto(election::Phase phase) {
  switch (phase) {
    case election::Phase::kVacant:
      return v1::PHASE_VACANT;
    case election::Phase::kOffered:
      return v1::PHASE_OFFERED;
    case election::Phase::kActive:
      return v1::PHASE_ACTIVE;
    case election::Phase::kDraining:
      return v1::PHASE_DRAINING;
  }
  return v1::PHASE_UNSPECIFIED;
}

}  // namespace

Cluster::Cluster(Parts parts) : parts_(std::move(parts)) {
  xmpp::Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [this](const xmpp::DownEvent& event) { onDown(event); };
  listener.presence = [this](const xmpp::Element& stanza) { onPresence(stanza); };
  listener_ = parts_.component.addListener(std::move(listener));
  parts_.component.handleIq(
      xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onLease(iq, reply); });
  QObject::connect(&refresh_, &QTimer::timeout, &refresh_, [this] { refresh(); });
  refresh_.start(kRefreshMs);
  soon_.setSingleShot(true);
  QObject::connect(&soon_, &QTimer::timeout, &soon_, [this] { refresh(); });
}

Cluster::~Cluster() {
  parts_.component.removeListener(listener_);
  parts_.component.removeIqHandler(xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease);
}

Status Cluster::load() {
  if (Status s = members_.load(parts_.store.members(), parts_.clock.wall()); !s) return s;
  auto rows = parts_.store.groups().loadAll();
  if (!rows) return rows.status();
  for (const store::GroupRow& row : *rows) {
    auto record = toRecord(row);
    if (!record) return record.status();
    election::GroupConfig config = parts_.election;
    config.name = row.name;
    if (Status s = election::check(config); !s) return s;
    GroupDriver::Hooks hooks{[this] { refreshSoon(); },
                             [this](const election::group::MoveStarted& e) { onMoveStarted(e); },
                             [this](const election::group::MoveFinished& e) { onMoveFinished(e); },
                             parts_.store_failed};
    auto driver = std::make_unique<GroupDriver>(parts_.component, parts_.store.groups(),
                                                parts_.clock, parts_.random, std::move(config),
                                                std::move(record).value(), std::move(hooks));
    for (const Member* member : members_.ofGroup(row.name)) {
      driver->step(election::group::MemberEnrolled{member->jid, member->name, 0, false, false});
    }
    parts_.contacts.add(contactOf(row.name));
    groups_.emplace(row.name, std::move(driver));
  }
  refresh();
  return Status::ok();
}

Jid Cluster::contactOf(const std::string& group) const {
  const auto jid = Jid::parse(group + "@" + parts_.address.domain());
  return jid ? *jid : Jid();
}

std::vector<std::string> Cluster::groupNames() const {
  std::vector<std::string> out;
  for (const auto& [name, driver] : groups_) out.push_back(name);
  return out;
}

GroupDriver* Cluster::find(const std::string& group) const {
  const auto it = groups_.find(group);
  return it == groups_.end() ? nullptr : it->second.get();
}

// --- the link ---------------------------------------------------------------------------------

void Cluster::onUp() {
  logger("muster.cluster")->info("connected as {}", parts_.address.toString());
  was_up_ = true;
  for (const Member* member : members_.all()) askForPresence(*member);
  parts_.contacts.announceAll();
}

void Cluster::askForPresence(const Member& member) {
  // The probe brings the present state at once where the subscription stands. It goes first:
  // Prosody answers one from a contact whose request is pending by dropping the request.
  parts_.component.send(xmpp::presenceOf(parts_.address, member.jid, xmpp::PresenceType::kProbe));
  // Asking again for a subscription that stands is answered by the server itself.
  parts_.component.send(
      xmpp::presenceOf(parts_.address, member.jid, xmpp::PresenceType::kSubscribe));
}

// Somebody with the node's account has ended the coordinator's subscription, or its server has
// dropped the request. Without it the node would be invisible, so it is asked for again, not so
// soon that a node that insists makes a loop of it.
void Cluster::onUnsubscribed(const Jid& bare) {
  QTimer::singleShot(kResubscribeMs, &later_, [this, bare] {
    const Member* member = members_.find(bare);
    if (member == nullptr || member->isPresent() || !parts_.component.isUp()) return;
    logger("muster.cluster")->info("asking {} again for its presence", bare.toString());
    askForPresence(*member);
  });
}

void Cluster::onDown(const xmpp::DownEvent& event) {
  logger("muster.cluster")->warn("{}: {}", was_up_ ? "disconnected" : "no connection", event.text);
  was_up_ = false;
  for (const Jid& jid : members_.forgetAll(parts_.clock.wall())) {
    const Member* member = members_.find(jid.bare());
    if (GroupDriver* group = find(member->group)) group->step(election::group::MemberGone{jid});
  }
  refreshSoon();
}

void Cluster::onPresence(const xmpp::Element& stanza) {
  const auto presence = xmpp::readPresence(stanza);
  if (!presence) return;
  if (!presence->node_problem.empty()) {
    logger("muster.cluster")->warn("{}: {}", presence->from.toString(), presence->node_problem);
  }
  const bool about_node =
      presence->to.bare() == parts_.address && members_.find(presence->from.bare()) != nullptr;
  if (!about_node) return parts_.contacts.onPresence(*presence);
  if (presence->type == xmpp::PresenceType::kUnsubscribed) {
    return onUnsubscribed(presence->from.bare());
  }
  onMemberPresence(members_.apply(*presence, parts_.clock.wall()), presence->from);
}

void Cluster::onMemberPresence(const Members::Change& change, const Jid& full) {
  if (change.member == nullptr) return;
  const Member& member = *change.member;
  if (change.appeared) pushGrants(full);
  GroupDriver* group = find(member.group);
  if (group == nullptr) return refreshSoon();
  for (const Jid& gone : change.gone) group->step(election::group::MemberGone{gone});
  if (!change.available) return refreshSoon();
  const Instance& instance = member.present.at(full);
  const auto id = InstanceId::fromBytes(instance.status.instance());
  // A node whose presence names another group than it is enrolled in would never take the offer.
  if (!id || instance.status.group() != member.group) {
    logger("muster.cluster")
        ->warn("{} says that it is of group '{}', but it is enrolled in '{}'", full.toString(),
               singleLine(instance.status.group(), 64), member.group);
    group->step(election::group::MemberGone{full});
    return refreshSoon();
  }
  election::group::MemberPresent event;
  event.jid = full;
  event.instance = *id;
  event.level_percent = service::worstOf(instance.services).percent;
  event.highest_epoch = instance.status.epoch();
  const bool active = instance.status.role() == v1::NODE_ROLE_ACTIVE;
  event.active_epoch = active ? instance.status.held_epoch() : 0;
  group->step(event);
  refreshSoon();
}

void Cluster::onLease(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  const auto from = xmpp::jidAttribute(iq, "from");
  const auto to = xmpp::jidAttribute(iq, "to");
  const Member* member = from ? members_.find(from->bare()) : nullptr;
  GroupDriver* group = member == nullptr ? nullptr : find(member->group);
  if (group == nullptr || to != parts_.address) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto message = xmpp::readLease(*iq.firstChild());
  if (!message) return reply.error(message.status());
  const std::string& named = message->has_acquire()   ? message->acquire().group()
                             : message->has_renew()   ? message->renew().group()
                             : message->has_release() ? message->release().group()
                                                      : member->group;
  if (named != member->group) {
    return reply.error(Status(Code::kInvalidArgument, member->name + " is enrolled in group '" +
                                                          member->group + "', not in '" +
                                                          singleLine(named, 64) + "'"));
  }
  group->onRequest(*from, *message, reply);
}

void Cluster::pushGrants(const Jid& full) {
  xmpp::Element iq = xmpp::makeIq("set", full);
  iq.add(xmpp::writeGrants(parts_.authority.grants()));
  parts_.component.request(
      std::move(iq), limits::kIqTimeout, [this, full](const xmpp::IqOutcome& outcome) {
        if (outcome.isOk()) return;
        logger("muster.cluster")
            ->warn("{} did not take the grants: {}", full.toString(), outcome.status.text());
        QTimer::singleShot(kPushAgainMs, &later_, [this, full] {
          const Member* member = members_.find(full.bare());
          if (member != nullptr && member->present.contains(full)) pushGrants(full);
        });
      });
}

// --- levels -----------------------------------------------------------------------------------

void Cluster::refreshSoon() {
  if (!soon_.isActive()) soon_.start(kSoonMs);
}

service::GroupLevel Cluster::levelOf(const GroupDriver& group) const {
  std::vector<service::NodeView> views;
  const Member* active = activeOf(group);
  for (const Member* member : members_.ofGroup(group.name())) {
    service::NodeView node;
    node.name = member->name;
    node.present = member->isPresent();
    node.active = active == member;
    if (const Instance* latest = member->latest()) node.services = latest->services;
    views.push_back(std::move(node));
  }
  return service::levelOfGroup(group.name(), views);
}

void Cluster::refresh() {
  std::vector<service::GroupLevel> levels;
  for (const auto& [name, group] : groups_) {
    levels.push_back(levelOf(*group));
    service::PresenceFacts facts;
    facts.no_active_node = !levels.back().has_active;
    parts_.contacts.show(contactOf(name), service::presenceOf(levels.back().services, facts));
  }
  const service::PresenceText overall = service::presenceOf(service::overallLevel(levels));
  parts_.contacts.show(parts_.address, overall);
  parts_.overall(overall);
}

// --- commands ---------------------------------------------------------------------------------

std::string Cluster::nameOf(const Jid& bare) const {
  const Member* member = members_.find(bare);
  return member != nullptr ? member->name : bare.toString();
}

// A holder that is there and says itself that it is not active has lost the lease or not yet begun:
// the record alone would have people wait for a node that serves nobody. Of one that is not there
// nothing better is known than the record.
const Member* Cluster::activeOf(const GroupDriver& group) const {
  const election::GroupView view = group.view();
  const Member* holder = view.active ? members_.find(*view.active) : nullptr;
  if (holder == nullptr || !holder->isPresent()) return holder;
  for (const auto& [jid, instance] : holder->present) {
    if (instance.status.held_epoch() == view.epoch && view.epoch != 0 &&
        instance.status.role() != v1::NODE_ROLE_STANDBY) {
      return holder;
    }
  }
  return nullptr;
}

v1::NodeRole Cluster::roleOf(const Member& member) const {
  const GroupDriver* group = find(member.group);
  if (group == nullptr) return v1::NODE_ROLE_NONE;
  if (activeOf(*group) != &member) return v1::NODE_ROLE_STANDBY;
  const election::GroupView view = group->view();
  return view.phase == election::Phase::kDraining ? v1::NODE_ROLE_DRAINING : v1::NODE_ROLE_ACTIVE;
}

v1::StatusReply Cluster::status(const std::optional<std::string>& group) {
  v1::StatusReply reply;
  std::vector<service::GroupLevel> levels;
  for (const auto& [name, driver] : groups_) {
    if (group && name != *group) continue;
    levels.push_back(levelOf(*driver));
    const election::GroupView view = driver->view();
    v1::GroupStatus* out = reply.add_groups();
    out->set_name(name);
    if (const Member* active = activeOf(*driver)) out->set_active(active->name);
    out->set_epoch(view.epoch);
    out->set_phase(toProto(view.phase));
    *out->mutable_level() = convert::toProto(levels.back().level);
    for (const Member* member : members_.ofGroup(name)) {
      out->set_members(out->members() + 1);
      if (member->isPresent()) out->set_present(out->present() + 1);
    }
    out->set_note(view.note);
  }
  *reply.mutable_overall() = convert::toProto(service::overallLevel(levels));
  return reply;
}

v1::NodesReply Cluster::nodes(const std::optional<std::string>& group) {
  v1::NodesReply reply;
  for (const Member* member : members_.all()) {
    if (group && member->group != *group) continue;
    v1::NodeState* out = reply.add_nodes();
    out->set_name(member->name);
    out->set_jid(member->jid.toString());
    out->set_group(member->group);
    out->set_role(roleOf(*member));
    out->set_present(member->isPresent());
    out->set_since(toRfc3339(member->changed));
    const Instance* latest = member->latest();
    if (latest == nullptr) {
      service::Level none;
      none.text = member->name + " is not there.";
      *out->mutable_level() = convert::toProto(none);
      continue;
    }
    out->set_jid(member->latestJid()->toString());
    out->set_epoch(latest->status.epoch());
    out->set_version(singleLine(latest->status.version(), 100));
    *out->mutable_level() = convert::toProto(service::worstOf(latest->services));
  }
  return reply;
}

std::string Cluster::plan(const std::string& group, const std::optional<std::string>& to) {
  const GroupDriver* driver = find(group);
  if (driver == nullptr) return "";
  const election::GroupView view = driver->view();
  std::string target = to.value_or("");
  if (target.empty()) {
    for (const election::Verdict& verdict : driver->candidates().verdicts) {
      if (!verdict.eligible || verdict.candidate.jid == view.active) continue;
      target = verdict.candidate.name;
      break;
    }
  }
  if (target.empty()) return "No node of " + group + " could take over now.";
  if (!view.active) return "No node of " + group + " is active; " + target + " becomes active.";
  if (nameOf(*view.active) == target) return target + " is active already; nothing would be moved.";
  return nameOf(*view.active) + " is drained and " + target + " becomes the active node of " +
         group + ".";
}

void Cluster::move(const commands::Move& move, Started started, Finished finished) {
  GroupDriver* driver = find(move.group);
  if (driver == nullptr) {
    return finished({Code::kNotFound, "there is no group '" + move.group + "'", "group"}, {});
  }
  election::group::MoveRequested event;
  // A key is its caller's own.
  event.key = move.by + " " + move.key;
  event.expect_epoch = move.expect_epoch;
  event.caller = move.by;
  if (move.to) {
    const Member* member = members_.findName(*move.to);
    if (member == nullptr || member->group != move.group) {
      std::vector<std::string> names;
      for (const Member* other : members_.ofGroup(move.group)) names.push_back(other->name);
      return finished(
          {Code::kNotFound,
           "'" + *move.to + "' is not a node of group " + move.group + suggestion(*move.to, names),
           "to"},
          {});
    }
    event.target = member->jid;
  }
  const auto [begin, end] = waiting_.equal_range(event.key);
  const bool other = std::any_of(begin, end, [&](const auto& entry) {
    const commands::Move& running = entry.second.move;
    return running.group != move.group || running.to != move.to ||
           running.expect_epoch != move.expect_epoch;
  });
  if (other) {
    return finished(
        {Code::kConflict,
         "the key '" + move.key + "' is that of another request which is under way", "key"},
        {});
  }
  waiting_.emplace(event.key, Waiting{move, std::move(started), std::move(finished)});
  driver->step(event);
}

void Cluster::onMoveStarted(const election::group::MoveStarted& event) {
  commands::MoveState state;
  if (!event.from.isEmpty()) state.from = nameOf(event.from);
  if (event.to) state.to = nameOf(*event.to);
  state.epoch = event.epoch;
  const auto [begin, end] = waiting_.equal_range(event.key);
  for (auto it = begin; it != end; ++it) it->second.started(state);
}

void Cluster::onMoveFinished(const election::group::MoveFinished& event) {
  commands::MoveState state;
  if (!event.from.isEmpty()) state.from = nameOf(event.from);
  if (!event.to.isEmpty()) state.to = nameOf(event.to);
  state.epoch = event.epoch;
  state.took = event.duration;
  logger("muster.election")->info("move asked for by {}: {}", event.key, event.text);
  // Taken out first: an answer may lead to another request.
  std::vector<Waiting> done;
  const auto [begin, end] = waiting_.equal_range(event.key);
  for (auto it = begin; it != end; ++it) done.push_back(std::move(it->second));
  waiting_.erase(begin, end);
  for (const Waiting& waiting : done) waiting.finished(event.status, state);
}

std::vector<std::string> Cluster::names(const std::string& kind) const {
  if (kind == "groups") return groupNames();
  std::vector<std::string> out;
  if (kind == "nodes") {
    for (const Member* member : members_.all()) out.push_back(member->name);
  }
  return out;
}

}  // namespace muster::coordinator
