#include "libcontrol/rules/rule_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/rules/rule_file.h"

namespace muster::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const RuleSet> setOf(const std::string& text) {
  auto file = parseRuleFile(text, "rules.toml");
  EXPECT_TRUE(file.isOk()) << file.status().text();
  auto set = RuleSet::make(std::move(file).value());
  EXPECT_TRUE(set.isOk()) << set.status().text();
  return std::move(set).value();
}

// A rule of `bad` for each line: logger, level, text.
std::string rule(const std::string& logger, const std::string& level, const std::string& text,
                 const std::string& more = "effect = 'bad'\n") {
  return "[[rule]]\nlogger = '" + logger + "'\nlevel = '" + level + "'\ntext = '" + text + "'\n" +
         "service = 's'\n" + more;
}

std::vector<size_t> hits(const std::shared_ptr<const RuleSet>& set, Severity level,
                         const std::string& logger, const std::string& text) {
  RuleMatcher matcher(*set);
  std::vector<size_t> out;
  for (const Hit& hit : matcher.match(level, logger, text)) out.push_back(hit.rule);
  return out;
}

TEST(RuleSet, AllRulesThatFitHitInTheirOrder) {
  const auto set = setOf(rule("*", "trace", "disk") + rule("*", "trace", "full$") +
                         rule("*", "trace", "^no") + rule("*", "trace", "d.sk f"));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "the disk is full"), ElementsAre(0, 1));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "no disk full"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "well"), IsEmpty());
}

TEST(RuleSet, LevelAndLoggerDecideBeforeTheText) {
  const auto set = setOf(rule("storage*", "warn", "x") + rule("*.disk", "error", "x") +
                         rule("root", "info", "x"));
  EXPECT_THAT(hits(set, Severity::kWarn, "storage", "x"), ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kInfo, "storage", "x"), IsEmpty());
  EXPECT_THAT(hits(set, Severity::kCritical, "storage.disk", "x"), ElementsAre(0, 1));
  EXPECT_THAT(hits(set, Severity::kCritical, "", "x"), ElementsAre(2));
  EXPECT_THAT(hits(set, Severity::kInfo, "root", "x"), ElementsAre(2));
}

TEST(RuleSet, TheLeastLevelIsThatOfTheRulesForTheLogger) {
  const auto set = setOf(rule("storage*", "warn", "x") + rule("*.disk", "info", "x"));
  EXPECT_EQ(set->leastLevel(), Severity::kInfo);
  EXPECT_EQ(set->leastLevel("storage"), Severity::kWarn);
  EXPECT_EQ(set->leastLevel("storage.disk"), Severity::kInfo);
  EXPECT_EQ(set->leastLevel("user"), Severity::kNone);
  EXPECT_EQ(setOf("")->leastLevel(), Severity::kNone);
}

TEST(RuleSet, ARuleWithoutTextHitsByLevelAlone) {
  const auto set =
      setOf("[[rule]]\nlevel = 'error'\neffect = 'bad'\nservice = 's'\n" + rule("*", "trace", "x"));
  EXPECT_THAT(hits(set, Severity::kError, "a", "anything"), ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kError, "a", ""), ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kError, "a", "x"), ElementsAre(0, 1));
  EXPECT_THAT(hits(set, Severity::kWarn, "a", "x"), ElementsAre(1));
}

TEST(RuleSet, ACountIsTakenFromItsGroup) {
  const auto set =
      setOf(rule("*", "trace", R"((\w+) dropped (\S*))", "effect = 'bad'\ncount = '$2'\n"));
  RuleMatcher matcher(*set);
  const auto count = [&](const std::string& figure) {
    return matcher.match(Severity::kInfo, "a", "user dropped " + figure)[0];
  };
  EXPECT_TRUE(count("17").readable);
  EXPECT_EQ(count("17").count, 17u);
  EXPECT_EQ(count("0").count, 0u);
  EXPECT_EQ(count("1000000").count, limits::kMaxRuleCount);
  for (const char* figure :
       {"1000001", "99999999999999999999999", "-1", "+1", "1.5", "seven", "", "0x10", "1e3"}) {
    EXPECT_FALSE(count(figure).readable) << figure;
  }
}

TEST(RuleSet, AGaugeTakesItsValueFromItsGroup) {
  const auto set = setOf(rule("*", "trace", "usage (\\S+)", "effect = 'gauge=$1'\n") +
                         "[[service]]\nname = 's'\nat_most = 80\n");
  RuleMatcher matcher(*set);
  const auto value = [&](const std::string& figure) {
    return matcher.match(Severity::kInfo, "a", "usage " + figure)[0];
  };
  EXPECT_DOUBLE_EQ(value("81.5").value, 81.5);
  EXPECT_DOUBLE_EQ(value("-3").value, -3);
  EXPECT_DOUBLE_EQ(value("1e3").value, 1000);
  for (const char* figure : {"nan", "inf", "1e999", "81%", "1,5"}) {
    EXPECT_FALSE(value(figure).readable) << figure;
  }
}

TEST(RuleSet, AGroupThatTookNoPartIsUnreadable) {
  const auto set =
      setOf(rule("*", "trace", "ended|dropped (\\d+)", "effect = 'bad'\ncount = '$1'\n"));
  RuleMatcher matcher(*set);
  EXPECT_FALSE(matcher.match(Severity::kInfo, "a", "ended")[0].readable);
  EXPECT_TRUE(matcher.match(Severity::kInfo, "a", "dropped 3")[0].readable);
}

