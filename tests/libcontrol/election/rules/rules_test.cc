// Each rule of the protocol is broken once, and the simulation has to notice: a rule whose breaking
// nobody notices is a hole in the simulation.
#include "libcontrol/election/rules.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "tests/libcontrol/election/simulation/shrink.h"

namespace muster::election {
namespace {

struct Breakable {
  Rule rule;
  const char* name;
  const char* text;
};

constexpr Breakable kRules[] = {
#define MUSTER_ELECTION_RULE(name, text) {Rule::name, #name, text},
    MUSTER_ELECTION_RULES(MUSTER_ELECTION_RULE)
#undef MUSTER_ELECTION_RULE
};

// The seeds of the simulation's own test.
constexpr uint64_t kSeeds = 10'000;

class Broken {
 public:
  explicit Broken(Rule rule) { broken_rule = rule; }
  ~Broken() { broken_rule = Rule::kNone; }
};

class BrokenRule : public testing::TestWithParam<Breakable> {};

TEST_P(BrokenRule, IsNoticed) {
  const Broken broken(GetParam().rule);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Scenario scenario{seed, false, GetParam().rule};
    const RunResult result = simulate(scenario);
    if (result.violation.empty()) continue;
    RecordProperty("text", GetParam().text);
    RecordProperty("seed", std::to_string(seed));
    RecordProperty("violation", result.violation);
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.violation.c_str());
    return;
  }
  ADD_FAILURE() << "in " << kSeeds << " runs nobody noticed that " << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Rules, BrokenRule, testing::ValuesIn(kRules),
                         [](const auto& info) { return info.param.name; });

// --- the shrinking, on runs that surely fail ----------------------------------------------------

Scenario failing(Rule rule) {
  for (uint64_t seed = 1;; ++seed) {
    const Scenario scenario{seed, false, rule};
    if (!simulate(scenario).violation.empty()) return scenario;
  }
}

TEST(Shrinking, LeavesOnlyWhatTheFailureNeeds) {
  const Rule rule = Rule::kWaitFromRenewal;
  const Broken broken(rule);
  const Scenario scenario = failing(rule);
  const Shrunk shrunk = shrink(scenario, 5000);
  EXPECT_LT(shrunk.faults, shrunk.before);
  EXPECT_LT(shrunk.runs, 5000);
  EXPECT_NE(story(shrunk).find("faults suffice"), std::string::npos);
  EXPECT_FALSE(shrunk.result.timeline.empty());
  // Not one more can go.
  for (size_t act = 0; act < shrunk.result.acts; ++act) {
    Scenario less = shrunk.scenario;
    if (!less.omitted.acts.insert(act).second) continue;
    EXPECT_NE(simulate(less).violation, shrunk.result.violation) << "act " << act;
  }
  // And the same comes of it again.
  EXPECT_EQ(shrink(scenario, 5000).result.timeline, shrunk.result.timeline);
}

TEST(Shrinking, GivesUpInTime) {
  const Rule rule = Rule::kWaitFromRenewal;
  const Broken broken(rule);
  const Shrunk shrunk = shrink(failing(rule), 3);
  EXPECT_LE(shrunk.runs, 3);
  EXPECT_FALSE(shrunk.result.violation.empty());
}

TEST(Shrinking, FindsTheOnesThatMatter) {
  int calls = 0;
  const auto fails = [&](const std::set<size_t>& out) {
    ++calls;
    return !out.contains(17) && !out.contains(70);
  };
  const std::set<size_t> out = leaveOut(100, fails, [] { return true; });
  EXPECT_EQ(out.size(), 98u);
  EXPECT_LT(calls, 120) << "halves before single ones";
}

}  // namespace
}  // namespace muster::election
