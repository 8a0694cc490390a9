// People and scripts who command the simulated coordinator, and what they are told.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/election/group_io.h"
#include "tests/libcontrol/election/simulation/sim_coordinators.h"
#include "tests/libcontrol/election/simulation/sim_node.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

// Belongs to the Cluster, as all that it refers to.
class Operators {
 public:
  using Nodes = std::vector<std::unique_ptr<SimNode>>;
  Operators(Run& run, SimCoordinators& coordinators, const Nodes& nodes)
      : run_(run), coordinators_(coordinators), nodes_(nodes) {}

  // --- what they do ---
  // Before any coordinator leads.
  void enrollFirst();
  void enrollAll();
  void enrollAgain(const Jid& holder);
  void move();
  void repeatMove();
  void plan();
  void drainOrUndrain(SimNode& node);
  void tag(SimNode& node);
  void removeOrEnroll(SimNode& node);
  void fence(SimNode& node, bool the_holder);
  // A move with nothing against it, in fair weather; its key.
  std::string moveTo(const SimNode& target, uint64_t expected_epoch);
  void undoAll();
  // The coordinator has forgotten all that it was asked.
  void storeReplaced();

  // --- what they are told ---
  void started(const group::MoveStarted& move);
  void finished(const group::MoveFinished& move);
  void coordinatorGone() { running_.clear(); }
  // None while it runs.
  std::optional<Code> outcomeOf(const std::string& key) const;

  // Did somebody ask for this move, just so, and does the group's epoch suit?
  bool askedFor(const MoveRecord& move) const;
  bool wasTold(const std::string& key) const { return outcomes_.contains(key); }

 private:
  static group::MemberEnrolled asMember(const SimNode& node);
  void enrollLater(Duration delay);
  int countMembers();
  group::MoveRequested makeMove();
  void ask(const group::MoveRequested& request);
  void checkPlan(const group::MoveRequested& request);
  SimCoordinator& coordinator() { return coordinators_.leading(); }

  Run& run_;
  SimCoordinators& coordinators_;
  const Nodes& nodes_;
  int next_key_ = 1;
  std::vector<group::MoveRequested> asked_;
  std::map<std::string, Code> outcomes_;        // by key, also across restarts
  std::map<std::string, ElapsedTime> running_;  // in this life of the coordinator
};

}  // namespace muster::election
