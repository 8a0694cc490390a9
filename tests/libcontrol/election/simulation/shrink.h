// From a run that fails to the smallest one that can be found that fails likewise.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/libcontrol/election/simulation/simulation.h"

namespace muster::election {

struct Shrunk {
  Scenario scenario;  // with what was left out
  RunResult result;   // with its timeline
  size_t faults = 0;  // that were left in
  size_t before = 0;  // that there were
  int runs = 0;       // that it took
};

// `failing` fails. Runs fail likewise if what they violate differs in numbers only. What is left
// can't lose any one fault more, unless `most_runs` were not enough.
Shrunk shrink(const Scenario& failing, int most_runs);

// The shortest list of numbers below `count`, as far as leaving them out bit by bit finds it, whose
// absence leaves `fails` true; `fails` takes what is left out and is called while `may_go_on` says
// so.
std::set<size_t> leaveOut(size_t count, const std::function<bool(const std::set<size_t>&)>& fails,
                          const std::function<bool()>& may_go_on);

// For people: what failed, with which seed, and the story of the shrunk run.
std::string story(const Shrunk& shrunk);

}  // namespace muster::election
