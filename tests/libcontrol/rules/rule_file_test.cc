#include "libcontrol/rules/rule_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>

#include "libcontrol/base/limits.h"

namespace muster::rules {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<RuleFile> parse(const std::string& text) {
  return parseRuleFile(text, "/etc/muster/rules.toml");
}

std::string mistakes(const std::string& text) {
  const auto read = parse(text);
  EXPECT_FALSE(read.isOk());
  EXPECT_EQ(read.status().code(), Code::kInvalidArgument);
  return read.status().text();
}

TEST(RuleFile, ReadsAllThatARuleCanSay) {
  const auto read = parse(R"(
[[rule]]
name = "dropped"
logger = "user*"
level = "warn"
text = 'dropped (\d+) of (\d+)'
effect = "bad"
count = "$1"
service = "user"

[[rule]]
text = 'disk usage (\S+)%'
effect = "gauge=$1"
service = "disk"

[[service]]
name = "user"
objective = 99.5
window = "5m"
noun = "lost"

[[service]]
name = "disk"
at_most = 80
)");
  ASSERT_TRUE(read.isOk()) << read.status().text();
  ASSERT_EQ(read->rules.size(), 2u);
  const Rule& dropped = read->rules[0];
  EXPECT_EQ(dropped.name, "dropped");
  EXPECT_EQ(dropped.logger, "user*");
  EXPECT_EQ(dropped.level, Severity::kWarn);
  EXPECT_EQ(dropped.effect, Effect::kBad);
  EXPECT_EQ(dropped.count_group, 1);
  EXPECT_NE(dropped.expression, nullptr);
  const Rule& disk = read->rules[1];
  EXPECT_EQ(disk.name, "rule 2");
  EXPECT_EQ(disk.logger, "*");
  EXPECT_EQ(disk.level, Severity::kTrace);
  EXPECT_EQ(disk.effect, Effect::kGauge);
  EXPECT_EQ(disk.value_group, 1);
  ASSERT_EQ(read->services.size(), 2u);
  const RuleService& user = read->services[dropped.service];
  EXPECT_EQ(user.name, "user");
  EXPECT_EQ(user.kind, ServiceKind::kRequests);
  EXPECT_DOUBLE_EQ(user.options.objective_percent, 99.5);
  EXPECT_EQ(user.options.window, std::chrono::minutes(5));
  EXPECT_EQ(user.options.bad_noun, "lost");
  const RuleService& usage = read->services[disk.service];
  EXPECT_EQ(usage.kind, ServiceKind::kGauge);
  EXPECT_TRUE(std::isinf(usage.bounds.min));
  EXPECT_EQ(usage.bounds.max, 80.0);
}

TEST(RuleFile, AFileWithoutRulesIsInOrder) {
  const auto read = parse("# none yet\n");
  ASSERT_TRUE(read.isOk()) << read.status().text();
  EXPECT_TRUE(read->rules.empty());
}

TEST(RuleFile, ServicesKeepTheOrderOfTheRulesAndAreShared) {
  const auto read = parse(R"(
[[rule]]
text = "up"
effect = "outage-end"
service = "b"
[[rule]]
text = "down"
effect = "outage-begin"
service = "b"
[[rule]]
text = "x"
effect = "good"
service = "a"
)");
  ASSERT_TRUE(read.isOk()) << read.status().text();
  ASSERT_EQ(read->services.size(), 2u);
  EXPECT_EQ(read->services[0].name, "b");
  EXPECT_EQ(read->services[0].kind, ServiceKind::kAvailability);
  EXPECT_EQ(read->rules[1].service, 0u);
  EXPECT_EQ(read->rules[2].service, 1u);
}

TEST(RuleFile, EveryMistakeIsToldWithItsLineAndKey) {
  const std::string text = mistakes(R"(
[[rule]]
loger = "user"
level = "wran"
text = 'a(b'
effect = "outage"
service = "us er"
)");
  EXPECT_THAT(text,
              HasSubstr("/etc/muster/rules.toml:3: rule.loger: is not a key of this table; did "
                        "you mean 'logger'?"));
  EXPECT_THAT(text,
              HasSubstr("rules.toml:4: rule.level: 'wran' is no level; did you mean 'warn'?"));
  EXPECT_THAT(text, HasSubstr("rules.toml:5: rule.text: is no RE2 pattern: missing ): a(b"));
  EXPECT_THAT(text, HasSubstr("rules.toml:6: rule.effect: 'outage' is no effect"));
  EXPECT_THAT(text, HasSubstr("rules.toml:7: rule.service: "));
  EXPECT_THAT(text, HasSubstr("letters, digits"));
}

TEST(RuleFile, WhatIsNotTomlIsToldWithItsLine) {
  EXPECT_THAT(mistakes("[[rule]]\ntext = \n"), HasSubstr("rules.toml:2: is not TOML"));
  EXPECT_THAT(mistakes("[rule]\ntext = 'x'\n"),
              HasSubstr("rule: must be a list of tables, [[rule]]"));
  EXPECT_THAT(mistakes("[[rules]]\n"), HasSubstr("rules: is not a key of this table; did you mean "
                                                 "'rule'?"));
}

TEST(RuleFile, ARuleNeedsAnEffectAServiceAndAReason) {
  const std::string text = mistakes("[[rule]]\nname = 'x'\n");
  EXPECT_THAT(text, HasSubstr("rule.effect: is missing"));
  EXPECT_THAT(text, HasSubstr("rule.service: is missing"));
  EXPECT_THAT(text, HasSubstr("the rule is for every record"));
}

TEST(RuleFile, GroupsMustBeThere) {
  const auto with = [](const std::string& effect, const std::string& more) {
    return mistakes("[[rule]]\ntext = 'a (b)'\nservice = 's'\neffect = '" + effect + "'\n" + more);
  };
  EXPECT_THAT(with("bad", "count = '$2'\n"),
              HasSubstr("rules.toml:5: rule.count: there is no $2: the text has 1 of them"));
  EXPECT_THAT(with("bad", "count = '1'\n"), HasSubstr("such as \"$1\", not '1'"));
  EXPECT_THAT(with("outage-begin", "count = '$1'\n"), HasSubstr("good and bad only"));
  EXPECT_THAT(with("gauge", ""), HasSubstr("rule.effect: a gauge takes its value from a group"));
  EXPECT_THAT(with("gauge=$3", ""), HasSubstr("there is no $3"));
  EXPECT_THAT(with("gauge=$0", ""), HasSubstr("gauge=$1"));
}

TEST(RuleFile, AGaugeNeedsABound) {
  const std::string rule =
      "[[rule]]\ntext = '(.*)'\nservice = 'temperature'\neffect = 'gauge=$1'\n";
  EXPECT_THAT(mistakes(rule),
              HasSubstr("rules.toml:3: rule.service: the gauge 'temperature' needs"));
  EXPECT_TRUE(parse(rule + "[[service]]\nname = 'temperature'\nat_least = -5.5\n").isOk());
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'temperature'\nat_least = 5\nat_most = 4\n"),
              HasSubstr("service.at_most: must not be less than at_least"));
}

