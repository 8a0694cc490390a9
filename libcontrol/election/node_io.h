// What goes into a NodeMachine and what comes out of it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/election/messages.h"
#include "libcontrol/election/types.h"

namespace muster::election::node {

enum class DemoteCause {
  kDrain,      // the coordinator asked; the lease goes on being renewed meanwhile
  kLeaseOver,  // it could not be renewed: stop at once
  kShutdown,   // this process ends; the lease goes on being renewed meanwhile
};

// --- events: whatever comes from the network only if its sender is the coordinator ----------

struct OfferReceived {
  ReplyToken token = 0;
  Offer message;
};
struct DrainReceived {
  ReplyToken token = 0;
  Drain message;
};
// Results of acquire and renew. What matches no outstanding request is dropped. An IQ error or a
// missing answer needs no event: the request is made again.
struct GrantedReceived {
  Granted message;
};
struct DeniedReceived {
  Denied message;
};
// The application's callbacks have returned.
struct PromoteFinished {
  uint64_t epoch = 0;
  Status status;
};
struct DemoteFinished {
  uint64_t epoch = 0;
};
struct LinkUp {};
struct LinkDown {};
// The event loop stood still for longer than limits::kMaxLoopGap. To be given before any input that
// was read after the gap.
struct LoopGap {
  Duration gap;
};
// Stop for good; isStopped() tells when the process may end.
struct ShutdownRequested {};
// The application's processes are surely gone: a supervisor has seen them all end. No callback is
// called or awaited any more; the lease is over at once and given back with this reason, again
// whenever a link comes up for as long as anybody could still wait for it. While nothing is held it
// changes nothing.
struct ApplicationGone {
  std::string why;  // a clause: "ended by signal 9"
};
// Give the role up of one's own accord and go on as a standby: on_demote, then a release that says
// why. While nothing is held it changes nothing.
struct ResignRequested {
  std::string why;
};
// Decline every offer from now on, with this reason; empty: take offers again. What is held is not
// touched.
struct OffersDeclined {
  std::string why;
};
// From another member of the group, as the coordinator last told who they are. What comes from
// anybody else is no event.
struct PromiseAsked {
  ReplyToken token = 0;
  PromiseRequest message;
};
// Answers of the member that was asked. A missing one needs no event.
struct PromiseGiven {
  Jid from;  // full
  Promised message;
};
struct PromiseRefused {
  Jid from;  // full
  Denied message;
};
struct Tick {};  // nextWake() has come

using Event = std::variant<PromiseAsked, PromiseGiven, PromiseRefused, OfferReceived, DrainReceived,
                           GrantedReceived, DeniedReceived, PromoteFinished, DemoteFinished, LinkUp,
                           LinkDown, LoopGap, ShutdownRequested, ApplicationGone, ResignRequested,
                           OffersDeclined, Tick>;

// --- effects --------------------------------------------------------------------------------

// At most one in a step, and then the first effect; must be durable (fsync) before anything that
// follows. Never in a step that ends the use of a lease, so no fsync stands before LeaseOver.
struct Persist {
  uint64_t highest_epoch = 0;
  // The longest that this node may have promised to accept no other grant; zero: nothing promised.
  Duration promised{};
};
// iq set to the coordinator. Whatever can't be sent for want of a link is dropped: requests are
// made again, and so is a release while the group could still be waiting for it.
struct SendAcquire {
  Acquire message;
};
struct SendRenew {
  Renew message;
};
struct SendRelease {
  Release message;
};
struct Reply {
  ReplyToken token = 0;
  std::variant<Accepted, Denied, Drained, Promised> message;
};
// iq set to the full JID of another member; answered by PromiseGiven or PromiseRefused.
struct AskPromise {
  Jid to;
  PromiseRequest message;
};
// The lease goes on by the promises of the others, since no coordinator answers; or no longer, or
// not at all.
struct FailsafeChanged {
  bool on = false;
  std::string text;  // one sentence, for people
};
// Start the callbacks, on the application's thread; never while another one runs. `deadline`: when
// the process is ended unless it has returned by then; a renewal may put it off, so only a guide.
struct Promote {
  uint64_t epoch = 0;
  ElapsedTime deadline;
};
struct Demote {
  DemoteCause cause = DemoteCause::kDrain;
  uint64_t epoch = 0;
  ElapsedTime deadline;
};
// The lease may be used before `deadline` (guard already taken off); it is over for everyone at
// `end`. First of a lease before Promote, then with each renewal. The driver publishes it to Lease
// handles.
struct LeaseExtended {
  uint64_t epoch = 0;
  ElapsedTime deadline;
  ElapsedTime end;
};
// Lease handles of this epoch are invalid from now on.
struct LeaseOver {
  uint64_t epoch = 0;
};
// End the application now (SIGKILL), this process too if it is the application. The machine does
// nothing more after this.
struct Kill {
  std::string why;
};
// Close the connection without handling what has been read from it; LinkDown, then LinkUp follow.
struct DropLink {
  std::string why;
};
// To be shown in presence.
enum class Role { kStandby, kStarting, kActive, kDraining };
struct RoleChanged {
  Role role = Role::kStandby;
  uint64_t epoch = 0;  // held; 0 for a standby
};

using Effect =
    std::variant<Persist, AskPromise, FailsafeChanged, SendAcquire, SendRenew, SendRelease, Reply,
                 Promote, Demote, LeaseExtended, LeaseOver, Kill, DropLink, RoleChanged>;
using Effects = std::vector<Effect>;

}  // namespace muster::election::node
