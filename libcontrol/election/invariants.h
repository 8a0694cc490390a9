// What must hold in every run, whatever fails, as checks over states and transitions. They know
// nothing of how the machines work: whoever runs them (the simulation) reports from outside what
// became durable, what was sent and what was done, on one common time line.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/election/messages.h"
#include "libcontrol/election/types.h"

namespace muster::election {

struct Holder {
  Jid jid;  // bare
  InstanceId instance;
  auto operator<=>(const Holder&) const = default;
};

// A request as a process really sent it.
struct SentRequest {
  Holder holder;
  uint64_t epoch = 0;
  std::optional<Id128> offer_nonce;  // of an acquire
};

// Why a group may count as vacant, as it really is.
struct Grounds {
  bool said_so = false;          // its holder has stopped, or its target declined, and said so
  bool fenced = false;           // somebody who can know says that the process is gone
  bool waited = false;           // W has passed since the last grant, on the coordinator's clock
  bool offer_lapsed = false;     // made by this process of the coordinator and not taken up in time
  bool offer_withdrawn = false;  // likewise, and a move or a change of the members calls for it
};

// The invariants of one group. Keeps the first violation; not thread-safe.
class Invariants {
 public:
  // The record on the coordinator's disk changed. Epochs never decrease there, a new offer takes an
  // epoch above all, and a record is only ever granted to the one it was offered to.
  void recordWritten(const GroupRecord& before, const GroupRecord& after);
  // The highest epoch on a node's disk changed.
  void nodeEpochWritten(const std::string& node, uint64_t before, uint64_t after);
  // The coordinator's store was lost or replaced by an old copy. It may take epochs a second time
  // then, which the resource refuses; and it may answer an old request with a lease that is over
  // before it is granted. No leases may overlap all the same.
  void storeReplaced();
  // A node asks for a lease: the epoch must be on its disk by then.
  void acquiring(const std::string& node, uint64_t epoch, uint64_t on_disk);

  // An offer goes out: nobody else's lease can be in force.
  void offered(const Holder& target, uint64_t epoch, ElapsedTime now);
  // A grant or renewal goes out. `until`: when it ends if it arrives, counted from the sending of
  // the request on the holder's own clock. No epoch has two holders; no lease of another holder can
  // be in force.
  void granted(const Holder& holder, uint64_t epoch, ElapsedTime now, ElapsedTime until);
  // The lease goes on by the promises of all other members, until then at most. The coordinator
  // can't know of it, so it may count the group as vacant and make offers; nobody may be granted
  // anything.
  void promised(const Holder& holder, uint64_t epoch, ElapsedTime until);
  // The holder says that it has stopped under this epoch, or its process is gone. Nothing may be
  // running under that epoch then.
  void givenUp(const Holder& holder, uint64_t epoch, bool still_runs = false);
  void processGone(const Holder& holder);
  // The holder's clock was slewed: its lease ends at another instant than it seemed.
  void leaseEndMoved(const Holder& holder, uint64_t epoch, ElapsedTime until,
                     ElapsedTime promised_until);
  // From now on clocks break the bound on their rates. Leases may overlap, which is then counted;
  // all else must hold.
  void clocksBroken() { clocks_broken_ = true; }
  int64_t overlaps() const { return overlaps_; }

  // Nothing is acted on that was not authorised. `on_disk`: the coordinator's record at that
  // moment.
  void justified(const GroupRecord& on_disk, const Granted& grant, const SentRequest& request);
  void offerJustified(const GroupRecord& on_disk, const Offer& offer, const Jid& to);
  void drainJustified(const GroupRecord& on_disk, const Drain& drain, const Jid& to);
  // The coordinator decides that `before` holds no more: its lease can't be in force, and there is
  // a reason.
  void vacated(const GroupRecord& before, const Grounds& grounds, ElapsedTime now);
  // A node asks for a lease or its renewal: never for one that it has given up.
  void asking(const Holder& holder, uint64_t epoch);
  // A node publishes until when its lease may be used and when it ends, on one clock: the guard,
  // at least a tenth of `ttl` and 100 ms, lies between.
  void published(const Holder& holder, ElapsedTime use_until, ElapsedTime end, Duration ttl);

  // A node acts on a lease: it must have been granted, be in force and not be given up.
  void used(const Holder& holder, uint64_t epoch, ElapsedTime now);
  // The resource let a token pass: never after a higher one, nor an equal one of another instance.
  void accepted(const Holder& holder, uint64_t epoch);

  // Empty while everything held.
  const std::string& violation() const { return violation_; }

 private:
  void fail(std::string text);
  // Another holder whose lease can be in force at `now`.
  const Holder* otherInForce(const Holder& holder, ElapsedTime now, bool by_promises) const;
  void overlap(std::string text);

  struct Lease {
    ElapsedTime until;
    ElapsedTime promised_until;
    bool given_up = false;
  };
  std::map<uint64_t, Holder> holder_of_;                 // by epoch
  std::map<std::pair<Holder, uint64_t>, Lease> leases_;  // what may be in force
  std::set<Holder> gone_;
  uint64_t resource_epoch_ = 0;
  InstanceId resource_instance_;
  bool clocks_broken_ = false;
  bool store_replaced_ = false;
  int64_t overlaps_ = 0;
  std::string violation_;
};

}  // namespace muster::election
