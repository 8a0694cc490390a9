// What must hold in every run, whatever fails, as checks over states and transitions. They know
// nothing of how the machines work: whoever runs them (the simulation) reports from outside what
// became durable, what was sent and what was done, on one common time line.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/election/types.h"

namespace muster::election {

struct Holder {
  Jid jid;  // bare
  InstanceId instance;
  auto operator<=>(const Holder&) const = default;
};

// The invariants of one group. Keeps the first violation; not thread-safe.
class Invariants {
 public:
  // The record on the coordinator's disk changed. Epochs never decrease there, a new offer takes an
  // epoch above all, and a record is only ever granted to the one it was offered to.
  void recordWritten(const GroupRecord& before, const GroupRecord& after);
  // The highest epoch on a node's disk changed.
  void nodeEpochWritten(const std::string& node, uint64_t before, uint64_t after);
  // A node asks for a lease: the epoch must be on its disk by then.
  void acquiring(const std::string& node, uint64_t epoch, uint64_t on_disk);

  // An offer goes out: nobody else's lease can be in force.
  void offered(const Holder& target, uint64_t epoch, ElapsedTime now);
  // A grant or renewal goes out. `until`: when it ends if it arrives, counted from the sending of
  // the request on the holder's own clock. No epoch has two holders; no lease of another holder can
  // be in force.
  void granted(const Holder& holder, uint64_t epoch, ElapsedTime now, ElapsedTime until);
  // The holder says that it has stopped under this epoch, or its process is gone.
  void givenUp(const Holder& holder, uint64_t epoch);
  void processGone(const Holder& holder);

  // A node acts on a lease: it must have been granted, be in force and not be given up.
  void used(const Holder& holder, uint64_t epoch, ElapsedTime now);
  // The resource let a token pass: never after a higher one, nor an equal one of another instance.
  void accepted(const Holder& holder, uint64_t epoch);

  // Empty while everything held.
  const std::string& violation() const { return violation_; }

 private:
  void fail(std::string text);
  // Another holder whose lease can be in force at `now`.
  const Holder* otherInForce(const Holder& holder, ElapsedTime now) const;

  struct Lease {
    ElapsedTime until;
    bool given_up = false;
  };
  std::map<uint64_t, Holder> holder_of_;                 // by epoch
  std::map<std::pair<Holder, uint64_t>, Lease> leases_;  // what may be in force
  std::set<Holder> gone_;
  uint64_t resource_epoch_ = 0;
  InstanceId resource_instance_;
  std::string violation_;
};

}  // namespace muster::election
