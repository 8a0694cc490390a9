// Groups whose role goes nowhere by itself for a time: kept, and told to their machines.
#pragma once

#include <map>
#include <string>

#include "commands/pause.h"
#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"

namespace muster::coordinator {

// A pause is durable before the group's machine hears of it. It is kept by the wall clock and ends
// by the machine's elapsed time, so a wall clock that is set changes only what is left after a
// restart. Lives on the event loop's thread; all references must outlive it.
class Pauses : public commands::Pauser {
 public:
  // Adds itself to the cluster's listeners.
  Pauses(Cluster& cluster, store::GroupStore& store, Chronicle& chronicle, Clock& clock);

  // Tells the machines what is in force; once, after the cluster has been loaded.
  Status load();

  // commands::Pauser
  Result<v1::PauseRecord> pause(const std::string& group, Duration time, const std::string& reason,
                                const commands::Origin& origin) override;
  Result<v1::PauseRecord> resume(const std::string& group, const commands::Origin& origin) override;

  // Called by a timer; tests with a clock of their own call it themselves.
  void tick();

 private:
  struct Running {
    store::PauseRow row;
    ElapsedTime ends;
  };
  void tell(GroupDriver& group, const store::PauseRow& row, Duration left);
  Status clear(const std::string& group);

  Cluster& cluster_;
  store::GroupStore& store_;
  Chronicle& chronicle_;
  Clock& clock_;
  std::map<std::string, Running> running_;  // by group
};

}  // namespace muster::coordinator
