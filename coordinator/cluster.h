// The cluster as the coordinator sees it: members, groups and their leases, levels. Everything that
// happens on the component's address but the commands' own machinery.
#pragma once

#include <QTimer>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/cluster.h"
#include "commands/failover.h"
#include "coordinator/config.h"
#include "coordinator/contacts.h"
#include "coordinator/group_driver.h"
#include "coordinator/members.h"
#include "coordinator/store_ports.h"
#include "libcontrol/catalogue/ports.h"
#include "libcontrol/service/aggregate.h"
#include "libcontrol/store/coordinator_store.h"
#include "libcontrol/xmpp/endpoint.h"

namespace muster::coordinator {

// Lives on the event loop's thread; all references must outlive it.
class Cluster : public commands::ClusterState, public commands::Mover, public catalogue::Directory {
 public:
  struct Parts {
    xmpp::Endpoint& component;
    store::CoordinatorStore& store;
    const StoreAuthority& authority;
    Contacts& contacts;
    Clock& clock;
    Random& random;
    Jid address;  // the component's domain
    election::GroupConfig election;
    // The level of the whole has changed, or might have: for the account's presence.
    std::function<void(const service::PresenceText&)> overall;
    std::function<void(const Status&)> store_failed;
  };

  explicit Cluster(Parts parts);
  ~Cluster() override;
  // Reads members and groups; to be called once, before the link starts.
  Status load();

  Jid contactOf(const std::string& group) const;
  std::vector<std::string> groupNames() const;
  const Members& members() const { return members_; }

  // commands::ClusterState
  v1::StatusReply status(const std::optional<std::string>& group) override;
  v1::NodesReply nodes(const std::optional<std::string>& group) override;
  // commands::Mover
  std::string plan(const std::string& group, const std::optional<std::string>& to) override;
  void move(const commands::Move& move, Started started, Finished finished) override;
  // catalogue::Directory: "groups" and "nodes"
  std::vector<std::string> names(const std::string& kind) const override;

 private:
  // Somebody who asked for a move and is to be told of it.
  struct Waiting {
    commands::Move move;
    Started started;
    Finished finished;
  };

  void onUp();
  void onDown(const xmpp::DownEvent& event);
  void onPresence(const xmpp::Element& stanza);
  void onMemberPresence(const Members::Change& change, const Jid& full);
  void onLease(const xmpp::Element& iq, const xmpp::IqReply& reply);
  void askForPresence(const Member& member);
  void onUnsubscribed(const Jid& bare);
  void pushGrants(const Jid& full);
  void onMoveStarted(const election::group::MoveStarted& event);
  void onMoveFinished(const election::group::MoveFinished& event);
  void refresh();
  void refreshSoon();
  service::GroupLevel levelOf(const GroupDriver& group) const;
  std::string nameOf(const Jid& bare) const;
  // The node that holds the lease and, as far as its presence tells, has taken the role up.
  const Member* activeOf(const GroupDriver& group) const;
  v1::NodeRole roleOf(const Member& member) const;
  GroupDriver* find(const std::string& group) const;

  Parts parts_;
  Members members_;
  std::map<std::string, std::unique_ptr<GroupDriver>> groups_;
  std::multimap<std::string, Waiting> waiting_;  // by the machine's key
  xmpp::Endpoint::ListenerId listener_ = 0;
  bool was_up_ = false;
  QTimer refresh_;
  QTimer soon_;
  QObject later_;  // what is put off ends with this object
};

}  // namespace muster::coordinator
