// Seeds of the simulation, one after the other. Ends with 1 at the first that fails, whose story it
// tells.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "tests/libcontrol/election/simulation/shrink.h"

namespace {

constexpr int kMostShrinkingRuns = 20'000;

}  // namespace

int main(int argc, char** argv) {
  uint64_t from = 1;
  uint64_t count = 10'000;
  CLI::App app("Runs the simulated group with one seed after the other.", "election_soak");
  app.add_option("--from", from, "The first seed")->capture_default_str();
  app.add_option("--count", count, "How many seeds")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  double seconds = 0;
  int64_t failovers = 0;
  int64_t steps = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (uint64_t seed = from; seed < from + count; ++seed) {
    const muster::election::RunResult result = muster::election::simulate({seed});
    if (!result.violation.empty()) {
      const auto shrunk = muster::election::shrink({seed}, kMostShrinkingRuns);
      std::fputs(muster::election::story(shrunk).c_str(), stdout);
      return 1;
    }
    seconds += result.seconds;
    failovers += result.failovers;
    steps += result.steps;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf(
      "seeds %llu to %llu: %.0f virtual seconds, %lld steps, %lld failovers; %.0f times "
      "real time\n",
      static_cast<unsigned long long>(from), static_cast<unsigned long long>(from + count - 1),
      seconds, static_cast<long long>(steps), static_cast<long long>(failovers),
      seconds / took.count());
  return 0;
}
