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
  EXPECT_EQ(decision.verdicts[1].why, "priority 0 is below the 2 of b");
  EXPECT_EQ(decision.find(c.jid)->why, "drained");
}

TEST(Choose, FactsComeBeforeTaste) {
  Candidate a = candidateOf("a");
  a.drained = true;
  a.drain_note = "by bob since noon: new disk";
  EXPECT_EQ(choose({}, {a}).verdicts[0].why, "drained by bob since noon: new disk");
  EXPECT_TRUE(isTaste(choose({}, {a}).verdicts[0].obstacle));
  a.distrusted = "reports an epoch that can't be true";
  EXPECT_EQ(choose({}, {a}).verdicts[0].obstacle, Obstacle::kDistrusted);
  a.live = 0;
  EXPECT_EQ(choose({}, {a}).verdicts[0].obstacle, Obstacle::kSilent);
  EXPECT_FALSE(isTaste(Obstacle::kSilent));
}

TEST(Choose, WithoutTasteOnlyFactsCount) {
  ChooseOptions options;
  options.level_floor = 90;
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  a.level_percent = 10;
  a.barred = "declined a moment ago";
  b.live = 0;
  const Decision decision = choose(options, {a, b});
  EXPECT_EQ(decision.best(), nullptr);
  const Decision without = withoutTaste(decision);
  ASSERT_NE(without.best(), nullptr);
  EXPECT_EQ(without.best()->name, "a");
  EXPECT_EQ(withoutTaste(decision, true).best(), nullptr) << "a failure of this very moment counts";
}

TEST(Choose, ADecisionCanBeReplayed) {
  ChooseOptions options;
  options.level_floor = 90;
  Candidate a = candidateOf("a");
  Candidate b = candidateOf("b");
  a.active = true;
  b.level_percent = 95;
  Candidate c = candidateOf("c");
  c.level_percent = 89.25;
  const Decision first = choose(options, {b, c, a});
  std::vector<Candidate> again;
  for (const Verdict& verdict : first.verdicts) again.push_back(verdict.candidate);
  const Decision second = choose(first.options, again);
  ASSERT_EQ(second.verdicts.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(second.verdicts[i].why, first.verdicts[i].why);
  EXPECT_EQ(first.verdicts[0].why, "active; first in order: priority 0, level 100%");
  EXPECT_EQ(first.verdicts[1].why, "level 95% is below the 100% of a");
  EXPECT_EQ(first.verdicts[2].why, "level 89.25% is under the floor of 90%");
}

}  // namespace
}  // namespace muster::election
