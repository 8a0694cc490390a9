// Random runs of a whole group. MUSTER_SIM_SEED=N replays one seed with its timeline;
// MUSTER_SIM_SEEDS=N sets how many seeds are run.
#include "tests/libcontrol/election/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace muster::election {
namespace {

uint64_t fromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string report(const RunResult& failed) {
  const RunResult replay = simulate(failed.seed, true);
  std::string text = "seed " + std::to_string(failed.seed) + ": " + failed.violation +
                     "\nreplay: MUSTER_SIM_SEED=" + std::to_string(failed.seed) +
                     " election_test --gtest_filter=Simulation.*\n";
  // What led there is at the end.
  const size_t from = replay.timeline.size() > 60 ? replay.timeline.size() - 60 : 0;
  if (from > 0) text += "  ... " + std::to_string(from) + " lines before\n";
  for (size_t i = from; i < replay.timeline.size(); ++i) text += replay.timeline[i] + "\n";
  return text;
}

void replayOne(uint64_t seed) {
  const RunResult result = simulate(seed, true);
  for (const std::string& line : result.timeline) std::cout << line << "\n";
  EXPECT_EQ(result.violation, "") << "seed " << seed;
}

TEST(Simulation, InvariantsHoldInEveryRun) {
  if (std::getenv("MUSTER_SIM_SEED")) {
    replayOne(fromEnvironment("MUSTER_SIM_SEED", 1));
    return;
  }
  const uint64_t seeds = fromEnvironment("MUSTER_SIM_SEEDS", 2000);
  RunResult sum;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const RunResult result = simulate(seed, false);
    ASSERT_EQ(result.violation, "") << report(result);
    ASSERT_GE(result.failovers, 1);
    ASSERT_GE(result.seconds, 60);
    for (size_t i = 0; i < sum.faults.size(); ++i) sum.faults[i] += result.faults[i];
    sum.failovers += result.failovers;
    sum.steps += result.steps;
    sum.seconds += result.seconds;
  }
  RecordProperty("failovers", sum.failovers);
  RecordProperty("steps", std::to_string(sum.steps));
  RecordProperty("virtual_seconds", std::to_string(sum.seconds));
  for (size_t i = 0; i < sum.faults.size(); ++i) {
    const char* name = faultName(static_cast<Fault>(i));
    RecordProperty(name, std::to_string(sum.faults[i]));
    EXPECT_GT(sum.faults[i], 0) << "never occurred: " << name;
  }
}

TEST(Simulation, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(simulate(7, true).timeline, simulate(7, true).timeline);
  EXPECT_NE(simulate(7, true).timeline, simulate(8, true).timeline);
}

}  // namespace
}  // namespace muster::election
