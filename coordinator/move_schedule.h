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
// that they have by then, and told of its outcome. What stands against it only for the moment
// (nodes that are not there yet after a start, another move) is waited for, up to 5 min.; after
// that it is not carried out, which is told as well. It leaves the store when it has begun, which
// is on disk by then, or has been given up. Lives on the event loop's thread; all references must
// outlive it.
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
  struct Entry {
    store::ScheduledMoveRow row;
    int attempts = 0;
    ElapsedTime not_before{};  // of the next attempt
    bool asked = false;        // an attempt has not been answered yet
    std::string refusal{};     // of the latest
  };
  void attempt(Entry& entry);
  void answered(const store::ScheduledMoveRow& row, const Status& status,
                const commands::MoveState& state);
  void giveUp(const store::ScheduledMoveRow& row, const std::string& why);
  void forget(std::string group);

  const Parts parts_;
  std::map<std::string, Entry> entries_;  // by group
};

}  // namespace muster::coordinator
