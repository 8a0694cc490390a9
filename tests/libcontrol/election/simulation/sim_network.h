// The simulated XMPP server and what is between it and the others: stanzas that get lost, late,
// doubled or overtaken, sessions that outlive their process, presence that is wrong.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libcontrol/election/group_io.h"
#include "tests/libcontrol/election/simulation/sim_node.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

class SimCoordinator;
class SimCoordinators;

// Belongs to the Cluster, as the nodes and the coordinator that it connects.
class Network {
 public:
  using Nodes = std::vector<std::unique_ptr<SimNode>>;
  Network(Run& run, const Nodes& nodes) : run_(run), fate_(run, kOfNetwork), nodes_(nodes) {}
  void connect(SimCoordinators& coordinators) { coordinators_ = &coordinators; }

  // --- stanzas ---
  void ask(SimNode& node, const Acquire& message);
  void ask(SimNode& node, const Renew& message);
  void release(SimNode& node, const Release& message);
  void nodeReplies(SimNode& node, const node::Reply& reply);
  // A grant may be answered at this very moment.
  void witness(const group::Reply& reply);
  void coordinatorReplies(SimCoordinator& from, const group::Reply& reply);
  void notLeading(SimCoordinator& from, ReplyToken token);
  void sendOffer(SimCoordinator& from, const group::SendOffer& offer);
  void sendDrain(SimCoordinator& from, const group::SendDrain& drain);
  void sendQuery(SimCoordinator& from, const group::SendQuery& query);
  void sendPresence(SimNode& node);
  void askPromise(SimNode& node, const node::AskPromise& ask);
  // Did the process of this record really say that it has stopped, or declined?
  bool gaveUp(const GroupRecord& record) const;

  // --- connections ---
  void login(SimNode& node);
  void processGone(SimNode& node);
  void dropLink(SimNode& node, Duration down);
  // The server notices nothing: what is sent meanwhile is held and delivered when the node is back.
  void hibernate(SimNode& node, Duration down);
  void restartServer(Duration down);
  ElapsedTime serverUpAt() const { return server_up_at_; }
  // What the coordinator's probes find: live sessions, and those of dead processes.
  void probe();

  // --- what is not true ---
  void falseGone(SimNode& node);
  void replay();
  // By a stranger, by another member, or by another process or for another epoch or offer.
  void forgeToCoordinator();
  void forgeToNode(SimNode& node);
  void reportEpoch(SimNode& node, bool plausible);

 private:
  // A request as it was really sent.
  struct Asked {
    SimNode* node = nullptr;  // none: forged
    Jid full;
    Holder holder;
    ElapsedTime sent;  // on the process's own clock
    uint64_t epoch = 0;
    uint64_t nonce = 0;
    std::optional<Id128> offer_nonce;  // of an acquire
    bool alone = true;                 // it went to one coordinator only
    std::optional<group::Event> stanza{};
  };
  // The IQ that a node answers.
  struct Demand {
    SimCoordinator* from = nullptr;
    uint64_t link = 0;  // its connection
    Id128 offer_nonce;
    SimNode* asker = nullptr;  // of a promise; `link` is its connection
  };
  void betweenNodes(SimNode& from, SimNode& to, std::function<void(SimNode&)> handle);
  void transmit(Fate& fate, bool cut, bool to_coordinator, Action deliver);
  // To whoever has the public address when it arrives, or to one of them.
  void toCoordinator(SimNode& node, group::Event stanza, SimCoordinator* to = nullptr);
  // From `from` if it has a connection. By what leaders send the node learns who leads.
  void toNode(const SimCoordinator& from, const Jid& full, std::function<void(SimNode&)> handle,
              Action bounced = nullptr);
  void deliver(SimNode& node, uint64_t link, const std::function<void(SimNode&)>& handle);
  ReplyToken remember(SimNode& node, uint64_t epoch, uint64_t nonce);
  void request(SimNode& node, group::Event stanza);
  ReplyToken demand(SimCoordinator& from, Id128 offer_nonce);
  void granted(const SimCoordinator& from, const Asked& asked, const Granted& message);
  void denied(const SimCoordinator& from, const Asked& asked, const Denied& message);
  const GroupRecord& disk() const;
  void cutLink(SimNode& node);
  void unavailable(const Jid& full, Duration delay);
  void reconnectAfter(SimNode& node, Duration down);
  void resume(SimNode& node);
  node::Event demandForgery(const SimNode& node);
  group::Event forgery(const Jid& from, const GroupRecord& claims, ReplyToken token);

  Run& run_;
  Fate fate_;
  const Nodes& nodes_;
  SimCoordinators* coordinators_ = nullptr;
  std::deque<Asked> asked_;     // by token, counted from 1
  std::deque<Demand> demands_;  // likewise
  uint64_t last_demand_nonce_ = 0;
  std::vector<std::pair<Holder, uint64_t>> given_up_;  // with its epoch
  std::vector<Id128> declined_;                        // offers
  std::map<Jid, group::MemberPresent> ghosts_;         // what the server still shows of the dead
  std::deque<group::Event> old_stanzas_;               // to the coordinator
  std::deque<std::pair<Jid, node::Event>> old_demands_;
  std::optional<Holder> last_holder_;
  ElapsedTime server_up_at_{};
  uint64_t server_life_ = 0;
  uint64_t sent_ = 0;
  uint64_t latest_delivered_[2] = {0, 0};
};

}  // namespace muster::election
