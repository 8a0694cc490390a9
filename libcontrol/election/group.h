// The coordinator's side of one group's lease.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
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
  // How long a new holder may take until it says that its application is active. A move whose
  // target takes longer has failed. If somebody else could take the role, the slow one is told to
  // stop.
  Duration promote_timeout = Duration::seconds(30);
  // For how long a holder may go on, by the promises of all other members, while no coordinator
  // answers; zero: not at all; up to kMaxFailsafeLimit.
  Duration failsafe_limit{};
  // How long a member may take to answer whether it lives; kMinQueryTimeout to kMaxQueryTimeout.
  Duration query_timeout = Duration::seconds(1);
  // A member that let an offer go by, or gave up before it was active, is left alone for the first
  // time, doubled with each failure up to the last.
  Duration backoff_first = Duration::millis(500);
  Duration backoff_last = Duration::seconds(30);
  ChooseOptions choose;

  // The role moves by itself off a live holder whose level has been under choose.level_floor for
  // this long without a break,
  Duration floor_time = Duration::seconds(30);
  // to a candidate whose level is known and higher by so many percent points, at most 100,
  double better_by = 5;
  // and at least so many above the floor (or at 100), so that it doesn't come back at once.
  double floor_margin = 1;
  // Such moves an hour, at most kMaxMovesPerHour; 0: none ever.
  int max_moves_per_hour = 4;
  // No such move off a holder that has had the role for less; up to kMaxElectionTime.
  Duration min_between_moves = Duration::seconds(300);
  // Such a move waits until somebody has said that it may begin (GroupView::due).
  bool ask_before_moves = false;

  // A promotion is lost if the role ends, other than on request, before the application was active
  // or within crash_loop_young after. This many of them within crash_loop_window are a crash loop:
  // no offers for crash_loop_hold, or until somebody asks for a move.
  int crash_loop_count = 5;  // kMinCrashLoopCount to kMaxCrashLoopCount
  Duration crash_loop_young = Duration::seconds(60);
  Duration crash_loop_window = Duration::seconds(600);
  Duration crash_loop_hold = Duration::seconds(600);
};
// Says which value is out of its range; field() is the member's name.
Status check(const GroupConfig& config);

// A move that nobody asked for, which waits for MoveAllowed or MoveVetoed.
struct DueMove {
  Jid to;  // bare
  std::string cause;
};

// What people are shown of a group.
struct GroupView {
  Phase phase = Phase::kVacant;
  uint64_t epoch = 0;
  std::optional<Jid> active;         // bare; the holder while ACTIVE or DRAINING
  InstanceId instance;               // the holder's
  bool confirmed = false;            // the holder has said that its application is active
  bool lost = false;                 // it is not present, or does not renew its lease
  std::optional<MoveRecord> move{};  // under way
  std::optional<DueMove> due{};
  bool paused = false;
  // Why moves or offers are held, one sentence; empty if they aren't. Part of the note.
  std::string hold{};
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
  // `known`: outcomes of earlier moves, the oldest first, as Persist told them; the move that the
  // record has in it goes on.
  GroupMachine(GroupConfig config, GroupRecord record, Random& random, ElapsedTime now,
               std::vector<group::KnownMove> known = {});

  group::Effects step(const group::Event& event, ElapsedTime now);
  // When step(Tick) is due at the latest; early or spurious ticks do no harm.
  std::optional<ElapsedTime> nextWake() const;

  const GroupConfig& config() const { return config_; }
  const GroupRecord& record() const { return record_; }
  GroupView view(ElapsedTime now) const;
  // What step(request) would lead to now. Changes nothing, asks nobody: who has not been asked
  // lately whether it lives counts as alive.
  group::Plan plan(const group::MoveRequested& request, ElapsedTime now) const;
  // How the candidates stand now.
  Decision candidates(ElapsedTime now) const;
  // The decision behind the latest offer.
  const std::optional<Decision>& lastDecision() const { return last_decision_; }
  // Since when the present holder or target has not been heard of, at the latest: the last instant
  // at which a grant could have been answered. Meaningless while VACANT.
  ElapsedTime lastGrant() const { return last_grant_; }
  bool moveRunning() const { return move_.has_value(); }
  // A request of this key runs or has had its outcome, which it would get again.
  bool knowsMove(const std::string& key) const;

