#include "coordinator/cluster.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
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
// How often a member that isn't there is asked whether it is, in ticks. One presence can get lost
// for good: it bounced because the component was not connected when it was sent, say. What it costs
// is two stanzas for each absent member, spread over the whole time.
constexpr uint64_t kAskAbsentTicks = 30;
// More often for a while after this one has connected, since answers may still have gone to where
// its address was before (another coordinator's stream that the server had not yet closed).
constexpr uint64_t kAskSoonTicks = 3;
constexpr uint64_t kJustUpTicks = 15;
// A node that could not take its grants (a full disk, say) is offered them again after this.
constexpr int kPushAgainMs = 10'000;

// The lowest percent there is: a standby that serves no requests has no data for those, and may be
// well all the same.
std::optional<double> knownLevel(const std::vector<service::ServiceSnapshot>& services) {
  std::optional<double> lowest;
  for (const service::ServiceSnapshot& service : services) {
    const std::optional<double> percent = service.level.percent;
    if (percent && (!lowest || *percent < *lowest)) lowest = percent;
  }
  return lowest;
}

// Calls that member of each listener that has it.
template <typename Member, typename... Args>
void tell(const std::vector<Cluster::Listener>& listeners, Member member, const Args&... args) {
  for (const Cluster::Listener& listener : listeners) {
    if (listener.*member) (listener.*member)(args...);
  }
}

}  // namespace

bool isRefusal(const Status& status) {
  switch (status.code()) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kConflict:
    case Code::kResourceExhausted:
    case Code::kTimeout:
      return true;
    default:
      return false;
  }
}

std::string inWords(const store::DrainRow& drain) {
  if (!drain.drained) return {};
  return drain.by + " since " + toRfc3339(drain.changed_at) +
         (drain.reason.empty() ? ""
                               : ": " + singleLine(drain.reason, limits::kMaxDrainReasonBytes));
}

Cluster::Cluster(Parts parts)
    : parts_(std::move(parts)), levels_(parts_.clock, parts_.level_history, parts_.weights) {
  xmpp::Endpoint::Listener listener;
  listener.up = [this] { onUp(); };
  listener.down = [this](const xmpp::DownEvent& event) { onDown(event); };
  listener.presence = [this](const xmpp::Element& stanza) { onPresence(stanza); };
  listener_ = parts_.component.addListener(std::move(listener));
  parts_.lease.handleIq(
      xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease,
      [this](const xmpp::Element& iq, const xmpp::IqReply& reply) { onLease(iq, reply); });
  QObject::connect(&refresh_, &QTimer::timeout, &refresh_, [this] { tick(); });
  refresh_.start(kRefreshMs);
  soon_.setSingleShot(true);
  QObject::connect(&soon_, &QTimer::timeout, &soon_, [this] { refresh(); });
}

Cluster::~Cluster() {
  parts_.component.removeListener(listener_);
  parts_.lease.removeIqHandler(xmpp::Endpoint::IqType::kSet, "lease", xmpp::ns::kLease);
}

Status Cluster::load() {
  if (Status s = members_.load(parts_.store.members(), parts_.clock.wall()); !s) return s;
  auto rows = parts_.store.groups().loadAll();
  if (!rows) return rows.status();
  levels_.recall();
  for (const store::GroupRow& row : *rows) {
    if (Status s = addGroup(row); !s) return s;
  }
  refresh();
  return Status::ok();
}

Status Cluster::addGroup(const store::GroupRow& row) {
  auto record = toRecord(row);
  if (!record) return record.status();
  const auto ended = parts_.store.groups().endedMoves(row.name);
  if (!ended) return ended.status();
  std::vector<election::group::KnownMove> known;
  for (const store::MoveRow& move : *ended) {
    auto one = toKnownMove(move);
    if (!one) return one.status();
    known.push_back(std::move(one).value());
  }
  election::GroupConfig config = parts_.election;
  config.name = row.name;
  if (Status s = election::check(config); !s) return s;
  // By its name: its events come only once it is in its place.
  const auto telling = [this, name = row.name](auto member) {
    return [this, name, member](const auto& event) {
      if (const GroupDriver* group = find(name)) tell(listeners_, member, *group, event);
    };
  };
  GroupDriver::Hooks hooks{[this] { refreshSoon(); },         telling(&Listener::move_started),
                           telling(&Listener::move_finished), parts_.store_failed,
                           telling(&Listener::phase_changed), telling(&Listener::took_over),
                           telling(&Listener::alarm)};
  auto driver = std::make_unique<GroupDriver>(
      parts_.lease, parts_.store.groups(), parts_.clock, parts_.random, std::move(config),
      std::move(record).value(), std::move(hooks), std::move(known));
  GroupDriver& group = *groups_.emplace(row.name, std::move(driver)).first->second;
  parts_.contacts.add(contactOf(row.name));
  levels_.add(row.name);
  for (const Member* member : members_.ofGroup(row.name)) enroll(group, *member);
  group.step(election::group::MembersListed{});
  return Status::ok();
}

