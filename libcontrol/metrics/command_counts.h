// How often commands were called, what came of them and how long they took.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/metrics/families.h"

namespace muster::metrics {

// One thread. As many series as there are verbs: whoever counts passes on names of commands, never
// what somebody typed.
class CommandCounts {
 public:
  void count(const std::string& verb, Code outcome, Duration took);
  void describe(Families& out) const;

 private:
  std::map<std::pair<std::string, Code>, uint64_t> outcomes_;
  std::map<std::string, Durations> took_;
};

}  // namespace muster::metrics
