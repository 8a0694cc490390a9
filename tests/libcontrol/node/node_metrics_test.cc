#include "libcontrol/node/node_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using testing::HasSubstr;
using testing::Not;

NodeFigures active() {
  NodeFigures out;
  out.info.set_name("node1");
  out.info.set_group("ledger");
  out.info.set_version("ledger 1.0");
  out.role.set_role(v1::NODE_ROLE_ACTIVE);
  out.role.set_highest_epoch(7);
  out.role.set_epoch(7);
  out.role.set_lease_left_ms(4500);
  out.connected = true;
  out.started = WallTime{1'767'225'600'000};
  service::ServiceSnapshot user;
  user.name = "user";
  user.good = 3;
  user.bad = 1;
  service::judgeAll(user);
  out.services.services = {user};
  out.services.level = user.level;
  return out;
}

std::string textFor(const NodeFigures& figures) {
  return metrics::textOf(describeNode(figures, {}).take());
}

TEST(NodeMetrics, RoleLeaseAndServices) {
  const std::string text = textFor(active());
  for (const char* line : {
           "muster_node_info{node=\"node1\",group=\"ledger\",version=\"ledger 1.0\"} 1",
           "muster_node_role{role=\"active\"} 1",
           "muster_node_role{role=\"standby\"} 0",
           "muster_node_held_epoch 7",
           "muster_node_lease_remaining_seconds 4.5",
           "muster_node_connected 1",
           "muster_node_coordinator_present 0",
           "muster_node_drained 0",
           "muster_start_time_seconds 1767225600",
           "muster_node_level_ratio 0.75",
           "muster_node_state{state=\"breached\"} 1",
           "muster_node_service_level_ratio{service=\"user\"} 0.75",
       }) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n")) << line;
  }
  EXPECT_THAT(text, Not(HasSubstr("log_rule")));
}

TEST(NodeMetrics, OneWithoutAGroupHasNoLease) {
  NodeFigures alone = active();
  alone.role.set_role(v1::NODE_ROLE_NONE);
  const std::string text = textFor(alone);
  EXPECT_THAT(text, HasSubstr("muster_node_role{role=\"none\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("epoch")));
  EXPECT_THAT(text, Not(HasSubstr("lease")));
}

TEST(NodeMetrics, WhatTheLogRulesSawAndWhatTheyLost) {
  NodeFigures with_rules = active();
  v1::LogRulesReply rules;
  rules.set_handled(100);
  rules.set_dropped(3);
  rules.add_rules()->set_name("slow query");
  rules.mutable_rules(0)->set_hits(12);
  with_rules.log_rules = rules;
  const std::string text = textFor(with_rules);
  EXPECT_THAT(text, HasSubstr("\nmuster_log_rule_records_handled_total 100\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_log_rule_records_dropped_total 3\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_log_rule_hits_total{rule=\"slow query\"} 12\n"));
}

}  // namespace
}  // namespace muster
