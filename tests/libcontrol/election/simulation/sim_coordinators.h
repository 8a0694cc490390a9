// The simulated coordinators: one with a disk, or two that share an etcd.
#pragma once

#include <memory>
#include <vector>

#include "tests/libcontrol/election/simulation/sim_coordinator.h"
#include "tests/libcontrol/election/simulation/sim_etcd.h"
#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

// Belongs to the Cluster.
class SimCoordinators {
 public:
  SimCoordinators(Run& run, Network& network);
  SimCoordinators(const SimCoordinators&) = delete;
  SimCoordinators& operator=(const SimCoordinators&) = delete;

  // Whoever has the public address: it leads, or has led last.
  SimCoordinator& leading() { return *public_; }
  void takePublicAddress(SimCoordinator& coordinator);
  SimCoordinator& at(const Jid& address);
  std::vector<Jid> addresses() const;

  const GroupRecord& disk() const { return store.record(); }
  // There is one that leads, and all of them have connected and wait for nothing.
  bool areSettled() const;
  // In real time: until when a hold that was announced may last.
  ElapsedTime heldUntil() const;

  SimStore store;
  SimEtcd etcd;
  std::vector<std::unique_ptr<SimCoordinator>> all;

 private:
  SimCoordinator* public_ = nullptr;
};

}  // namespace muster::election
