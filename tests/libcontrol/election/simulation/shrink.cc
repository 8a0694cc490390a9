#include "tests/libcontrol/election/simulation/shrink.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace muster::election {
namespace {

// Without its numbers: epochs, names of nodes and instances.
std::string kindOf(const std::string& violation) {
  std::string kind;
  for (const char c : violation) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) kind += c;
  }
  return kind;
}

size_t faultsOf(const RunResult& result, const Omitted& omitted) {
  const size_t all = result.acts + result.mishaps.size();
  size_t out = 0;
  for (const size_t act : omitted.acts) out += act < result.acts;
  for (const Mishap& mishap : result.mishaps) out += omitted.mishaps.contains(mishap);
  return all - out;
}

}  // namespace

std::set<size_t> leaveOut(size_t count, const std::function<bool(const std::set<size_t>&)>& fails,
                          const std::function<bool()>& may_go_on) {
  std::vector<size_t> kept(count);
  std::iota(kept.begin(), kept.end(), size_t{0});
  std::set<size_t> out;
  for (size_t chunk = count; chunk > 0 && may_go_on();) {
    bool found = false;
    // The last first: what failed has mostly begun early, and what comes later is noise.
    for (size_t end = kept.size(); end > 0 && may_go_on();) {
      const size_t begin = end > chunk ? end - chunk : 0;
      const auto from = kept.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto to = kept.begin() + static_cast<std::ptrdiff_t>(end);
      std::set<size_t> tried = out;
      tried.insert(from, to);
      if (fails(tried)) {
        out = std::move(tried);
        kept.erase(from, to);
        found = true;
      }
      end = begin;
    }
    // One more round with single ones may find what only now can go.
    if (chunk > 1 || !found) chunk /= 2;
  }
  return out;
}

Shrunk shrink(const Scenario& failing, int most_runs) {
  Shrunk shrunk;
  shrunk.scenario = failing;
  shrunk.scenario.with_timeline = false;
  shrunk.result = simulate(shrunk.scenario);
  shrunk.before = faultsOf(shrunk.result, failing.omitted);
  const std::string kind = kindOf(shrunk.result.violation);
  const auto may_go_on = [&] { return shrunk.runs < most_runs; };
  const auto attempt = [&](const Scenario& scenario) {
    ++shrunk.runs;
    RunResult result = simulate(scenario);
    if (kindOf(result.violation) != kind) return false;
    shrunk.result = std::move(result);
    shrunk.scenario = scenario;
    return true;
  };
  // Leaves out what of `all` can go, besides what is left out already.
  const auto pass = [&](auto Omitted::*part, const auto& all) {
    (void)leaveOut(
        all.size(),
        [&](const std::set<size_t>& out) {
          Scenario scenario = shrunk.scenario;
          for (const size_t i : out) (scenario.omitted.*part).insert(all[i]);
          return attempt(scenario);
        },
        may_go_on);
  };
  // What remains of the one may be needed only for the other.
  for (bool smaller = true; smaller && may_go_on();) {
    smaller = false;
    const size_t before = faultsOf(shrunk.result, shrunk.scenario.omitted);
    pass(&Omitted::mishaps, std::vector<Mishap>(shrunk.result.mishaps));
    std::vector<size_t> acts(shrunk.result.acts);
    std::iota(acts.begin(), acts.end(), size_t{0});
    pass(&Omitted::acts, acts);
    smaller = faultsOf(shrunk.result, shrunk.scenario.omitted) < before;
  }
  shrunk.scenario.with_timeline = true;
  shrunk.result = simulate(shrunk.scenario);
  shrunk.faults = faultsOf(shrunk.result, shrunk.scenario.omitted);
  return shrunk;
}

std::string story(const Shrunk& shrunk) {
  const std::string seed = std::to_string(shrunk.scenario.seed);
  std::string text = "seed " + seed + ": " + shrunk.result.violation + "\n" +
                     std::to_string(shrunk.faults) + " of " + std::to_string(shrunk.before) +
                     " faults suffice; the same again: MUSTER_SIM_SEED=" + seed +
                     " election_test --gtest_filter='*/Simulation.*/0'\n";
  for (const std::string& line : shrunk.result.timeline) text += line + "\n";
  return text;
}

}  // namespace muster::election
