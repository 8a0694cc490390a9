// Which nodes are kept out of the active role: the coordinator's mark and the node's own are kept
// the same, and the role is moved away from a node that is marked.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "coordinator/cluster.h"
#include "coordinator/orders.h"

namespace muster::coordinator {

// Node and coordinator both keep a mark on disk; the one that was changed later counts. A node's
// mark comes with its presence, the coordinator's goes out as an order. Times to come count as now:
// a clock that is wrong must not make a mark that nobody can change.
//
// Lives on the event loop's thread; all references must outlive it.
class DrainMarks {
 public:
  // Adds itself to the cluster's listeners.
  DrainMarks(Cluster& cluster, Orders& orders, Clock& clock);

  // Asked before the role is moved away from a node; to be set before load().
  void setGate(MoveGate gate) { gate_ = std::move(gate); }

  // Durable when it returns ok; the node is told. `mark.changed_at` is filled in.
  Status set(const Member& member, store::DrainRow mark);

  // Called by a timer; tests with a clock of their own call it themselves.
  void tick();

 private:
  void onPresent(const Member& member, const Jid& full);
  void order(const Member& member, const Jid& full);
  void moveAway(const Member& member);

  Cluster& cluster_;
  Orders& orders_;
  Clock& clock_;
  MoveGate gate_;
  std::map<Jid, ElapsedTime> ordered_;  // by full JID: when it was last told
  std::map<Jid, ElapsedTime> moved_;    // by bare JID: when its role was last to be moved away
};

}  // namespace muster::coordinator
