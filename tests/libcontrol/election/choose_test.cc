#include "libcontrol/election/choose.h"

#include <gtest/gtest.h>

namespace muster::election {
namespace {

Candidate candidateOf(const std::string& name) {
  Candidate candidate;
  candidate.jid = Jid::parse(name + "@example.org").value();
  candidate.name = name;
  candidate.instances = candidate.live = 1;
  candidate.level_percent = 100;
  candidate.present_since = ElapsedTime{1000};
  return candidate;
}

std::string bestOf(std::vector<Candidate> candidates, const ChooseOptions& options = {}) {
  const Decision decision = choose(options, std::move(candidates));
  return decision.best() ? decision.best()->name : "";
}

TEST(Choose, OrdersByPriorityLevelLagPresenceAndJid) {
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  EXPECT_EQ(bestOf({b, a}), "a") << "JID";
  b.present_since = ElapsedTime{500};
  EXPECT_EQ(bestOf({a, b}), "b") << "longer present";
  b.lag = Duration::millis(5);
  EXPECT_EQ(bestOf({a, b}), "a") << "lag";
  b.level_percent = 99.9;
  a.level_percent = 99.4;
  EXPECT_EQ(bestOf({a, b}), "b") << "level, rounded: 100 over 99";
  a.priority = 1;
  EXPECT_EQ(bestOf({a, b}), "a") << "priority";
}

TEST(Choose, NoiseInTheLevelDecidesNothing) {
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  a.level_percent = 99.8;
  EXPECT_EQ(bestOf({a, b}), "a");
}

TEST(Choose, NoDataIsNotUnderTheFloorButComesLast) {
  ChooseOptions options;
  options.level_floor = 50;
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  a.level_percent.reset();
  b.level_percent = 51;
  EXPECT_EQ(bestOf({a, b}, options), "b");
  EXPECT_EQ(bestOf({a}, options), "a");
}

TEST(Choose, SaysWhyNot) {
  ChooseOptions options;
  options.level_floor = 90;
  options.max_lag = Duration::seconds(1);
  const auto why = [&](auto change) {
    Candidate a = candidateOf("a");
    change(a);
    const Decision decision = choose(options, {a});
    EXPECT_EQ(decision.best(), nullptr);
    return decision.verdicts.front().why;
  };
  EXPECT_EQ(why([](Candidate& c) { c.instances = c.live = 0; }), "not present");
  EXPECT_EQ(why([](Candidate& c) { c.drained = true; }), "drained");
  EXPECT_EQ(why([](Candidate& c) { c.nofailover = true; }), "tagged nofailover");
  EXPECT_EQ(why([](Candidate& c) { c.instances = c.live = 2; }),
            "2 live processes under one account");
  EXPECT_EQ(why([](Candidate& c) { c.level_percent = 89.5; }),
            "level 89.5% is under the floor of 90%");
  EXPECT_EQ(why([](Candidate& c) { c.lag = Duration::seconds(2); }),
            "lag 2s is over the bound of 1s");
  EXPECT_EQ(why([](Candidate& c) { c.barred = "declined"; }), "declined");
}

TEST(Choose, KeepsEveryCandidateWithItsReason) {
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  Candidate c = candidateOf("c");
  b.priority = 2;
  c.drained = true;
  const Decision decision = choose({}, {c, a, b});
  ASSERT_EQ(decision.verdicts.size(), 3u);
  EXPECT_EQ(decision.verdicts[0].candidate.name, "b");
  EXPECT_EQ(decision.verdicts[1].why, "priority 0 is below 2");
  EXPECT_EQ(decision.find(c.jid)->why, "drained");
}

}  // namespace
}  // namespace muster::election
