// What goes into a GroupMachine and what comes out of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/election/choose.h"
#include "libcontrol/election/messages.h"
#include "libcontrol/election/types.h"

namespace muster::election::group {

// --- events ---------------------------------------------------------------------------------

// A member as configured; again with the same JID it replaces what was known. Marking the active
// member drained or nofailover moves nothing by itself: ask for a move.
struct MemberEnrolled {
  Jid jid;  // bare
  std::string name;
  int priority = 0;  // higher is preferred
  bool nofailover = false;
  bool drained = false;
  // Of a drained one: by whom, since when and why, as a clause for people; may be empty.
  std::string drain_note{};
};
// No longer a member: it gets no offers, and if it is the holder it is told to drain.
struct MemberRemoved {
  Jid jid;  // bare
};

// Available presence of one instance of a member, at first and whenever it changes. From a JID that
// is not enrolled it is ignored.
struct MemberPresent {
  Jid jid;  // full
  InstanceId instance;
  std::optional<double> level_percent;  // none: no data
  std::optional<Duration> lag;          // none: not reported
  uint64_t highest_epoch = 0;           // NodeStatus.epoch: the highest it has seen
  // NodeStatus.held_epoch if its role is ACTIVE, else 0: under which epoch its application says
  // that it is active. Ends a move; decides nothing else.
  uint64_t active_epoch = 0;
  // NodeStatus.lease_ttl_ms: T of the lease it holds or held last. After a lost store the wait is
  // as long as the longest one reported needs, not the configured one.
  std::optional<Duration> lease_ttl{};
  // Its role is another than STANDBY: it holds a lease, or its application has not stopped yet.
  bool busy = false;
  // It wants no role, says the node itself: as MemberEnrolled.drained and its note.
  bool drained = false;
  std::string drain_note{};
};
// Unavailable presence of a full JID, or the server's word that it is not there.
struct MemberGone {
  Jid jid;  // full
};
// The answer to a SendQuery came from this full JID.
struct QueryAnswered {
  Jid jid;  // full
};

// Requests from a node. `from` is the stanza's sender, as stamped by the server; its bare part
// counts.
struct AcquireReceived {
  Jid from;
  ReplyToken token = 0;
  Acquire message;
};
struct RenewReceived {
  Jid from;
  ReplyToken token = 0;
  Renew message;
};
struct ReleaseReceived {
  Jid from;
  ReplyToken token = 0;
  Release message;
};

// Answers to what was sent. An IQ error counts as declined; a missing answer needs no event.
struct OfferAccepted {
  Jid from;
  Id128 offer_nonce;
};
struct OfferDeclined {
  Jid from;
  Id128 offer_nonce;
  Denied message;
};
struct DrainedReceived {
  Jid from;
  Drained message;
};
// Somebody who can know (a fencing hook) confirms that this process is gone or can no longer reach
// the resource. Presence is no such word. The instance says which process; any other than the
// holder's, or the target's of an offer from before a restart, changes nothing. (The word of a
// supervisor that runs the application itself comes as its Release.)
struct HolderFenced {
  InstanceId instance;
  std::string by;  // who says so, for people
};

// Move the active role. It goes to `target`, or to the best candidate besides the one that has it.
// First whoever could take it is asked whether it lives (SendQuery), unless it answered a moment
// ago; if nobody does, the request is refused and the holder keeps the role. A request is answered
// by MoveFinished, at once or after those questions, or by MoveStarted and one MoveFinished later.
// Requests with the same key are one: they share what comes later, and a repeat after that gets the
// same outcome again, also after a restart (GroupMachine's constructor).
struct MoveRequested {
  std::string key;            // the same again is the same request; empty: never the same
  std::optional<Jid> target;  // bare
  std::optional<uint64_t> expect_epoch;
  std::string caller;  // for people
  // Goes on where a matter of taste stands against it: a candidate that is drained, tagged
  // nofailover, under the floor, lagging, or left alone after a failure. Never shortens a wait and
  // never overrides absence, silence, twins or an epoch that can't be true.
  bool force = false;
  // If nobody can take the role, its holder is to stop all the same and the group stays without an
  // active node. Carried out only with `force`; else refused before anything is touched. Whoever is
  // to stay without the role must be marked drained before, or it is chosen again.
  bool leave_vacant = false;
  // Bare: only if this member has the role or is being offered it; else it is done at once.
  std::optional<Jid> away_from{};
  // The driver's own (whom to tell, what follows): kept with the move, also across a restart, and
  // given back with the outcome. No part of what makes two requests the same.
  std::string context{};
};
// Nothing happens to the role by itself until then: it is neither moved off a live holder nor given
// to somebody else when the holder is gone. The holder goes on renewing, and what people ask for is
// carried out; if that leaves the group vacant, it gets an active node all the same. Replaces what
// was said before; kept by the driver, which says it again after a start.
struct Paused {
  ElapsedTime until;
  std::string note;  // who wants it and why, for people
};
// Ends it before its time.
struct Resumed {};
// After a start: all members have been enrolled. Until then nobody is taken for no member.
struct MembersListed {};
// What came of a GroupView::due: it may begin, or not before then.
struct MoveAllowed {
  uint64_t epoch = 0;  // of the holder that it is to leave
};
struct MoveVetoed {
  uint64_t epoch = 0;
  ElapsedTime until;
  std::string why;  // a clause
};
struct Tick {};  // nextWake() has come

using Event = std::variant<MemberEnrolled, MemberRemoved, MembersListed, MemberPresent, MemberGone,
                           QueryAnswered, AcquireReceived, RenewReceived, ReleaseReceived,
                           OfferAccepted, OfferDeclined, DrainedReceived, HolderFenced,
                           MoveRequested, MoveAllowed, MoveVetoed, Paused, Resumed, Tick>;

// --- effects --------------------------------------------------------------------------------

struct Reply {
  ReplyToken token = 0;
  std::variant<Granted, Denied, Accepted> message;
};
// iq set to a full JID; answered by OfferAccepted or OfferDeclined.
struct SendOffer {
  Jid to;
  Offer message;
};
// iq set to a full JID; answered by DrainedReceived, which can take as long as the drain deadline.
// Sent again with the same nonce until something ends the drain.
struct SendDrain {
  Jid to;
  Drain message;
};
// Any cheap query to a full JID that only a live process answers (XEP-0199 ping); QueryAnswered on
// a result of type `result`.
struct SendQuery {
  Jid to;
};
enum class AlarmKind {
  kOther,
  kTwins,          // a JID has two live processes
  kPoisonedEpoch,  // a node reports an epoch that can't be true
  kStaleRecord,    // a node has seen an epoch above the record: a lost or restored store
  kCrashLoop,      // promotions were lost one after the other: offers are held
  kFlapHold,       // a move off a live holder is due but its limits hold it
  kSlowPromotion,  // the holder does not say that it is active
};
// "other", "twins", "poisoned-epoch", "stale-record", "crash-loop", "flap-hold", "slow-promotion".
const char* alarmKindName(AlarmKind kind);
// For people: something is wrong that a machine can't mend. Raised once for each occurrence.
struct Alarm {
  std::string text;
  AlarmKind kind = AlarmKind::kOther;
};

// What a change of the role took, step by step; zero where there was no such step, or where it was
// not seen because the coordinator restarted meanwhile.
struct Steps {
  Duration ask{};      // until the move's target had answered
  Duration drain{};    // until the old holder had stopped, or no longer renewed
  Duration wait{};     // from its last grant until its lease was over for certain
  Duration vacant{};   // until the offer that was taken up, those that failed before it included
  Duration offer{};    // until it was taken up
  Duration promote{};  // until the application was active
};

struct PhaseChanged {
  Phase from = Phase::kVacant;
  Phase to = Phase::kVacant;
  uint64_t epoch = 0;
  Jid jid;            // the offer's target or the holder; of a change to VACANT whose it was
  std::string cause;  // one sentence
  Duration after{};   // how long the group was in `from`
  // Of the move that it belongs to, or empty.
  std::string asked_by{};
  std::string move_key{};
};
// The new holder says that its application is active: what a failover or a move came to, and what
// it took. Once an epoch; after a restart of the coordinator not again for a holder that went on.
struct TookOver {
  Jid from;                 // bare; the holder before, empty if none is known
  uint64_t from_epoch = 0;  // its
  Jid to;                   // bare
  uint64_t epoch = 0;
  std::string cause;  // why the holder before lost the role, one sentence; empty if there was none
  std::string asked_by;    // the caller of the move; empty if there was none
  bool automatic = false;  // a move that the coordinator itself wanted
  Steps steps;
};
// The move is under way and on disk: nothing is decided yet. Also for a request that joined one
// that runs.
struct MoveStarted {
  std::string key;
  Jid from;  // bare; empty if none was active
  std::optional<Jid> to;
  uint64_t epoch = 0;  // the one that is to end
};
struct MoveFinished {
  std::string key;
  Status status;
  Jid from;            // bare; empty if none was active
  Jid to;              // bare; the one that has the role now, empty if none has
  uint64_t epoch = 0;  // the group's epoch now
  Duration duration;   // since the request; zero if nothing had to move
  std::string text;    // one sentence, also of success
  std::string caller{};
  uint64_t from_epoch = 0;  // when it began
  bool automatic = false;   // nobody asked; the key is empty
  bool forced = false;
  bool resumed = false;  // the coordinator restarted in the middle: times count from then
  Steps steps{};
  std::string context{};  // the request's
};
// A request and, unless it still runs, what came of it.
struct KnownMove {
  MoveRequested request;
  std::optional<MoveFinished> outcome;
};

// At most one in a step, and then the first effect. It must be durable (fsync) before anything that
// follows is carried out.
struct Persist {
  GroupRecord record;
  // Outcomes of moves reached in this step, to be written in the same transaction, so that a repeat
  // after a restart finds either the move or its outcome. Only those with a key; the store keeps
  // the latest limits::kMaxKnownMoves of a group. May come with a record that hasn't changed.
  std::vector<KnownMove> outcomes{};
};

using Effect = std::variant<Persist, Reply, SendOffer, SendDrain, SendQuery, Alarm, PhaseChanged,
                            TookOver, MoveStarted, MoveFinished>;
using Effects = std::vector<Effect>;

// --- what a move would do ---------------------------------------------------------------------

struct Plan {
  Status status;  // why the request would be refused; else ok
  // What would happen, in order, a sentence each; of a refusal empty.
  std::vector<std::string> steps;
  // The candidates and why or why not, as the decision would see them now.
  Decision decision;
  std::optional<Jid> drained;  // bare; who would be told to stop
  std::optional<Jid> offered;  // bare; who would be offered the role, if it answers
};

}  // namespace muster::election::group
