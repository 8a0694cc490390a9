// The etcd that several simulated coordinators share: who leads, under a lease, and transactions
// that happen only while the same one leads. It loses nothing that it has acknowledged; what is on
// the way to it or back may get lost.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "tests/libcontrol/election/simulation/sim_run.h"

namespace muster::election {

// Belongs to the Cluster. What is asked of it is asked at the instant at which it arrives.
class SimEtcd {
 public:
  enum class Answer { kNone, kDone, kTermOver };
  // Counts from 1: the revision in which the leader's key was made.
  using Term = uint64_t;

  explicit SimEtcd(Run& run) : run_(run) {}

  // Whose key is there; 0: nobody leads.
  Term term() const { return run_.now() < lease_until_ ? term_ : 0; }
  bool answers() const { return run_.now() >= up_at_; }
  // How many transactions have changed something.
  uint64_t commits() const { return commits_; }

  // The term that this has won, if nobody leads.
  std::optional<Term> stand();
  // Renews the leader's lease. False: its term is over.
  bool keep(Term term);
  // Ends the leader's term.
  void depose();
  // Changes something if the term goes on and `number`, which counts from 1, is the next; once, if
  // it was changed already.
  Answer commit(Term term, uint64_t number, const std::function<void()>& change);
  // Changes nothing.
  Answer confirm(Term term) const;

  void restart(Duration down);
  void mend() { up_at_ = run_.now(); }

 private:
  Run& run_;
  Term term_ = 0;
  ElapsedTime lease_until_{};
  uint64_t commits_ = 0;
  ElapsedTime up_at_{};
};

// The length of the leader's lease.
inline constexpr Duration kLeaderTtl = Duration::seconds(2);

}  // namespace muster::election