 private:
  struct Presence {
    group::MemberPresent facts;
    ElapsedTime since;
    std::optional<ElapsedTime> answered;  // the latest thing heard that only a live process sends
    std::optional<ElapsedTime> asked;     // the first query since then
    ElapsedTime last_query{};
    int unanswered = 0;  // queries since then
    // It left a query unanswered and is to be asked anew. What it answered before that still says
    // that it lived then, which counts against a twin, but is no reason to offer it anything.
    bool doubted = false;
    bool epoch_alarmed = false;
  };
  struct Member {
    group::MemberEnrolled config;
    std::map<Jid, Presence> present;  // by full JID
    int failures = 0;                 // offers in a row that came to nothing
    ElapsedTime not_before{};         // of the next offer
    std::string last_failure;
    bool twins_alarmed = false;
    std::optional<ElapsedTime> query_at;  // next queries, while several instances are present
  };
  struct Move {
    MoveRecord record;
    ElapsedTime begun;
    bool accepted = false;  // on disk and told as started; before that the candidates are asked
    bool resumed = false;   // from before this start
    Duration asked{};       // how long it took until somebody had answered
    std::string last_failure{};
  };
  using KnownMove = group::KnownMove;
  // The change of the role that is under way, or the latest one.
  struct Takeover {
    Jid from;
    uint64_t from_epoch = 0;
    std::string cause;
    group::Steps steps;
  };
  enum class DrainFor { kMove, kRemoved, kSlow };
  // Empty and not to be waited for: there is nobody.
  struct Choice {
    Jid jid;            // bare
    bool wait = false;  // whoever comes first is being asked whether it lives
  };
  struct Hold {
    ElapsedTime until;
    std::string why;
    bool alarming = true;
  };

  // One handler an event.
  void on(const group::MemberEnrolled& event);
  void on(const group::MemberRemoved& event);
  void on(const group::MembersListed& event);
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
  void on(const group::Paused& event);
  void on(const group::Resumed& event);
  void on(const group::MoveAllowed& event);
  void on(const group::MoveVetoed& event);
  void on(const group::Tick& event);

  // Phases (group.cc).
  void resume(ElapsedTime now);
  void expire();
  void pursue();
  void changePhase(Phase to, const Jid& whose, std::string cause);
  void vacate(std::string cause);
  void beginDrain(std::string cause, DrainFor why);
  void sendDrain();
  void offerTo(const Jid& bare);
  void offerFailed(const std::string& why);
  void offerPutOff(const Denied& denied);
  void fillVacancy();
  void deny(ReplyToken token, uint64_t request_nonce, std::string reason);
  ElapsedTime leaseGoneAt() const;
  ElapsedTime silentAt() const;
  bool isHeld() const;
  std::string denialReason(const Jid& from, uint64_t epoch, const InstanceId& instance) const;

  // Holders that may go on without a coordinator (group_failsafe.cc).
  bool tracksMembers() const;
  bool mayGoOn() const;
  void listMember(const Jid& bare);
  void unlistMember(const Jid& bare);
  std::optional<Failsafe> failsafeFor(const Jid& holder) const;
  void grantedAnew();
  void renewedWith(uint64_t members_version);
  void countUp();
  Duration freshMembersWait() const;
  Duration goingOnLimit() const;
  Duration promisesLease() const;
  void unknownHolder();
  void endGoingOn();
  ElapsedTime goesOnUntil() const;
  std::string whyUntold(const Jid& bare, ElapsedTime now) const;

  // The holder's end and its successor's beginning (group_takeover.cc). `certain`: its lease was
  // not merely waited out.
  void holderEnded(std::string cause, bool failed, bool certain = true);
  void holderExpired();
  void countLoss(ElapsedTime lost_at);
  void confirmActive();
  void watchPromotion();
  bool isPromotionSlow() const;

  // Members (group_members.cc).
  void noteEpoch(const Jid& full, uint64_t epoch);
  bool isImpossible(uint64_t epoch) const;
  Duration longestLease() const;
  void memberFailed(const Jid& bare, const std::string& why);
  Candidate candidate(const Member& member, ElapsedTime now) const;
  const Presence* findInstance(const Jid& bare, const InstanceId& instance) const;
  std::string nameOf(const Jid& bare) const;
  bool isSettled(ElapsedTime now) const;
  ElapsedTime unseenUntil() const;
  bool isAccountedFor(const Member& member, ElapsedTime now) const;
  bool mayBeHeldUnseen(ElapsedTime now) const;

  // Who lives (group_queries.cc).
  void heardFrom(const Jid& full);
  void watchTwins();
  void askCandidates();
  void forgetOldSilence();
  void ask(Presence& presence);
  bool isDecisionPending() const;
  std::vector<Jid> worthAsking() const;
  bool hasAnswered(const Presence& presence, ElapsedTime now) const;
  bool isSilent(const Presence& presence, ElapsedTime now) const;
  int liveCount(const Member& member, ElapsedTime now) const;
  const Presence* onlyLive(const Member& member, ElapsedTime now) const;
  Choice pick(const Decision& decision, const MoveRecord* move) const;

