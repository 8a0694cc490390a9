#include "coordinator/cli/alert_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::ordered_json;

v1::TargetService& add(v1::ClusterServiceLevelReply& levels, const std::string& of,
                       const std::string& name, v1::ServiceKind kind) {
  v1::TargetService& target = *levels.add_services();
  target.set_of(of);
  target.mutable_service()->set_name(name);
  target.mutable_service()->set_kind(kind);
  target.mutable_service()->set_objective_percent(99.9);
  target.mutable_service()->set_period_ms(30ull * 86'400'000);
  target.mutable_service()->set_min_events(1);
  return target;
}

v1::StatusReply groups() {
  v1::StatusReply out;
  out.add_groups()->set_name("ledger");
  out.mutable_groups(0)->set_members(3);
  out.add_groups()->set_name("empty");
  return out;
}

// The rules of one group of the file, in its order; null if there is no such group.
Json rulesOf(const Json& file, const std::string& group) {
  for (const Json& each : file["groups"]) {
    if (each["name"] == group) return each["rules"];
  }
  return {};
}

TEST(AlertRules, OfAServiceFollowTheWorkbooksTable) {
  v1::ClusterServiceLevelReply levels;
  add(levels, "ledger", "user", v1::SERVICE_KIND_REQUESTS);
  const Json rules = rulesOf(alertRules(groups(), levels), "muster-user.ledger");
  ASSERT_EQ(rules.size(), 6u);
  EXPECT_EQ(rules[0]["alert"], "MusterErrorBudgetBurn");
  EXPECT_EQ(rules[0]["expr"],
            "muster_service_burn_rate{group=\"ledger\",service=\"user\",window=\"1h\"} >= 14.4\n"
            "and on (group, service) "
            "muster_service_burn_rate{group=\"ledger\",service=\"user\",window=\"5m\"} >= 14.4");
  EXPECT_EQ(rules[0]["labels"], (Json{{"severity", "page"},
                                      {"group", "ledger"},
                                      {"service", "user"},
                                      {"long_window", "1h"},
                                      {"short_window", "5m"}}));
  const std::vector<std::vector<std::string>> table = {{"page", "1h", "5m", "14.4"},
                                                       {"page", "6h", "30m", "6.0"},
                                                       {"ticket", "1d", "2h", "3.0"},
                                                       {"ticket", "3d", "6h", "1.0"}};
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(rules[i]["labels"]["severity"], table[i][0]);
    EXPECT_EQ(rules[i]["labels"]["long_window"], table[i][1]);
    EXPECT_EQ(rules[i]["labels"]["short_window"], table[i][2]);
    EXPECT_THAT(rules[i]["expr"].get<std::string>(), HasSubstr(">= " + table[i][3]));
  }
  EXPECT_THAT(rules[0]["annotations"]["description"].get<std::string>(), HasSubstr("99.9%"));
}

TEST(AlertRules, AServicesOwnBurnRatesAndItsLeastNumberCount) {
  v1::ClusterServiceLevelReply levels;
  v1::ServiceState& user =
      *add(levels, "ledger", "user", v1::SERVICE_KIND_REQUESTS).mutable_service();
  user.set_min_events(50);
  v1::BurnRule& rule = *user.add_burn_rules();
  rule.set_severity(v1::BURN_SEVERITY_TICKET);
  rule.set_long_window_ms(7'200'000);
  rule.set_short_window_ms(600'000);
  rule.set_factor(2.5);
  const Json rules = rulesOf(alertRules(groups(), levels), "muster-user.ledger");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0]["labels"]["severity"], "ticket");
  const std::string expr = rules[0]["expr"];
  EXPECT_THAT(expr, HasSubstr("window=\"2h\"} >= 2.5"));
  EXPECT_THAT(expr, HasSubstr("window=\"10m\"} >= 2.5"));
  EXPECT_THAT(expr, HasSubstr("sum by (group, service) (muster_service_window_requests{"
                              "group=\"ledger\",service=\"user\",window=\"2h\"}) >= 50"));
}

TEST(AlertRules, WhatMakesNoSenseIsNotTaken) {
  v1::ClusterServiceLevelReply levels;
  v1::ServiceState& user =
      *add(levels, "ledger", "user", v1::SERVICE_KIND_REQUESTS).mutable_service();
  user.add_burn_rules()->set_factor(-1);
  EXPECT_EQ(rulesOf(alertRules(groups(), levels), "muster-user.ledger").size(), 6u);
}

TEST(AlertRules, ANodesServicesAreNotTakenForAGroups) {
  v1::ClusterServiceLevelReply levels;
  add(levels, "same", "user", v1::SERVICE_KIND_REQUESTS);
  add(levels, "same", "user", v1::SERVICE_KIND_AVAILABILITY).set_of_node(true);
  const Json file = alertRules(groups(), levels);
  EXPECT_THAT(rulesOf(file, "muster-user.same")[0]["expr"].get<std::string>(),
              HasSubstr("{group=\"same\""));
  EXPECT_THAT(rulesOf(file, "muster-node-user.same")[0]["expr"].get<std::string>(),
              HasSubstr("{node=\"same\""));
}

TEST(AlertRules, GroupsWithMembersNeedAnActiveNode) {
  const Json rules = rulesOf(alertRules(groups(), {}), "muster-groups");
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0]["expr"], "muster_group_active_nodes{group=\"ledger\"} == 0");
  EXPECT_TRUE(rulesOf(alertRules({}, {}), "muster-groups").is_null());
  EXPECT_FALSE(rulesOf(alertRules({}, {}), "muster").empty());
}

// Names come over the wire: none may end its quotes, or be a template.
TEST(AlertRules, AnOddNameHasNoRules) {
  v1::ClusterServiceLevelReply levels;
  add(levels, "g\"} or vector(1) #", "user", v1::SERVICE_KIND_REQUESTS);
  add(levels, "g", "{{ boom }}", v1::SERVICE_KIND_REQUESTS);
  add(levels, "g", "", v1::SERVICE_KIND_REQUESTS);
  v1::StatusReply odd;
  odd.add_groups()->set_name("a\nb");
  odd.mutable_groups(0)->set_members(1);
  EXPECT_EQ(alertRules(odd, levels)["groups"].size(), 1u);
}

TEST(YamlText, IsWhatPrometheusReads) {
  const Json value = {{"groups",
                       {{{"name", "a: \"b\" #"},
                         {"rules", {{{"expr", "x >= 1\nand y"}, {"n", 1.5}}, {{"e", ""}}}}}}},
                      {"none", Json::array()}};
  EXPECT_EQ(yamlText(value),
            "groups:\n"
            "  - name: \"a: \\\"b\\\" #\"\n"
            "    rules:\n"
            "      - expr: |-\n"
            "          x >= 1\n"
            "          and y\n"
            "        n: 1.5\n"
            "      - e: \"\"\n"
            "none: []\n");
  // What a block can't hold is quoted.
  EXPECT_EQ(yamlText({{"t", "\xC3\xA9\nx"}}), "t: \"\\u00e9\\nx\"\n");
}

}  // namespace
}  // namespace muster::cli
