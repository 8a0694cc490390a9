// What all parts of one simulated run share.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "libcontrol/base/random.h"
#include "libcontrol/election/group.h"
#include "libcontrol/election/invariants.h"
#include "tests/libcontrol/election/sim_world.h"
#include "tests/libcontrol/election/simulation.h"

namespace muster::election {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

inline constexpr double kRateBound = 0.01;

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
  double late_write = 0;      // the application is paused between asking its lease and writing
  double worst_moment = 0;    // something is done just when a step of the protocol is under way
  Duration longest_gap;       // between faults
  uint64_t absent = 0;        // one bit for each entry of the table of faults
  bool beyond_bound = false;  // clocks may be slewed beyond what the protocol allows for

  static Profile make(Dice& dice);
};

struct Run {
  Run(uint64_t seed, bool with_timeline);

  Agenda agenda;
  Dice dice;
  SeededRandom nonces;  // the machines' own
  Invariants invariants;
  RunResult result;
  Profile profile;
  GroupConfig config;
  // Faults of the network, the disks and the callbacks happen by chance while this is set.
  bool stormy = true;
  // A step of the protocol begins. Set by the storm.
  std::function<void()> on_moment;

  ElapsedTime now() const { return agenda.now(); }
  bool chance(double p) { return stormy && dice.chance(p); }
  void note(Fault fault) { ++result.faults[static_cast<size_t>(fault)]; }
  bool recording() const { return with_timeline_; }
  // Costly to build: guard with recording() wherever something is put together.
  void say(const std::string& line);
  void fail(const std::string& violation) {
    if (result.violation.empty()) result.violation = violation;
  }
  bool failed() const { return !invariants.violation().empty() || !result.violation.empty(); }
  void moment() {
    if (on_moment && chance(profile.worst_moment)) on_moment();
  }
  Duration diskDelay() {
    return chance(profile.slow_disk) ? dice.millis(100, 900) : dice.millis(0, 8);
  }

 private:
  const bool with_timeline_;
};

}  // namespace muster::election
