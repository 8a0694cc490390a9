#include "tests/libcontrol/election/simulation/sim_etcd.h"

#include <algorithm>

namespace muster::election {

std::optional<SimEtcd::Term> SimEtcd::stand() {
  if (!answers() || term() != 0) return std::nullopt;
  lease_until_ = run_.now() + kLeaderTtl;
  return ++term_;
}

bool SimEtcd::keep(Term asked) {
  if (term() != asked) return false;
  lease_until_ = run_.now() + kLeaderTtl;
  return true;
}

void SimEtcd::depose() {
  if (answers()) lease_until_ = run_.now();
}

SimEtcd::Answer SimEtcd::commit(Term asked, uint64_t number, const std::function<void()>& change) {
  if (!answers()) return Answer::kNone;
  const bool compared = run_.keeps(Rule::kWriteInTerm);
  if (compared && term() != asked) return Answer::kTermOver;
  if (compared && run_.keeps(Rule::kWriteOnce) && number <= commits_) return Answer::kDone;
  commits_ = std::max(commits_, number);
  change();
  return Answer::kDone;
}

SimEtcd::Answer SimEtcd::confirm(Term asked) const {
  if (!answers()) return Answer::kNone;
  return term() == asked ? Answer::kDone : Answer::kTermOver;
}

// Leases live on through it, as long as they did before at the least.
void SimEtcd::restart(Duration down) {
  up_at_ = run_.now() + down;
  if (term() != 0) lease_until_ = up_at_ + kLeaderTtl;
}

}  // namespace muster::election