TEST(RuleFile, AServiceIsOfOneKind) {
  EXPECT_THAT(mistakes("[[rule]]\ntext = 'a'\nservice = 's'\neffect = 'bad'\n"
                       "[[rule]]\ntext = 'b'\nservice = 's'\neffect = 'outage-end'\n"),
              HasSubstr("rules.toml:7: rule.service: 's' is one of requests by an earlier rule"));
}

TEST(RuleFile, TablesOfServicesAreChecked) {
  const std::string rule = "[[rule]]\ntext = 'a'\nservice = 'user'\neffect = 'bad'\n";
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'usr'\n"),
              HasSubstr("rules.toml:6: service.name: no rule has the service 'usr'; did you mean "
                        "'user'?"));
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'user'\n[[service]]\nname = 'user'\n"),
              HasSubstr("rules.toml:8: service.name: the service 'user' has a table already"));
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'user'\nobjective = 100\n"),
              HasSubstr("rules.toml:7: service.objective: the objective must be"));
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'user'\nwindow = '1s'\n"),
              HasSubstr("rules.toml:7: service.window: must be from 10s"));
  EXPECT_THAT(mistakes(rule + "[[service]]\nname = 'user'\nat_most = 3\n"),
              HasSubstr("service.at_most: goes with gauges only"));
  EXPECT_THAT(mistakes("[[rule]]\ntext = 'a'\nservice = 'u'\neffect = 'outage-end'\n"
                       "[[service]]\nname = 'u'\nnoun = 'lost'\n"),
              HasSubstr("service.noun: goes with services of requests only"));
}

TEST(RuleFile, NamesAreUnique) {
  EXPECT_THAT(mistakes("[[rule]]\nname = 'x'\ntext = 'a'\nservice = 's'\neffect = 'bad'\n"
                       "[[rule]]\nname = 'x'\ntext = 'b'\nservice = 's'\neffect = 'bad'\n"),
              HasSubstr("rules.toml:7: rule.name: there is a rule 'x' already"));
}

std::string manyRules(size_t count, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += "[[rule]]\ntext = '" + text + "'\neffect = 'bad'\nservice = 's'\n";
  }
  return out;
}

TEST(RuleFile, IsBounded) {
  EXPECT_TRUE(parse(manyRules(limits::kMaxRules, "x")).isOk());
  EXPECT_THAT(mistakes(manyRules(limits::kMaxRules + 1, "x")),
              HasSubstr("there are 257 rules; at most 256"));
  EXPECT_THAT(mistakes(manyRules(1, std::string(limits::kMaxRulePatternBytes + 1, 'x'))),
              HasSubstr("rule.text: is 1025 bytes long; at most 1024"));
  EXPECT_THAT(mistakes(manyRules(1, "((x{100}){100}){100}")),
              HasSubstr("rules.toml:2: rule.text: "));
  EXPECT_THAT(mistakes(manyRules(1, "(\\pL{500})")),
              HasSubstr("rule.text: is too large when compiled"));
  std::string services;
  for (size_t i = 0; i <= limits::kMaxServices; ++i) {
    services += "[[rule]]\ntext = 'x'\neffect = 'bad'\nservice = 's" + std::to_string(i) + "'\n";
  }
  EXPECT_THAT(mistakes(services), HasSubstr("the rules name 65 services; at most 64"));
}

TEST(RuleFile, WhatAMistakeQuotesIsOneShortLine) {
  const std::string text = mistakes("[[rule]]\ntext = 'x'\nservice = 's'\neffect = \"" +
                                    std::string(5000, 'e') + "\\n\\u0007\"\n");
  EXPECT_LT(text.size(), 400u);
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
}

TEST(RuleFile, AFileThatIsNotThereIsSaidSo) {
  const auto read = loadRuleFile("/nonexistent/rules.toml");
  ASSERT_FALSE(read.isOk());
  EXPECT_EQ(read.status().code(), Code::kNotFound);
  EXPECT_THAT(read.status().text(), HasSubstr("/nonexistent/rules.toml"));
}

}  // namespace
}  // namespace muster::rules
