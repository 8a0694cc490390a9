// The node's side of its group's lease.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"
#include "libcontrol/election/node_io.h"
#include "libcontrol/election/types.h"

namespace muster::election {

struct NodeConfig {
  std::string group;
  InstanceId instance;
  // The use of a lease ends this long before the lease does, so that on_demote has time to return
  // and an operation under way time to end: the larger of T / guard_share and guard_min.
  int64_t guard_share = 10;
  Duration guard_min = Duration::millis(100);
  // How long on_demote may take for a drain or a shutdown; after that the lease is left to run out.
  Duration demote_timeout = limits::kDefaultDrainDeadline;
};

// The state machine of one node in its group. Pure, copyable, not thread-safe; the driver treats it
// as it treats a GroupMachine: step a copy, make the Persist durable, swap, carry out the rest;
// drop the copy if writing fails.
//
// Time is the node's elapsed time with the holder's bias (SystemClock::forHolder). `now` must be
// read after the event came in and before anything of that step is sent: it is the instant from
// which a lease asked for in that step runs.
class NodeMachine {
 public:
  // A process start; `on_disk` is what the last Persist said (nothing at the very first). The link
  // counts as down until LinkUp. `random` gives the nonces and must outlive all copies.
  NodeMachine(NodeConfig config, node::Persist on_disk, Random& random);

  node::Effects step(const node::Event& event, ElapsedTime now);
  // When step(Tick) is due at the latest; early or spurious ticks do no harm.
  std::optional<ElapsedTime> nextWake() const;

  node::Role role() const;
  // The epoch of the lease that is held and not over; 0 without one.
  uint64_t heldEpoch() const;
  // The highest epoch ever seen, to be reported in presence.
  uint64_t highestEpoch() const { return on_disk_.highest_epoch; }
  // What is to be on disk.
  const node::Persist& persisted() const { return on_disk_; }
  // The lease goes on by the promises of the others.
  bool isFailsafe() const { return failsafe_on_; }
  // Until when the lease may be used, and when it is over; only while heldEpoch() is not 0.
  ElapsedTime useUntil() const { return lease_end_ - guard(); }
  ElapsedTime leaseEnd() const { return lease_end_; }
  // T of the lease that is held, was held last or may be granted any moment; none before the first
  // offer. For NodeStatus.lease_ttl_ms.
  std::optional<Duration> lastLeaseTtl() const { return last_ttl_; }
  // After ShutdownRequested: nothing is held and no callback runs.
  bool isStopped() const { return shutdown_ && state_ == State::kIdle; }
  bool isKilled() const { return state_ == State::kKilled; }

 private:
  enum class State {
    kIdle,
    kAcquiring,  // an offer was accepted, the grant is awaited
    kPromoting,  // on_promote runs
    kActive,
    kStopping,  // on_demote runs, or on_promote still does and on_demote comes next
    kKilled,
  };

  void on(const node::OfferReceived& event);
  void on(const node::DrainReceived& event);
  void on(const node::GrantedReceived& event);
  void on(const node::DeniedReceived& event);
  void on(const node::PromoteFinished& event);
  void on(const node::DemoteFinished& event);
  void on(const node::LinkUp& event);
  void on(const node::LinkDown& event);
  void on(const node::LoopGap& event);
  void on(const node::ShutdownRequested& event);
  void on(const node::ApplicationGone& event);
  void on(const node::ResignRequested& event);
  void on(const node::OffersDeclined& event);
  void on(const node::PromiseAsked& event);
  void on(const node::PromiseGiven& event);
  void on(const node::PromiseRefused& event);
  void on(const node::Tick& event);

  // Going on without a coordinator (node_promises.cc).
  std::string whyNoPromise(const PromiseRequest& request) const;
  bool mayAskPromises() const;
  ElapsedTime nextAsking() const;
  void askPromises();
  void goOn();
  void learn(const Granted& granted, ElapsedTime sent);
  void endFailsafe(const std::string& why);
  ElapsedTime promisedUntil(const Offer& offer) const;

  void checkLease();
  bool saysStopped(const node::Event& event) const;
  void sendDue();
  void sendRequest();
  void beginLease(ElapsedTime sent, Duration ttl);
  void extendLease(ElapsedTime sent, Duration ttl);
  void beginStop(node::DemoteCause cause);
  void startDemote();
  void stopped();
  void stopOfOwnAccord(const std::string& why, node::DemoteCause cause);
  void giveBack(std::string reason, bool orderly);
  void sendRelease();
  void endUse();
  void becomeIdle();
  void answerDrain(ReplyToken token, const Drain& drain);
  bool mayRenew() const;
  bool isHolding() const;
  void announceRole();
  Duration guard() const;
  Duration retryInterval() const;

  NodeConfig config_;
  Random* random_;
  node::Persist on_disk_;
  std::optional<ElapsedTime> started_;  // the first step

  // Only within step().
  ElapsedTime now_{};
  node::Effects effects_;

  State state_ = State::kIdle;
  bool link_up_ = false;
  bool shutdown_ = false;
  node::Role announced_ = node::Role::kStandby;
  uint64_t announced_epoch_ = 0;

  uint64_t epoch_ = 0;  // being acquired or held
  Id128 offer_nonce_;
  Duration ttl_;
  std::optional<Duration> last_ttl_;
  ElapsedTime acquire_until_{};
  ElapsedTime lease_end_{};
  bool in_use_ = false;   // the lease is held and not over
  bool refused_ = false;  // renewals are denied: let it run out
  node::DemoteCause cause_ = node::DemoteCause::kDrain;
  // To be told in the release.
  std::string stop_reason_;
  bool orderly_stop_ = true;
  bool promote_runs_ = false;
  ElapsedTime demote_deadline_{};
  std::string declining_;  // why offers are declined; empty: they aren't

  std::map<uint64_t, ElapsedTime> outstanding_;  // request nonce -> when it was sent; bounded
  ElapsedTime next_send_{};

  // As the coordinator said with the latest grant; and when that was asked for.
  std::optional<Failsafe> failsafe_;
  ElapsedTime granted_sent_{};
  // What the others have been asked last.
  struct Round {
    uint64_t nonce = 0;
    ElapsedTime sent;
    std::set<Jid> missing;  // full; whoever has not promised yet
  };
  std::optional<Round> round_;
  ElapsedTime next_round_{};
  bool failsafe_on_ = false;
  std::string no_promise_;  // why the latest round came to nothing
  // What this node itself has promised in this life.
  ElapsedTime promised_until_{};

  struct PendingDrain {
    ReplyToken token;
    Drain message;
  };
  std::vector<PendingDrain> drains_;  // to be answered when stopped; bounded

  // The latest release, to be said again with each new connection while somebody could still be
  // waiting for it.
  std::optional<Release> release_;
  ElapsedTime release_until_{};
};

}  // namespace muster::election
