// The simulated group, put together, and what is done to it.
#pragma once

#include <memory>
#include <vector>

#include "tests/libcontrol/election/simulation/sim_coordinators.h"
#include "tests/libcontrol/election/simulation/sim_network.h"
#include "tests/libcontrol/election/simulation/sim_node.h"
#include "tests/libcontrol/election/simulation/sim_operators.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

struct Cluster {
  explicit Cluster(const Scenario& scenario);

  // The node that holds the lease by the record and whose application is active under it.
  SimNode* active();
  // Not the twin.
  SimNode& anyNode() { return *nodes[run.dice.below(nodes.size() - 1)]; }
  SimNode& twin() { return *nodes.back(); }

  Run run;
  Resource resource;
  std::vector<std::unique_ptr<SimNode>> nodes;  // the last one is a twin: a copied machine
  Network network;
  SimCoordinators coordinators;
  Operators operators;
};

// Does one thing to the group after the other, for as long as the run is stormy.
void storm(Cluster& cluster);
// Mends what can be mended; from then on nothing fails by itself.
void calmDown(Cluster& cluster);

}  // namespace muster::election
