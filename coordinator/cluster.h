// The cluster as the coordinator has it in memory: which members there are and which of them are
// present, each group's lease, and what all hear of it. What happens on the component's address but
// the contacts' own presence and the commands' machinery comes through here.
//
// Where a new line belongs: what people are shown, in cluster_view; moves and drains, in moves and
// drain_marks; who is a member or has a role, in membership; what is told of the past, in
// chronicle. They change the cluster by the calls below and hear of it as Listeners.
#pragma once

#include <QTimer>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/config.h"
#include "coordinator/contacts.h"
#include "coordinator/group_driver.h"
#include "coordinator/group_levels.h"
#include "coordinator/members.h"
#include "coordinator/store_ports.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// Whether a store has refused a change (then nothing has changed) rather than failed: after that
// the outcome is unknown.
bool isRefusal(const Status& status);

// Asks if a move may begin, and answers once, at once or later.
using MoveGate = std::function<void(const GroupDriver&, const election::group::MoveRequested&,
                                    std::function<void(const Status&)> answer)>;

// Lives on the event loop's thread; all references must outlive it.
class Cluster {
 public:
  struct Parts {
    xmpp::Endpoint& component;
    // Where this coordinator grants leases: the same, or an address of its own.
    xmpp::Endpoint& lease;
    store::CoordinatorStore& store;
    const StoreAuthority& authority;
    Contacts& contacts;
    Clock& clock;
    Random& random;
    Jid address;        // the component's domain
    Jid lease_address;  // that of `lease`
    election::GroupConfig election;
    // The level of the whole has changed, or might have: for the account's presence.
    std::function<void(const service::PresenceText&)> overall;
    std::function<void(const Status&)> store_failed;
    // What the groups' services did, from one process to the next; null: nothing is kept.
    store::ServiceHistoryStore* level_history = nullptr;
    // How much a group counts in the overall level, 0 to 1; 1 if it isn't there.
    std::map<std::string, double> weights{};
  };

  // Any of them may be empty. Called in the order in which they were added, after the cluster
  // itself has taken notice.
  struct Listener {
    // A full JID of the member is there that was not there before.
    std::function<void(const Member&, const Jid& full)> appeared{};
    // The presence of one of its processes has come, at first and whenever it changes.
    std::function<void(const Member&, const Jid& full)> present{};
    // Members or groups have come, gone or changed.
    std::function<void()> membership{};
    // A service that has not been heard of before, and its contact.
    std::function<void(const Jid& contact, const std::string& group, const std::string& service)>
        service_appeared{};
    // Once a second while this lives.
    std::function<void()> tick{};
    std::function<void(const GroupDriver&, const election::group::MoveStarted&)> move_started{};
    std::function<void(const GroupDriver&, const election::group::MoveFinished&)> move_finished{};
    std::function<void(const GroupDriver&, const election::group::PhaseChanged&)> phase_changed{};
    std::function<void(const GroupDriver&, const election::group::TookOver&)> took_over{};
    std::function<void(const GroupDriver&, const election::group::Alarm&)> alarm{};
  };

  explicit Cluster(Parts parts);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Before load().
  void addListener(Listener listener) { listeners_.push_back(std::move(listener)); }
  // Reads members and groups; to be called once, before the link starts.
  Status load();

  const Jid& address() const { return parts_.address; }
  Jid contactOf(const std::string& group) const;
  // A contact of its own, service dot group.
  Jid contactOf(const std::string& group, const std::string& service) const {
    return contactOf(service + "." + group);
  }
  std::vector<std::string> groupNames() const;
  const Members& members() const { return members_; }
  // Null if there is no such group; of a member also if it is in none.
  GroupDriver* find(const std::string& group) const;
  GroupDriver* find(const Member& member) const { return find(member.group); }
  std::string nameOf(const Jid& bare) const;
  // The node that holds the lease and, as far as its presence tells, has taken the role up.
  const Member* activeOf(const GroupDriver& group) const;
  // The lease is, may be, or is about to be this member's.
  bool holdsRole(const Member& member) const;
  // As they are now, by name.
  std::vector<service::GroupLevel> groupLevels() const;
  // As they were at the last tick, by name: for whoever looks at all of them all the time.
  const std::vector<service::GroupLevel>& latestLevels() const { return latest_levels_; }
  // Of a group's service, as the coordinator has seen them; the oldest first.
  std::vector<service::Outage> outages(const std::string& group, const std::string& service) const {
    return levels_.outages(group, service);
  }
  // What the groups and nodes did by day.
  LevelRecord& levelRecord() { return levels_.record(); }
  // Writes what the groups did; at the end.
  void saveLevels() { levels_.save(); }

  // Once a second, which the timer of its own sees to.
  void tick();

  // Changes: durable when they return ok, and in force. A refusal of the store comes back; if the
  // store fails, the process ends (store_failed).
  Status createGroup(const std::string& name);
  Status putMember(const store::MemberRow& row, bool is_new);
  Status removeMember(const Jid& bare);
  // To be called when the grants have changed: tells all nodes that are present.
  void pushGrants();

 private:
  void onUp();
  void onDown(const xmpp::DownEvent& event);
  void onPresence(const xmpp::Element& stanza);
  void onMemberPresence(const Members::Change& change, const Jid& full);
  void tellMachine(const Member& member, const Jid& full);
  void onLease(const xmpp::Element& iq, const xmpp::IqReply& reply);
  GroupDriver* groupForLease(const Jid& from) const;
  void askForPresence(const Member& member);
  void askTheAbsent();
  void onUnsubscribed(const Jid& bare);
  void pushGrants(const Jid& full);
  std::vector<Jid> peersOf(const Jid& bare) const;
  Status addGroup(const store::GroupRow& row);
  void enroll(GroupDriver& group, const Member& member) const;
  void tellMembership();
  Status checked(Status status) const;
  void refresh();
  void refreshSoon();
  void showServices(const service::GroupLevel& level);

  Parts parts_;
  std::vector<Listener> listeners_;
  Members members_;
  // A look at the levels steps their states, which changes nothing that anybody else could see.
  mutable GroupLevels levels_;
  std::vector<service::GroupLevel> latest_levels_;
  std::map<std::string, std::unique_ptr<GroupDriver>> groups_;
  xmpp::Endpoint::ListenerId listener_ = 0;
  bool was_up_ = false;
  uint64_t ticks_ = 0;
  uint64_t up_at_tick_ = 0;  // of the latest connection
  QTimer refresh_;
  QTimer soon_;
  QObject later_;  // what is put off ends with this object
};

// Of a drained node, as a clause for people: "ann@example.org since 2026-01-01T14:03:00Z: disk
// swap"; empty if it isn't drained.
std::string inWords(const store::DrainRow& drain);

}  // namespace muster::coordinator
