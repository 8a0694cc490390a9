// Moves that people want at a time to come: kept, and carried out then.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "commands/failover.h"
#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"

namespace muster::coordinator {

// By the wall clock. At its time a move is asked for as its person would ask then: with the role
// that they have by then, and told of its outcome. One that can't be begun within limits of its
// time, since nobody was there to do it, is not carried out, which is told as well. Lives on the
// event loop's thread; all references must outlive it.
class MoveSchedule : public commands::MoveSchedule {
 public:
  struct Parts {
    Cluster& cluster;
    store::GroupStore& store;
    Chronicle& chronicle;
    commands::Mover& mover;
    const catalogue::Authority& authority;
    Clock& clock;
    // A message to whoever asked for the move, from the address at which they did.
    std::function<void(const commands::Origin&, const std::string& text)> say;
  };

  // Adds itself to the cluster's listeners.
  explicit MoveSchedule(Parts parts);

  // Reads what is to come; once, after the cluster has been loaded.
  Status load();

  // commands::MoveSchedule
  Status schedule(const commands::ScheduledMove& move) override;
  Result<commands::ScheduledMove> unschedule(const std::string& group,
                                             const commands::Origin& origin) override;

  // One sentence on what is to come for the group; empty if nothing is.
  std::string noteOf(const std::string& group) const;

  // Called by a timer; tests with a clock of their own call it themselves.
  void tick();

 private:
  void carryOut(const store::ScheduledMoveRow& row);
  void giveUp(const store::ScheduledMoveRow& row, const std::string& why);

  const Parts parts_;
  std::map<std::string, store::ScheduledMoveRow> rows_;  // by group
};

}  // namespace muster::coordinator
