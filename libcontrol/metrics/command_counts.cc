#include "libcontrol/metrics/command_counts.h"

#include <algorithm>

namespace muster::metrics {
namespace {

// From an answer out of memory to a failover that waits for a drain, in seconds.
const std::vector<double>& bounds() {
  static const std::vector<double> kBounds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5,
                                              1,     2.5,   5,    10,   30,  120};
  return kBounds;
}

}  // namespace

void CommandCounts::count(const std::string& verb, Code outcome, Duration took) {
  ++outcomes_[{verb, outcome}];
  Durations& durations = took_[verb];
  if (durations.bounds.empty()) {
    durations.bounds = bounds();
    durations.counts.resize(durations.bounds.size());
  }
  const double seconds = std::max(0.0, took.toSeconds());
  ++durations.count;
  durations.sum_seconds += seconds;
  const auto bound = std::lower_bound(durations.bounds.begin(), durations.bounds.end(), seconds);
  if (bound != durations.bounds.end()) ++durations.counts[bound - durations.bounds.begin()];
}

void CommandCounts::describe(Families& out) const {
  for (const auto& [key, count] : outcomes_) {
    out.counter("muster_commands_total",
                "Commands that were called, by verb and outcome; refused ones too.",
                {{"verb", key.first}, {"outcome", codeName(key.second)}},
                static_cast<double>(count));
  }
  for (const auto& [verb, durations] : took_) {
    out.histogram("muster_command_duration_seconds", "How long commands took until their answer.",
                  {{"verb", verb}}, durations);
  }
}

}  // namespace muster::metrics
