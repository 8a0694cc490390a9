#include "coordinator/cli/rule_trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "coordinator/cli/layout.h"
#include "coordinator/cli/rule_report.h"
#include "libcontrol/rules/rule_file.h"

namespace muster::cli {
namespace {

using service::LevelState;
using testing::HasSubstr;
using testing::Not;

constexpr char kRules[] = R"(
[[rule]]
name = "served"
text = 'served (\d+)'
effect = "good"
count = "$1"
service = "user"
[[rule]]
name = "dropped"
text = 'dropped (\S+)'
effect = "bad"
count = "$1"
service = "user"
[[rule]]
name = "down"
text = 'down'
effect = "outage-begin"
service = "storage"
[[rule]]
name = "up"
text = 'up'
effect = "outage-end"
service = "storage"
[[rule]]
name = "usage"
text = 'usage (\d+)'
effect = "gauge=$1"
service = "disk"
[[service]]
name = "user"
objective = 90.0
window = "1m"
[[service]]
name = "storage"
objective = 90.0
window = "1m"
[[service]]
name = "disk"
objective = 90.0
window = "1m"
at_most = 80
)";

std::shared_ptr<const rules::RuleSet> rulesOf(const std::string& text) {
  auto file = rules::parseRuleFile(text, "rules.toml");
  EXPECT_TRUE(file.isOk()) << file.status().text();
  return *rules::RuleSet::make(std::move(file).value());
}

// A line of a log, so many seconds after two o'clock.
std::string line(int second, const std::string& text) {
  char time[64];
  snprintf(time, sizeof time, "[2026-01-01 %02d:%02d:%02d.000] [app] [info] ", 14 + second / 3600,
           second / 60 % 60, second % 60);
  return time + text + "\n";
}

class RuleTrialTest : public testing::Test {
 protected:
  void run(const std::string& log) {
    std::istringstream in(log);
    LogLines lines(in);
    for (LogRecord record; lines.next(record);) trial_.add(record);
    trial_.finish();
    lines_ = lines.lines();
  }
  std::string text(size_t width = kAnyWidth) const {
    return trialText(*set_, trial_, lines_, width);
  }
  const RuleTrial::ServiceResult& user() const { return trial_.services()[0]; }
  const RuleTrial::ServiceResult& storage() const { return trial_.services()[1]; }
  const RuleTrial::ServiceResult& disk() const { return trial_.services()[2]; }

