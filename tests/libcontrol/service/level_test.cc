#include "libcontrol/service/level.h"

#include <gtest/gtest.h>

namespace muster::service {
namespace {

ServiceSnapshot requests(const std::string& name, uint64_t good, uint64_t bad,
                         double objective = 99.0) {
  ServiceSnapshot s;
  s.name = name;
  s.kind = Kind::kRequests;
  s.good = good;
  s.bad = bad;
  s.objective_percent = objective;
  s.level = judge(s);
  return s;
}

ServiceSnapshot availability(const std::string& name, int64_t observed_ms, int64_t outage_ms,
                             uint32_t outages, double objective = 99.0) {
  ServiceSnapshot s;
  s.name = name;
  s.kind = Kind::kAvailability;
  s.observed = Duration::millis(observed_ms);
  s.outage = Duration::millis(outage_ms);
  s.outages = outages;
  s.objective_percent = objective;
  s.level = judge(s);
  return s;
}

// The wording that people are promised.
TEST(Wording, OfAvailability) {
  EXPECT_EQ(availability("storage", 600'000, 0, 0).level.text,
            "Storage service level: 100% (no outage in the last 10 mins.)");
  EXPECT_EQ(availability("storage", 600'000, 10'000, 1).level.text,
            "Storage service level: 98.3% (1 outage, 10 s, in the last 10 mins.)");
  EXPECT_EQ(availability("storage", 600'000, 90'000, 3).level.text,
            "Storage service level: 85% (3 outages, 90 s, in the last 10 mins.)");
  EXPECT_EQ(availability("storage", 0, 0, 0).level.text,
            "Storage service level: NO DATA (nothing observed yet)");
}

TEST(Wording, OfAnOutageThatGoesOn) {
  ServiceSnapshot s = availability("storage", 600'000, 12'000, 1);
  s.ongoing_outage = Duration::seconds(12);
  EXPECT_EQ(judge(s).text, "Storage service level: 98% (outage for 12 s)");
  s.outages = 3;
  s.outage = Duration::seconds(42);
  EXPECT_EQ(judge(s).text,
            "Storage service level: 93% (outage for 12 s; 3 outages, 42 s, in the last 10 mins.)");
}

TEST(Wording, OfRequests) {
  EXPECT_EQ(requests("user", 4995, 5).level.text,
            "User service level: 99.9% (5 dropped in the last 10 mins.)");
  EXPECT_EQ(requests("user", 5000, 0).level.text,
            "User service level: 100% (none dropped in the last 10 mins.)");
  EXPECT_EQ(requests("user", 0, 0).level.text,
            "User service level: NO DATA (nothing counted in the last 10 mins.)");
  ServiceSnapshot failed = requests("user", 1, 1);
  failed.bad_noun = "failed";
  failed.window = Duration::seconds(3600);
  EXPECT_EQ(judge(failed).text, "User service level: 50% (1 failed in the last 1 hour)");
}

TEST(Wording, NothingShortOfAllIsCalledAll) {
  const Level tiny = requests("user", UINT64_MAX, 1).level;
  EXPECT_LT(*tiny.percent, 100);
  EXPECT_EQ(tiny.text, "User service level: 99.999% (1 dropped in the last 10 mins.)");
  // Shorter than a clock's tick, but it happened.
  const Level blink = availability("storage", 600'000, 0, 1).level;
  EXPECT_LT(*blink.percent, 100);
  EXPECT_EQ(blink.text, "Storage service level: 99.999% (1 outage, 0 s, in the last 10 mins.)");
  EXPECT_EQ(requests("user", 0, 3).level.text,
            "User service level: 0% (3 dropped in the last 10 mins.)");
}

TEST(Wording, PercentsAreRoundedDownToFewerDigitsTheWorseTheyAre) {
  const auto text = [](double percent) { return levelSentence("x", percent, "y"); };
  EXPECT_EQ(text(100), "X service level: 100% (y)");
  EXPECT_EQ(text(99.9999999), "X service level: 99.999% (y)");
  EXPECT_EQ(text(99.9876), "X service level: 99.987% (y)");
  EXPECT_EQ(text(99.99), "X service level: 99.99% (y)");
  EXPECT_EQ(text(99.9), "X service level: 99.9% (y)");
  EXPECT_EQ(text(99.899), "X service level: 99.89% (y)");
  EXPECT_EQ(text(99.0), "X service level: 99% (y)");
  EXPECT_EQ(text(98.99), "X service level: 98.9% (y)");
  EXPECT_EQ(text(98.3), "X service level: 98.3% (y)");
  EXPECT_EQ(text(0.05), "X service level: 0% (y)");
}

TEST(Wording, OfNames) {
  EXPECT_EQ(displayName("user"), "User");
  EXPECT_EQ(displayName("user-front_end.v2"), "User front end.v2");
  EXPECT_EQ(displayName("X"), "X");
  EXPECT_EQ(displayName(""), "");
}

TEST(Wording, OfDurations) {
  const auto words = [](int64_t ms) { return durationInWords(Duration::millis(ms)); };
  EXPECT_EQ(words(0), "0 s");
  EXPECT_EQ(durationInWords(Duration{1}), "under 1 ms");
  EXPECT_EQ(words(250), "250 ms");
  EXPECT_EQ(words(999), "999 ms");
  EXPECT_EQ(words(1000), "1 s");
  EXPECT_EQ(words(1999), "1 s");
  EXPECT_EQ(words(60'000), "1 min.");
  EXPECT_EQ(words(90'000), "90 s");
  EXPECT_EQ(words(120'000), "2 mins.");
  EXPECT_EQ(words(200'000), "3 mins. 20 s");
  EXPECT_EQ(words(600'000), "10 mins.");
  EXPECT_EQ(words(3'600'000), "1 hour");
  EXPECT_EQ(words(3'661'000), "1 hour 1 min.");
  EXPECT_EQ(words(86'400'000), "24 hours");
}

TEST(Judge, ExactlyTheObjectiveIsNotBreached) {
  EXPECT_EQ(requests("user", 999, 1, 99.9).level.state, LevelState::kBurning);
  EXPECT_EQ(requests("user", 99'899, 101, 99.9).level.state, LevelState::kBreached);
  EXPECT_EQ(requests("user", 9'998, 2, 99.98).level.state, LevelState::kBurning);
}

TEST(Judge, HalfOfTheBudgetIsTheBorderOfBurning) {
  EXPECT_EQ(requests("user", 1999, 1, 99.9).level.state, LevelState::kOk);
  EXPECT_EQ(requests("user", 1998, 1, 99.9).level.state, LevelState::kBurning);
  // Where doubles alone would say a little more than half.
  EXPECT_EQ(requests("user", 19'970, 30, 99.7).level.state, LevelState::kOk);
  EXPECT_EQ(availability("storage", 600'000, 3'000, 1, 99).level.state, LevelState::kOk);
  EXPECT_EQ(availability("storage", 600'000, 3'001, 1, 99).level.state, LevelState::kBurning);
  EXPECT_EQ(availability("storage", 600'000, 6'001, 1, 99).level.state, LevelState::kBreached);
}

TEST(Judge, NoDataHasNoPercent) {
  EXPECT_EQ(requests("user", 0, 0).level.percent, std::nullopt);
  EXPECT_EQ(requests("user", 0, 0).level.state, LevelState::kNoData);
  EXPECT_EQ(availability("storage", 0, 0, 0).level.percent, std::nullopt);
}

TEST(Worst, ComesFirst) {
  std::vector<ServiceSnapshot> all = {
      requests("well", 100, 0),      requests("silent", 0, 0),      requests("burning", 993, 7),
      requests("worst", 1, 1),       requests("breached", 980, 20), requests("also-well", 100, 0),
      requests("nearly", 99'999, 1),
  };
  sortWorstFirst(all);
  std::vector<std::string> names;
  for (const auto& s : all) names.push_back(s.name);
  EXPECT_EQ(names, (std::vector<std::string>{"worst", "breached", "burning", "silent", "nearly",
                                             "also-well", "well"}));
  const Level level = worstOf(all);
  EXPECT_EQ(level.percent, 50);
  EXPECT_EQ(level.text, all[0].level.text);
}

TEST(Worst, TakesTheLowestPercentEvenIfAnotherIsFurtherBelowItsObjective) {
  std::vector<ServiceSnapshot> all = {requests("strict", 990, 10, 99.9),
                                      requests("lax", 80, 20, 50)};
  sortWorstFirst(all);
  EXPECT_EQ(worstOf(all).percent, 80);
  EXPECT_EQ(worstOf(all).state, LevelState::kBreached);
  EXPECT_EQ(worstOf(all).text, all[0].level.text);
}

TEST(Worst, NoDataIsNeverAll) {
  std::vector<ServiceSnapshot> all = {requests("user", 100, 0), requests("silent", 0, 0)};
  sortWorstFirst(all);
  EXPECT_EQ(worstOf(all).state, LevelState::kNoData);
  EXPECT_EQ(worstOf(all).percent, std::nullopt);
  EXPECT_EQ(worstOf({}).state, LevelState::kNoData);
}

}  // namespace
}  // namespace muster::service
