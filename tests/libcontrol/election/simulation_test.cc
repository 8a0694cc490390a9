// Random runs of a whole group. MUSTER_SIM_SEED=N replays one seed with its timeline;
// MUSTER_SIM_SEEDS=N sets how many seeds are run in all.
#include "tests/libcontrol/election/simulation/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/libcontrol/election/simulation/shrink.h"

namespace muster::election {
namespace {

// Parts of the seeds, so that they run side by side. Each of them must see every kind of event.
constexpr uint64_t kParts = 4;
// A kind that fewer seeds of a part see is about to get lost.
constexpr int64_t kFewSeeds = 5;
constexpr int kMostShrinkingRuns = 5000;

uint64_t fromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The same, as small as it gets.
std::string report(const RunResult& failed) {
  return story(shrink({failed.seed}, kMostShrinkingRuns));
}

void replayOne(uint64_t seed) {
  const RunResult result = simulate({seed, true});
  for (const std::string& line : result.timeline) std::cout << line << "\n";
  if (!result.violation.empty()) std::cout << "\nAt its smallest:\n" << report(result);
  EXPECT_EQ(result.violation, "") << "seed " << seed;
}

class Simulation : public testing::TestWithParam<uint64_t> {};

TEST_P(Simulation, InvariantsHoldInEveryRun) {
  if (std::getenv("MUSTER_SIM_SEED")) {
    if (GetParam() == 0) replayOne(fromEnvironment("MUSTER_SIM_SEED", 1));
    return;
  }
  const uint64_t seeds = fromEnvironment("MUSTER_SIM_SEEDS", 10'000) / kParts;
  RunResult sum;
  std::array<int64_t, kFaults> seen{};  // in how many seeds
  for (uint64_t seed = GetParam() * seeds + 1; seed <= (GetParam() + 1) * seeds; ++seed) {
    const RunResult result = simulate({seed});
    ASSERT_EQ(result.violation, "") << report(result);
    ASSERT_GE(result.seconds, 60);
    for (size_t i = 0; i < kFaults; ++i) {
      sum.faults[i] += result.faults[i];
      seen[i] += result.faults[i] > 0;
    }
    sum.failovers += result.failovers;
    sum.steps += result.steps;
    sum.seconds += result.seconds;
  }
  RecordProperty("failovers", sum.failovers);
  RecordProperty("steps", std::to_string(sum.steps));
  RecordProperty("virtual_seconds", std::to_string(sum.seconds));
  const bool in_full = seeds * kParts >= 10'000;
  for (size_t i = 0; i < kFaults; ++i) {
    const std::string name = faultName(static_cast<Fault>(i));
    RecordProperty(name, std::to_string(sum.faults[i]) + " in " + std::to_string(seen[i]));
    if (!in_full) continue;
    EXPECT_GE(seen[i], kFewSeeds) << "hardly ever occurred: " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Range<uint64_t>(0, kParts));

TEST(SimulationItself, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(simulate({7, true}).timeline, simulate({7, true}).timeline);
  EXPECT_NE(simulate({7, true}).timeline, simulate({8, true}).timeline);
}

}  // namespace
}  // namespace muster::election
