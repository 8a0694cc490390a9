// What goes into a GroupMachine and what comes out of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/base/status.h"
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
// Somebody who can know (a fencing hook, a supervisor on the host) confirms that this process is
// gone or can no longer reach the resource. Presence is no such word.
struct HolderFenced {
  InstanceId instance;
  std::string by;  // who says so, for people
};

// Move the active role. The role goes to `target`, or to the best candidate besides the one that is
// active now. Each request is answered by MoveFinished at once, or by MoveStarted and one
// MoveFinished later; requests with the same key share the one that comes later, and a repeat after
// that gets the same outcome again. Outcomes are kept in memory only: across a restart expect_epoch
// protects.
struct MoveRequested {
  std::string key;            // the same again is the same request; empty: never the same
  std::optional<Jid> target;  // bare
  std::optional<uint64_t> expect_epoch;
  std::string caller;  // for people
};
struct Tick {};  // nextWake() has come

using Event = std::variant<MemberEnrolled, MemberRemoved, MemberPresent, MemberGone, QueryAnswered,
                           AcquireReceived, RenewReceived, ReleaseReceived, OfferAccepted,
                           OfferDeclined, DrainedReceived, HolderFenced, MoveRequested, Tick>;

// --- effects --------------------------------------------------------------------------------

// At most one in a step, and then the first effect. It must be durable (fsync) before anything that
// follows is carried out.
struct Persist {
  GroupRecord record;
};
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
// For people: something is wrong that a machine can't mend. Raised once for each occurrence.
struct Alarm {
  std::string text;
};
struct PhaseChanged {
  Phase from = Phase::kVacant;
  Phase to = Phase::kVacant;
  uint64_t epoch = 0;
  Jid jid;            // the offer's target or the holder; of a change to VACANT whose it was
  std::string cause;  // one sentence
};
// The move is under way: nothing is decided yet. Also for a request that joined one that runs.
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
  Jid to;              // bare; the one that is active now, empty if none is
  uint64_t epoch = 0;  // the group's epoch now
  Duration duration;   // since the request; zero if nothing had to move
  std::string text;    // one sentence, also of success
};

using Effect = std::variant<Persist, Reply, SendOffer, SendDrain, SendQuery, Alarm, PhaseChanged,
                            MoveStarted, MoveFinished>;
using Effects = std::vector<Effect>;

}  // namespace muster::election::group
