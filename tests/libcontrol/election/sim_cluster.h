// The simulated group itself; simulation.cc runs it through its faults.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/election/group.h"
#include "libcontrol/election/invariants.h"
#include "libcontrol/election/node.h"
#include "tests/libcontrol/election/sim_world.h"
#include "tests/libcontrol/election/simulation.h"

namespace muster::election {

// A store behind its own check of tokens: the highest claimed wins.
struct Resource {
  uint64_t epoch = 0;
  InstanceId instance;
  bool claim(uint64_t e, const InstanceId& i) {
    if (e < epoch || (e == epoch && i != instance)) return false;
    epoch = e;
    instance = i;
    return true;
  }
  bool check(uint64_t e, const InstanceId& i) const { return e == epoch && i == instance; }
};

struct SimNode {
  std::string name;
  Jid bare;
  Process process;
  bool is_twin = false;
  // On disk.
  uint64_t disk_epoch = 0;
  std::optional<uint64_t> writing;
  // Of the running process.
  InstanceId instance;
  std::optional<NodeMachine> machine;
  std::optional<ElapsedTime> wake;
  // The application: callbacks, and the published Lease.
  bool app_active = false;
  uint64_t lease_epoch = 0;  // 0: no valid lease
  ElapsedTime lease_deadline{};
  bool promote_hangs = false;
  ElapsedTime paused_at{};
  bool partitioned = false;

  Holder holder() const { return {bare, instance}; }
  Jid full() const { return bare.withResource(nodeResource(instance)); }
};

class Cluster {
 public:
  Cluster(uint64_t seed, bool with_timeline);

  // Faults of the network, the disks and the callbacks happen by chance while this is set.
  bool stormy = true;
  Agenda agenda;
  Dice dice;
  Invariants invariants;
  RunResult result;
  std::vector<std::unique_ptr<SimNode>> nodes;  // the last one is the twin of the first
  GroupConfig config;
  double loss = 0;  // the share of messages lost while stormy

  void startNode(SimNode& node);
  void crashNode(SimNode& node, const std::string& why);
  void shutdownNode(SimNode& node);
  void pause(Process& process, Duration length, SimNode* node);
  void startCoordinator();
  void crashCoordinator();
  void restartAfterCrash();
  void dropLink(SimNode& node, Duration down);
  void requestMove();
  void falseGone(SimNode& node);
  void fence(SimNode& node);

  bool coordinatorUp() const { return coordinator_.up; }
  Process& coordinator() { return coordinator_; }
  const GroupMachine& group() const { return *group_; }
  bool movesRunning() const { return !moves_running_.empty(); }
  // The node that holds the lease by the record and whose application is active under it.
  SimNode* activeNode();
  void note(Fault fault) { ++result.faults[static_cast<size_t>(fault)]; }
  void say(const std::string& line);
  bool recording() const { return with_timeline_; }

 private:
  // Coordinator's driver.
  void giveGroup(group::Event event);
  void stepGroup(const group::Event& event);
  void carryOut(const group::Effects& effects);
  void persistGroup(GroupMachine next, group::Effects effects);
  void scheduleGroupWake();
  void reply(const group::Reply& reply);
  void moveFinished(const group::MoveFinished& outcome);
  void toNode(const Jid& full, std::function<void(SimNode&)> deliver);

  // Node's driver.
  void giveNode(SimNode& node, node::Event event);
  void stepNode(SimNode& node, const node::Event& event);
  void settleNode(SimNode& node);
  group::MemberPresent presenceOf(const SimNode& node) const;
  void heartbeat(SimNode& node);
  void unavailable(SimNode& node, bool gone_for_good);
  void carryOut(SimNode& node, const node::Effects& effects);
  void persistNode(SimNode& node, NodeMachine next, node::Effects effects);
  void scheduleNodeWake(SimNode& node);
  void sendPresence(SimNode& node);
  void linkUp(SimNode& node);
  void toCoordinator(SimNode& node, group::Event event);
  void requestSent(SimNode& node, uint64_t nonce);

  // The application.
  void promote(SimNode& node, const node::Promote& effect);
  void demote(SimNode& node, const node::Demote& effect);
  void scheduleWrite(SimNode& node);
  void tryWrite(SimNode& node);
  void kill(SimNode& node, const std::string& why);

  void transmit(SimNode& node, bool to_coordinator, Action deliver);
  Duration diskDelay();
  void checkUse(SimNode& node);

  const bool with_timeline_;
  SeededRandom nonces_;
  Resource resource_;

  Process coordinator_;
  GroupRecord disk_record_;
  std::optional<GroupRecord> writing_;
  std::optional<GroupMachine> group_;
  std::optional<ElapsedTime> group_wake_;

  struct Token {
    SimNode* node;
    uint64_t life;
    Jid full;
  };
  std::map<ReplyToken, Token> tokens_;  // of requests at the coordinator
  struct DrainToken {
    uint64_t coordinator_life;
    Id128 offer_nonce;
  };
  std::map<ReplyToken, DrainToken> node_tokens_;  // of requests at nodes
  ReplyToken next_token_ = 1;
  struct Sent {
    Holder holder;
    ElapsedTime at;
    Process* process;
  };
  std::map<uint64_t, Sent> requests_;  // by nonce: when each was really sent
  std::optional<Holder> last_holder_;
  int next_key_ = 1;
  std::vector<group::MoveRequested> asked_;
  // Of this life of the coordinator, by key.
  std::map<std::string, Code> outcomes_;
  std::map<std::string, ElapsedTime> moves_running_;
  std::map<Jid, group::MemberPresent> ghosts_;  // what the server still shows of dead processes
  uint64_t sent_ = 0;
  std::array<uint64_t, 2> latest_delivered_{};
};

}  // namespace muster::election