  std::shared_ptr<const rules::RuleSet> set_ = rulesOf(kRules);
  RuleTrial trial_{set_};
  size_t lines_ = 0;
};

TEST_F(RuleTrialTest, HitsAreCountedWithTheirFirstAndLastExample) {
  run(line(0, "served 5") + line(1, "nothing") + line(2, "dropped 1\nwith a trace") +
      line(3, "dropped many"));
  EXPECT_EQ(trial_.records(), 4u);
  EXPECT_EQ(trial_.rules()[0].hits, 1u);
  EXPECT_EQ(trial_.rules()[1].hits, 2u);
  EXPECT_EQ(trial_.rules()[1].unreadable, 1u);
  EXPECT_EQ(trial_.rules()[1].first.line, 3u);
  EXPECT_EQ(trial_.rules()[1].first.text, "dropped 1 with a trace");
  EXPECT_EQ(trial_.rules()[1].last.text, "dropped many");
  EXPECT_EQ(trial_.rules()[2].hits, 0u);
  EXPECT_THAT(text(),
              HasSubstr("4 records in 5 lines, 2026-01-01 14:00:00 to 2026-01-01 14:00:03"));
  EXPECT_THAT(text(), HasSubstr("down: no hits"));
  EXPECT_THAT(text(), HasSubstr("2 hits, 1 of them without effect"));
  EXPECT_THAT(text(), HasSubstr("    first line 3, 2026-01-01 14:00:02: dropped 1 with a trace\n"));
}

TEST_F(RuleTrialTest, TheLevelIsThatOfTheSlidingWindow) {
  std::string log = line(0, "served 75") + line(0, "dropped 25");
  for (int s = 10; s <= 200; s += 10) log += line(s, "served 10");
  run(log);
  ASSERT_TRUE(user().worst.has_value());
  EXPECT_DOUBLE_EQ(*user().worst->percent, 75);
  EXPECT_DOUBLE_EQ(*user().last.level.percent, 100);
}

TEST_F(RuleTrialTest, OutagesTakeTheTimeThatTheLogSays) {
  run(line(0, "begin") + line(30, "down") + line(60, "up") + line(61, "end"));
  EXPECT_NEAR(*storage().last.level.percent, 50, 1);
  EXPECT_EQ(storage().last.level.state, LevelState::kBreached);
}

TEST_F(RuleTrialTest, AGaugeHasNoDataBeforeItsFirstValue) {
  run(line(0, "begin") + line(20, "end"));
  EXPECT_EQ(disk().last.level.state, LevelState::kNoData);
}

TEST_F(RuleTrialTest, AGaugeIsGoodWithinItsBounds) {
  run(line(0, "usage 80") + line(30, "usage 81") + line(60, "usage 79") + line(61, "end"));
  EXPECT_NEAR(*disk().last.level.percent, 50, 1);
}

TEST_F(RuleTrialTest, TheChartShowsWhenItWasBad) {
  std::string log;
  for (int s = 0; s < 600; s += 10) {
    log += line(s, s >= 200 && s < 300 ? "dropped 10" : "served 10");
  }
  run(log);
  const std::string chart = levelChart(trial_, user(), 10);
  // Well, then all bad, the window behind it, well again.
  EXPECT_THAT(chart, testing::StartsWith("███"));
  EXPECT_THAT(chart, testing::EndsWith("███"));
  EXPECT_THAT(chart, HasSubstr("▂▂"));
  EXPECT_EQ(chart.size(), 10 * std::string("█").size());
  EXPECT_THAT(levelChart(trial_, disk(), 4), testing::Eq("····"));
}

TEST_F(RuleTrialTest, DaysOfALogFitTheSamples) {
  std::string log;
  for (int s = 0; s < 9 * 3600; s += 30) log += line(s, s == 3600 ? "dropped 100" : "served 1");
  run(log);
  EXPECT_LE(user().samples.size(), RuleTrial::kMaxSamples);
  EXPECT_GE(user().samples.size(), RuleTrial::kMaxSamples / 2);
  // A short fall is not lost among them.
  const auto bad = [](const RuleTrial::Sample& each) { return each.percent && *each.percent < 50; };
  EXPECT_EQ(std::count_if(user().samples.begin(), user().samples.end(), bad) > 0, true);
}

TEST_F(RuleTrialTest, ALongSilenceAndATimeThatRunsBackTakeNoTime) {
  run("[1980-01-01 00:00:00.000] [a] [info] served 1\n[2026-01-01 00:00:00.000] [a] [info] x\n"
      "[1990-01-01 00:00:00.000] [a] [info] dropped 1\n");
  EXPECT_EQ(trial_.rules()[1].hits, 1u);
  EXPECT_LE(user().samples.size(), RuleTrial::kMaxSamples + 1);
  EXPECT_EQ(toRfc3339(*trial_.to()), "2026-01-01T00:00:00Z");
}

TEST_F(RuleTrialTest, ALogWithoutTimesHasNoChart) {
  run("served 9\ndropped 1\n");
  EXPECT_EQ(trial_.rules()[0].hits, 1u);
  EXPECT_THAT(text(), HasSubstr("No line has a time"));
  EXPECT_THAT(text(), Not(HasSubstr("lowest")));
}

TEST_F(RuleTrialTest, AnEmptyLogIsNoError) {
  run("");
  EXPECT_THAT(text(), HasSubstr("0 records in 0 lines"));
}

TEST_F(RuleTrialTest, ItFitsATerminalAndIsJson) {
  run(line(0, "dropped 1 " + std::string(500, 'x')) + line(20, "\x1b[31m down \xff"));
  EXPECT_THAT(text(40), Not(HasSubstr(std::string(60, 'x'))));
  EXPECT_THAT(text(), Not(HasSubstr("\x1b")));
  const auto json = nlohmann::json::parse(trialJson(*set_, trial_, lines_));
  EXPECT_EQ(json["rules"][1]["hits"], 1);
  EXPECT_EQ(json["rules"][1]["first"]["line"], 1);
  EXPECT_EQ(json["services"][0]["name"], "user");
  EXPECT_EQ(json["services"][0]["samples"][0]["at"], "2026-01-01 14:00:10");
}

}  // namespace
}  // namespace muster::cli