TEST(RuleSet, OnlyTheBeginningOfALongTextCounts) {
  const auto set = setOf(rule("*", "trace", "needle"));
  const std::string before(limits::kMaxRuleTextBytes - 6, 'x');
  EXPECT_THAT(hits(set, Severity::kInfo, "a", before + "needle" + std::string(100'000, 'y')),
              ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", before + "xneedle"), IsEmpty());
}

TEST(RuleSet, InvalidUtf8AndControlCharactersHideNothing) {
  const auto set = setOf(rule("*", "trace", "begin.*end") + rule("*", "trace", "größe") +
                         rule("*", "trace", "^.$"));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "begin \xff\xfe\x80 end"), ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", std::string("begin \0\x1b[31m\x07 end", 17)),
              ElementsAre(0));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "\xc3 größe \xc3"), ElementsAre(1));
  EXPECT_THAT(hits(set, Severity::kInfo, "a", "\xc3"), ElementsAre(2));
  // A character that the bound cuts in two.
  EXPECT_THAT(hits(set, Severity::kInfo, "a",
                   "begin end" + std::string(limits::kMaxRuleTextBytes - 10, 'x') + "ö"),
              ElementsAre(0));
}

TEST(RuleSet, ALineFeedEndsNoTextAndStopsADot) {
  const auto set =
      setOf(rule("*", "trace", "a.*b") + rule("*", "trace", "(?s)a.*b") + rule("*", "trace", "b$"));
  EXPECT_THAT(hits(set, Severity::kInfo, "l", "a\nb"), ElementsAre(1, 2));
  EXPECT_THAT(hits(set, Severity::kInfo, "l", "b\na"), IsEmpty());
}

// Patterns whose automaton has more states than memory allows: what one automaton can't, they must
// find one by one.
TEST(RuleSet, WhatDoesNotFitIntoTheAutomatonIsFoundAllTheSame) {
  std::string file;
  for (int i = 0; i < 40; ++i) {
    file += rule("*", "trace", "[ab]*a[ab]{" + std::to_string(60 + i) + "}c$");
  }
  const auto set = setOf(file);
  RuleMatcher matcher(*set);
  std::mt19937 random(7);
  for (int n = 0; n < 3; ++n) {
    std::string text;
    for (int i = 0; i < 4000; ++i) text += (random() & 1) != 0 ? 'a' : 'b';
    std::vector<size_t> expected;
    for (size_t i = 0; i < 40; ++i) {
      if (text[text.size() - 61 - i] == 'a') expected.push_back(i);
    }
    std::vector<size_t> found;
    for (const Hit& hit : matcher.match(Severity::kInfo, "a", text + "c"))
      found.push_back(hit.rule);
    ASSERT_EQ(found, expected) << n;
  }
}

TEST(RuleSet, AllPatternsTogetherAreBounded) {
  std::string text;
  for (size_t i = 0; i < limits::kMaxRules; ++i) {
    text += rule("*", "trace", std::to_string(i) + "\\pL{4}");
  }
  auto file = parseRuleFile(text, "rules.toml");
  ASSERT_TRUE(file.isOk()) << file.status().text();
  const auto set = RuleSet::make(std::move(file).value());
  ASSERT_FALSE(set.isOk());
  EXPECT_THAT(set.status().text(), HasSubstr("all patterns together take more than 16 MiB"));
}

TEST(RuleSet, HostileLinesAreReadWhole) {
  const auto set = setOf(rule("*", "trace", R"((a+)+$)") + rule("*", "trace", R"((x|y|z)*w)") +
                         rule("*", "trace", R"(\d+ms)"));
  RuleMatcher matcher(*set);
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    std::string line(random() % 100'000, '\0');
    for (char& c : line) c = static_cast<char>(random());
    const std::string logger(random() % 300, static_cast<char>(random()));
    (void)matcher.match(static_cast<Severity>(random() % 6), logger, line);
  }
  EXPECT_THAT(matcher.match(Severity::kInfo, "a", std::string(4000, 'a') + "!"), IsEmpty());
}

TEST(RuleSet, MoreLoggersThanAreRememberedAreJudgedAsWell) {
  const auto set = setOf(rule("l7*", "trace", "x"));
  RuleMatcher matcher(*set);
  for (int i = 0; i < 5000; ++i) {
    const std::string logger = "l" + std::to_string(i);
    ASSERT_EQ(matcher.match(Severity::kInfo, logger, "x").empty(), logger[1] != '7') << logger;
  }
}

TEST(RuleSet, SeveralThreadsMatchAtOnce) {
  const auto set = setOf(rule("*", "trace", "needle (\\d+)", "effect = 'bad'\ncount = '$1'\n") +
                         rule("*", "trace", "h.y"));
  std::vector<std::thread> threads;
  std::vector<uint64_t> sums(4, 0);
  for (size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([&, t] {
      RuleMatcher matcher(*set);
      for (int i = 0; i < 2000; ++i) {
        for (const Hit& hit :
             matcher.match(Severity::kInfo, "a", "hay needle " + std::to_string(i))) {
          sums[t] += hit.count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const uint64_t sum : sums) EXPECT_EQ(sum, 2000u * 1999u / 2 + 2000u);
}

}  // namespace
}  // namespace muster::rules