void Cluster::enroll(GroupDriver& group, const Member& member) const {
  group.step(election::group::MemberEnrolled{member.jid, member.name, member.priority,
                                             member.nofailover, member.drain.drained,
                                             inWords(member.drain)});
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
  up_at_tick_ = ticks_;
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

// Presence is otherwise only asked for at a login; whoever was missed then would be missing until
// the next.
void Cluster::askTheAbsent() {
  if (!parts_.component.isUp()) return;
  const uint64_t period = ticks_ - up_at_tick_ <= kJustUpTicks ? kAskSoonTicks : kAskAbsentTicks;
  for (const Member* member : members_.all()) {
    // By the address, so that a thousand of them are not asked at once.
    const uint64_t slot = std::hash<std::string>{}(member->jid.toString()) % period;
    if (!member->isPresent() && slot == ticks_ % period) askForPresence(*member);
  }
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
    levels_.place(member->jid, member);
    if (GroupDriver* group = find(*member)) group->step(election::group::MemberGone{jid});
  }
  levels_.pause();
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
  levels_.place(member.jid, &member);
  if (change.appeared) pushGrants(full);
  if (GroupDriver* group = find(member)) {
    for (const Jid& gone : change.gone) group->step(election::group::MemberGone{gone});
    if (change.available) tellMachine(member, full);
  }
  refreshSoon();
  if (change.appeared) tell(listeners_, &Listener::appeared, member, full);
  if (change.available) tell(listeners_, &Listener::present, member, full);
}

void Cluster::tellMachine(const Member& member, const Jid& full) {
  GroupDriver& group = *find(member);
  const Instance& instance = member.present.at(full);
  const auto id = InstanceId::fromBytes(instance.status.instance());
  // A node whose presence names another group than it is enrolled in would never take the offer.
  if (!id || instance.status.group() != member.group) {
    logger("muster.cluster")
        ->warn("{} says that it is of group '{}', but it is enrolled in '{}'", full.toString(),
               singleLine(instance.status.group(), 64), member.group);
    return group.step(election::group::MemberGone{full});
  }
  election::group::MemberPresent event;
  event.jid = full;
  event.instance = *id;
  event.level_percent = knownLevel(instance.services);
  event.highest_epoch = instance.status.epoch();
  const bool active = instance.status.role() == v1::NODE_ROLE_ACTIVE;
  event.active_epoch = active ? instance.status.held_epoch() : 0;
  event.busy = active || instance.status.role() == v1::NODE_ROLE_DRAINING ||
               instance.status.held_epoch() != 0;
  if (instance.status.lease_ttl_ms() > 0) {
    const auto ttl = std::min<uint64_t>(instance.status.lease_ttl_ms(),
                                        static_cast<uint64_t>(limits::kMaxLeaseTtl.toMillis()));
    event.lease_ttl = Duration::millis(static_cast<int64_t>(ttl));
  }
  group.step(event);
}

void Cluster::onLease(const xmpp::Element& iq, const xmpp::IqReply& reply) {
  const auto from = xmpp::jidAttribute(iq, "from");
  const auto to = xmpp::jidAttribute(iq, "to");
  GroupDriver* group = from ? groupForLease(from->bare()) : nullptr;
  if (group == nullptr || to != parts_.lease_address) {
    return reply.error(xmpp::Condition::kServiceUnavailable);
  }
  const auto message = xmpp::readLease(*iq.firstChild());
  if (!message) return reply.error(message.status());
  const std::string& named = message->has_acquire()   ? message->acquire().group()
                             : message->has_renew()   ? message->renew().group()
                             : message->has_release() ? message->release().group()
                                                      : group->name();
  if (named != group->name()) {
    return reply.error(Status(Code::kInvalidArgument,
                              nameOf(from->bare()) + " is enrolled in group '" + group->name() +
                                  "', not in '" + singleLine(named, 64) + "'"));
  }
  group->onRequest(*from, *message, reply);
}

// A holder that is a member no more must be heard until its lease is over, so that it can stop in
// order.
GroupDriver* Cluster::groupForLease(const Jid& from) const {
  if (const Member* member = members_.find(from)) return find(*member);
  for (const auto& [name, group] : groups_) {
    const election::GroupRecord& record = group->machine().record();
    if (record.phase != election::Phase::kVacant && record.jid == from) return group.get();
  }
  return nullptr;
}

void Cluster::pushGrants() {
  if (!parts_.component.isUp()) return;  // each node that appears gets them
  for (const Member* member : members_.all()) {
    for (const auto& [full, instance] : member->present) pushGrants(full);
  }
}

// Who may ask this node for a promise.
std::vector<Jid> Cluster::peersOf(const Jid& bare) const {
  std::vector<Jid> peers;
  const Member* member = members_.find(bare);
  if (parts_.election.failsafe_limit <= Duration{} || member == nullptr) return peers;
  for (const Member* other : members_.ofGroup(member->group)) {
    if (other->jid != bare) peers.push_back(other->jid);
  }
  if (member->group.empty() || peers.size() >= limits::kMaxFailsafeMembers) peers.clear();
  return peers;
}