  // Moves (group_moves.cc).
  bool isRepeat(const group::MoveRequested& request);
  MoveRecord recordOf(const group::MoveRequested& request) const;
  static group::MoveRequested requestOf(const MoveRecord& move);
  std::string nothingToMove(const group::MoveRequested& request) const;
  Status refuseMove(const group::MoveRequested& request) const;
  Status noDestination(const MoveRecord& move) const;
  Decision decisionFor(const MoveRecord& move, bool with_backoff) const;
  static bool isWanted(const MoveRecord& move, const Jid& bare);
  bool isMovePending() const { return move_ && !move_->accepted; }
  bool hasArrived(const MoveRecord& move) const;
  void pursueAsking();
  void acceptMove();
  void pursueMove();
  void fillForMove();
  void finishMove(Status status, std::string text);
  void answerMove(const group::MoveRequested& request, group::MoveFinished outcome);
  void rememberMove(const group::MoveRequested& request,
                    std::optional<group::MoveFinished> outcome);

  // Moves that nobody asked for, and their limits (group_automatic.cc).
  void watchLevel();
  std::optional<double> holderLevel() const;
  bool isUnderFloor() const;
  Jid betterThanHolder(ElapsedTime now) const;
  std::optional<Hold> moveHold(ElapsedTime now) const;
  std::string levelNote(ElapsedTime now) const;
  bool isCrashLoopHeld(ElapsedTime now) const;
  void endCrashLoopHold();
  bool isPaused(ElapsedTime now) const;

  // What people are told (group_view.cc).
  std::string vacantNote(ElapsedTime now) const;
  std::string unseenNote(ElapsedTime now) const;
  std::string crashLoopNote(ElapsedTime now) const;
  std::string pauseNote(ElapsedTime now) const;
  std::string holderNote(ElapsedTime now) const;
  std::string reasons(const Decision& decision, const Jid& but) const;
  group::Plan planNow(const group::MoveRequested& request);
  void planSteps(const MoveRecord& move, group::Plan& plan) const;

  GroupConfig config_;
  GroupRecord record_;
  Random* random_;

  // Only within step().
  ElapsedTime now_;
  group::Effects effects_;
  std::vector<KnownMove> outcomes_;

  std::map<Jid, Member> members_;  // by bare JID
  ElapsedTime last_grant_;
  bool recovered_ = false;  // the present OFFERED is from before this start: wait it out
  bool inherited_ = false;  // the present holder is from before this start
  ElapsedTime settle_until_;
  // Nothing has shown since the start that the record is not older than the truth: a lost or
  // restored store knows of no lease that was granted from the one before. A holder that renews has
  // the latest.
  bool may_be_stale_ = true;
  // Meanwhile somebody was removed who may hold one.
  bool removed_unseen_ = false;
  ElapsedTime started_;
  bool members_listed_ = false;
  // No offers before, since the record is known to be older than the truth; and since when.
  ElapsedTime hold_until_;
  std::optional<ElapsedTime> stale_since_;
  ElapsedTime offer_deadline_{};
  ElapsedTime drain_deadline_{};
  ElapsedTime next_drain_{};
  DrainFor drain_for_ = DrainFor::kRemoved;
  uint64_t demand_nonce_ = 0;
  bool confirmed_active_ = false;  // the holder's application said so
  ElapsedTime confirm_deadline_{};
  bool slow_alarmed_ = false;
  std::optional<ElapsedTime> ask_at_;  // when askCandidates() has something to do

  ElapsedTime phase_since_;
  ElapsedTime vacant_since_;
  ElapsedTime granted_at_;
  ElapsedTime confirmed_at_;
  Takeover takeover_;
  bool takeover_told_ = false;

  std::vector<ElapsedTime> lost_;                // promotions, within the window
  std::optional<ElapsedTime> crash_hold_until_;  // no offers before, unless a move was asked for
  std::optional<ElapsedTime> under_floor_since_;
  std::vector<ElapsedTime> automatic_moves_;  // within the last hour
  bool flap_alarmed_ = false;
  std::optional<DueMove> due_;
  uint64_t allowed_epoch_ = 0;  // for the rest of the step
  std::optional<group::MoveVetoed> veto_;
  std::optional<group::Paused> pause_;
  // What somebody asked for has left the group vacant: a pause doesn't keep it so. Forgotten at a
  // restart.
  bool owes_active_ = false;

  std::optional<Move> move_;
  // Newest last, bounded. Shared between copies and replaced as a whole: steps are copied.
  std::shared_ptr<const std::vector<KnownMove>> known_moves_;
  std::optional<Decision> last_decision_;
};

}  // namespace muster::election
