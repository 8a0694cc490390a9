// The coordinator's side of one group's lease.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"
#include "libcontrol/election/choose.h"
#include "libcontrol/election/group_io.h"
#include "libcontrol/election/types.h"

namespace muster::election {

struct GroupConfig {
  std::string name;
  // T of new offers; kMinLeaseTtl to kMaxLeaseTtl.
  Duration lease_ttl = limits::kDefaultLeaseTtl;
  // ρ: no clock of a node or of the coordinator runs faster or slower than by this share; 0 to 0.1.
  double clock_rate_bound = 0.01;
  // Added to W for what rates don't cover, such as the clocks' own resolution; 0 to 10 s.
  Duration wait_margin = Duration::millis(50);
  // How long a holder that was told to stop may go on renewing.
  Duration drain_deadline = limits::kDefaultDrainDeadline;
  Duration offer_timeout = limits::kOfferTimeout;
  // How long after the coordinator's start a vacant group waits for members that are not yet
  // present, so that the first to log in is not taken for the best.
  Duration settle = Duration::seconds(1);
  // How long a move waits for its target to say that its application is active.
  Duration promote_timeout = Duration::seconds(30);
  // A member that let an offer go by, or gave up before it was active, is left alone for the first
  // time, doubled with each failure up to the last.
  Duration backoff_first = Duration::millis(500);
  Duration backoff_last = Duration::seconds(30);
  ChooseOptions choose;
};
// Says which value is out of its range; field() is the member's name.
Status check(const GroupConfig& config);

// What people are shown of a group.
struct GroupView {
  Phase phase = Phase::kVacant;
  uint64_t epoch = 0;
  std::optional<Jid> active;  // bare; the holder while ACTIVE or DRAINING
  InstanceId instance;        // the holder's
  // What is awaited, or why no node is active; empty when there is nothing to say.
  std::string note;
};

// The state machine of one group. Pure: it reads no clock, sends nothing, writes nothing; step()
// returns what is to be done, in order. One writer a group; not thread-safe.
//
// Copyable, and meant to be copied: the driver steps a copy, makes the Persist durable (if there is
// one it comes first), then swaps the copy in and carries out the rest. If writing fails, the
// driver drops the copy with all its effects and keeps the old machine, as if the event had been
// lost; it calls step() again no sooner than a moment later. A driver that can't say whether the
// write happened ends the process and starts from what the disk says.
//
// Time is the coordinator's elapsed time with the waiter's bias (SystemClock::forWaiter) and must
// not run backwards between steps.
class GroupMachine {
 public:
  // A start or restart from what is on disk (for a new group a default record with its name). `now`
  // must not be before the process's start: every lease on record counts as granted at `now`.
  // `random` gives the nonces (SystemRandom but for simulations) and must outlive all copies.
  GroupMachine(GroupConfig config, GroupRecord record, Random& random, ElapsedTime now);

  group::Effects step(const group::Event& event, ElapsedTime now);
  // When step(Tick) is due at the latest; early or spurious ticks do no harm.
  std::optional<ElapsedTime> nextWake() const;

  const GroupConfig& config() const { return config_; }
  const GroupRecord& record() const { return record_; }
  GroupView view(ElapsedTime now) const;
  // How the candidates stand now.
  Decision candidates(ElapsedTime now) const;
  // The decision behind the latest offer.
  const std::optional<Decision>& lastDecision() const { return last_decision_; }
  // Since when the present holder or target has not been heard of, at the latest: the last instant
  // at which a grant could have been answered. Meaningless while VACANT.
  ElapsedTime lastGrant() const { return last_grant_; }
  bool moveRunning() const { return move_.has_value(); }

 private:
  struct Presence {
    group::MemberPresent facts;
    ElapsedTime since;
    std::optional<ElapsedTime> answered;  // the latest QueryAnswered
  };
  struct Member {
    group::MemberEnrolled config;
    std::map<Jid, Presence> present;  // by full JID
    int failures = 0;                 // offers in a row that came to nothing
    ElapsedTime not_before{};         // of the next offer
    std::string last_failure;
    bool twins_alarmed = false;
    bool epoch_alarmed = false;
    std::optional<ElapsedTime> query_at;  // next queries, while several instances are present
  };
  struct Move {
    group::MoveRequested request;
    Jid from;
    ElapsedTime begun;
    std::string last_failure;
  };
  struct KnownMove {
    group::MoveRequested request;
    std::optional<group::MoveFinished> outcome;  // none while it runs
  };

  // One handler an event.
  void on(const group::MemberEnrolled& event);
  void on(const group::MemberRemoved& event);
  void on(const group::MemberPresent& event);
  void on(const group::MemberGone& event);
  void on(const group::QueryAnswered& event);
  void on(const group::AcquireReceived& event);
  void on(const group::RenewReceived& event);
  void on(const group::ReleaseReceived& event);
  void on(const group::OfferAccepted& event);
  void on(const group::OfferDeclined& event);
  void on(const group::DrainedReceived& event);
  void on(const group::HolderFenced& event);
  void on(const group::MoveRequested& event);
  void on(const group::Tick& event);

  // Phases (group.cc).
  void expire();
  void pursue();
  void changePhase(Phase to, const Jid& whose, std::string cause);
  void vacate(std::string cause);
  void beginDrain(std::string cause);
  void sendDrain();
  void offerTo(const Jid& bare, Decision decision);
  void offerFailed(const std::string& why);
  void fillVacancy();
  ElapsedTime leaseGoneAt() const;
  std::string denialReason(const Jid& from, uint64_t epoch, const InstanceId& instance) const;

  // Members (group_members.cc).
  bool noteEpoch(const Jid& bare, uint64_t epoch);
  void watchTwins();
  int liveCount(const Member& member, ElapsedTime now) const;
  const Presence* onlyLive(const Member& member, ElapsedTime now) const;
  const Presence* findInstance(const Jid& bare, const InstanceId& instance) const;
  void memberFailed(const Jid& bare, const std::string& why);
  Candidate candidate(const Member& member, ElapsedTime now) const;
  std::string nameOf(const Jid& bare) const;
  bool isSettled(ElapsedTime now) const;

  // Moves (group_moves.cc).
  bool isRepeat(const group::MoveRequested& request);
  Status refuseMove(const group::MoveRequested& request) const;
  Status refuseTarget(const Jid& target) const;
  void pursueMove();
  void fillForMove();
  void finishMove(Status status, std::string text);
  void rememberMove(const group::MoveRequested& request,
                    std::optional<group::MoveFinished> outcome);

  std::string vacantNote(ElapsedTime now) const;
  std::string holderNote(ElapsedTime now) const;

  GroupConfig config_;
  GroupRecord record_;
  Random* random_;

  // Only within step().
  ElapsedTime now_;
  group::Effects effects_;

  std::map<Jid, Member> members_;  // by bare JID
  ElapsedTime last_grant_;
  bool recovered_ = false;  // the present OFFERED is from before this start: wait it out
  ElapsedTime settle_until_;
  ElapsedTime
      hold_until_;  // no offers before, since the record is known to be older than the truth
  ElapsedTime offer_deadline_{};
  ElapsedTime drain_deadline_{};
  ElapsedTime next_drain_{};
  uint64_t demand_nonce_ = 0;
  bool confirmed_active_ = false;  // the holder's application said so
  ElapsedTime confirm_deadline_{};

  std::optional<Move> move_;
  std::deque<KnownMove> known_moves_;  // newest last, bounded
  std::optional<Decision> last_decision_;
};

}  // namespace muster::election