void Cluster::pushGrants(const Jid& full) {
  xmpp::Element iq = xmpp::makeIq("set", full);
  v1::Grants grants = parts_.authority.grants();
  for (const Jid& peer : peersOf(full.bare())) grants.add_peers(peer.toString());
  iq.add(xmpp::writeGrants(grants));
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

// --- members and groups -----------------------------------------------------------------------

Status Cluster::checked(Status status) const {
  if (!status && !isRefusal(status)) parts_.store_failed(status);
  return status;
}

Status Cluster::createGroup(const std::string& name) {
  store::GroupRow row;
  row.name = name;
  row.moved_at = parts_.clock.wall();
  if (Status s = checked(parts_.store.groups().save(row)); !s) return s;
  if (Status s = addGroup(row); !s) return s;
  refresh();  // its contact has something to show to whoever subscribes first
  tellMembership();
  return Status::ok();
}

Status Cluster::putMember(const store::MemberRow& row, bool is_new) {
  store::MemberStore& store = parts_.store.members();
  if (Status s = checked(is_new ? store.add(row) : store.update(row)); !s) return s;
  const Jid jid = Jid::parse(row.jid).value();
  const Member* before = members_.find(jid);
  GroupDriver* left = before == nullptr || before->group == row.group ? nullptr : find(*before);
  if (Status s = members_.put(row, parts_.clock.wall()); !s) return s;
  if (left != nullptr) left->step(election::group::MemberRemoved{jid});
  const Member& member = *members_.find(jid);
  levels_.place(jid, &member);
  if (GroupDriver* group = find(member)) {
    enroll(*group, member);
    if (left != nullptr) {
      for (const auto& [full, instance] : member.present) tellMachine(member, full);
    }
  }
  if (is_new && parts_.component.isUp()) askForPresence(member);
  tellMembership();
  return Status::ok();
}

Status Cluster::removeMember(const Jid& bare) {
  const Member* member = members_.find(bare);
  if (Status s = checked(parts_.store.members().remove(member->name)); !s) return s;
  GroupDriver* group = find(*member);
  members_.remove(bare);
  levels_.place(bare, nullptr);
  if (group != nullptr) group->step(election::group::MemberRemoved{bare});
  // Its presence is no longer wanted, nor does it see ours.
  for (const auto type : {xmpp::PresenceType::kUnsubscribe, xmpp::PresenceType::kUnsubscribed,
                          xmpp::PresenceType::kUnavailable}) {
    parts_.component.send(xmpp::presenceOf(parts_.address, bare, type));
  }
  tellMembership();
  return Status::ok();
}

void Cluster::tellMembership() {
  if (parts_.election.failsafe_limit > Duration{}) pushGrants();
  refreshSoon();
  tell(listeners_, &Listener::membership);
}

bool Cluster::holdsRole(const Member& member) const {
  const GroupDriver* group = find(member);
  if (group == nullptr) return false;
  const election::GroupRecord& record = group->machine().record();
  return record.phase != election::Phase::kVacant && record.jid == member.jid;
}

// --- levels -----------------------------------------------------------------------------------

void Cluster::tick() {
  ++ticks_;
  askTheAbsent();
  refresh();
  levels_.saveIfDue();
  tell(listeners_, &Listener::tick);
}

void Cluster::refreshSoon() {
  if (!soon_.isActive()) soon_.start(kSoonMs);
}

std::vector<service::GroupLevel> Cluster::groupLevels() const {
  for (const auto& [name, group] : groups_) levels_.setActive(name, activeOf(*group));
  return levels_.step();
}

// Each service has a contact of its own, for whoever cares about no more than that.
void Cluster::showServices(const service::GroupLevel& level) {
  for (const std::string& name : levels_.services(level.name)) {
    // A group of that very name has had it first.
    if (find(name + "." + level.name) != nullptr) continue;
    const Jid contact = contactOf(level.name, name);
    if (contact.isEmpty()) continue;
    if (parts_.contacts.add(contact)) {
      tell(listeners_, &Listener::service_appeared, contact, level.name, name);
    }
    const auto told = std::find_if(level.services.begin(), level.services.end(),
                                   [&](const auto& each) { return each.name == name; });
    if (told != level.services.end()) {
      parts_.contacts.show(contact, service::presenceOf({*told}, {}));
      continue;
    }
    service::Level none;
    none.text = service::levelSentence(name, std::nullopt, "no node tells of it");
    parts_.contacts.show(contact, service::presenceOf(none));
  }
}

void Cluster::refresh() {
  latest_levels_ = groupLevels();
  const std::vector<service::GroupLevel>& levels = latest_levels_;
  for (const service::GroupLevel& level : levels) {
    service::PresenceFacts facts;
    facts.no_active_node = !level.has_active;
    parts_.contacts.show(contactOf(level.name), service::presenceOf(level.services, facts));
    showServices(level);
  }
  const service::PresenceText overall = service::presenceOf(service::overallLevel(levels));
  parts_.contacts.show(parts_.address, overall);
  parts_.overall(overall);
}

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

}  // namespace muster::coordinator
