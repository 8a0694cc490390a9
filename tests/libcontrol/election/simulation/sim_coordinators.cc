#include "tests/libcontrol/election/simulation/sim_coordinators.h"

#include <algorithm>
#include <utility>

namespace muster::election {

SimCoordinators::SimCoordinators(Run& run, Network& network) : etcd(run) {
  store.disk.replace({});
  all.push_back(std::make_unique<SimCoordinator>(run, network, *this, kOfCoordinator, "c1"));
  if (run.profile.shared) {
    all.push_back(std::make_unique<SimCoordinator>(run, network, *this, kOfStandby, "c2"));
  }
  public_ = all.front().get();
}

void SimCoordinators::takePublicAddress(SimCoordinator& coordinator) {
  SimCoordinator* const before = std::exchange(public_, &coordinator);
  if (before != &coordinator) before->losePublicAddress();
}

SimCoordinator& SimCoordinators::at(const Jid& address) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& coordinator) {
    return coordinator->address == address;
  });
  return found == all.end() ? leading() : **found;
}

std::vector<Jid> SimCoordinators::addresses() const {
  std::vector<Jid> addresses;
  for (const auto& coordinator : all) addresses.push_back(coordinator->address);
  return addresses;
}

bool SimCoordinators::areSettled() const {
  return public_->up() && public_->isInOffice() &&
         std::all_of(all.begin(), all.end(), [](const auto& coordinator) {
           return coordinator->process.linked && !coordinator->process.busy;
         });
}

ElapsedTime SimCoordinators::heldUntil() const {
  ElapsedTime latest{};
  for (const auto& coordinator : all) latest = std::max(latest, coordinator->heldUntil());
  return latest;
}

}  // namespace muster::election
