// What all parts of one simulated run share.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "libcontrol/base/random.h"
#include "libcontrol/election/group.h"
#include "libcontrol/election/invariants.h"
#include "tests/libcontrol/election/simulation/sim_world.h"
#include "tests/libcontrol/election/simulation/simulation.h"

namespace muster::election {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

inline constexpr double kRateBound = 0.01;
inline constexpr Duration kShortestTtl = Duration::seconds(1);
inline constexpr Duration kLongestTtl = Duration::seconds(5);
Duration anyTtl(Dice& dice);

// How bad things get in one run. Many kinds are absent from a given run: what hides behind a crash
// a second shows in a run without crashes.
struct Profile {
  double loss = 0;
  double duplicate = 0;
  double long_delay = 0;
  double slow_disk = 0;
  double write_fails = 0;
  double crash_in_write = 0;
  double promote_slow = 0;
  double promote_fails = 0;
  double promote_hangs = 0;
  double demote_slow = 0;
  double demote_hangs = 0;
  double late_write = 0;        // the application is paused between asking its lease and writing
  double worst_moment = 0;      // something is done just when a step of the protocol is under way
  Duration longest_gap;         // between faults
  uint64_t absent = 0;          // one bit for each entry of the table of faults
  bool lengths_change = false;  // a restart of the coordinator may bring leases of another length
  bool beyond_bound = false;    // clocks may be slewed beyond what the protocol allows for
  bool shared = false;          // several coordinators share an etcd
  bool failsafe = false;        // holders may go on by the promises of the others
  double etcd_loses = 0;        // what is sent to etcd, or its answer

  static Profile make(Dice& dice);
};

struct Run;

// The dice of one part of the world, so that what is left out of another part changes nothing here.
class Fate : public Dice {
 public:
  Fate(Run& run, uint32_t part);
  // Something goes wrong by chance, unless it is left out or the storm is over.
  bool mishap(double p);

 private:
  Run& run_;
  const uint32_t part_;
  uint32_t mishaps_ = 0;
};
enum Part : uint32_t { kOfCoordinator, kOfNetwork, kOfStandby, kOfNodes };

struct Run {
  explicit Run(const Scenario& scenario);

  const Scenario scenario;
  Agenda agenda;
  Dice dice;            // of what is done to the group
  SeededRandom nonces;  // the machines' own
  Invariants invariants;
  RunResult result;
  Profile profile;
  GroupConfig config;
  // Faults of the network, the disks and the callbacks happen by chance while this is set.
  bool stormy = true;
  // Since a store was lost or replaced nothing is on record of who can go on, by whose promises;
  // until the next grant. What nobody could then be safe from is left undone: members that are new
  // to that holder, and, if holders may not go on any more, that members lose their disks too.
  bool members_unknown = false;
  bool promises_unknown = false;
  // A step of the protocol begins. Set by the storm.
  std::function<void()> on_moment;

  ElapsedTime now() const { return agenda.now(); }
  bool keeps(Rule rule) const { return scenario.broken != rule; }
  void note(Fault fault) { ++result.faults[static_cast<size_t>(fault)]; }
  bool recording() const { return scenario.with_timeline; }
  // Costly to build: guard with recording() wherever something is put together.
  void say(const std::string& line);
  void fail(const std::string& violation) {
    if (result.violation.empty()) result.violation = violation;
  }
  bool failed() const { return !invariants.violation().empty() || !result.violation.empty(); }
  void moment(Fate& fate) {
    if (on_moment && fate.mishap(profile.worst_moment)) on_moment();
  }
  Duration diskDelay(Fate& fate) const {
    return fate.mishap(profile.slow_disk) ? fate.millis(100, 900) : fate.millis(0, 8);
  }
};

}  // namespace muster::election
