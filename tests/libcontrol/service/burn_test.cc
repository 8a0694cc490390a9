#include "libcontrol/service/burn.h"

#include <gtest/gtest.h>

#include <cmath>

#include "libcontrol/base/limits.h"
#include "libcontrol/service/history.h"

namespace muster::service {
namespace {

constexpr Duration kHour = Duration::seconds(3600);
constexpr Duration kDay = kHour * 24;
constexpr Duration kMonth = kDay * 30;

WindowTotal whole(Duration window, uint64_t good, uint64_t bad) {
  return {window, good, bad, window};
}

TEST(BurnRules, AreTheWorkbooksTable) {
  const std::vector<BurnRule> rules = burnRules(kMonth);
  const std::vector<BurnRule> table = {
      {Severity::kPage, kHour, Duration::seconds(300), 14.4},
      {Severity::kPage, kHour * 6, Duration::seconds(1800), 6},
      {Severity::kTicket, kDay, kHour * 2, 3},
      {Severity::kTicket, kDay * 3, kHour * 6, 1},
  };
  EXPECT_EQ(rules, table);
  // Each stands for a share of the month's budget: 2, 5, 10 and 10 percent.
  const double shares[] = {0.02, 0.05, 0.10, 0.10};
  for (size_t i = 0; i < rules.size(); ++i) {
    EXPECT_NEAR(rules[i].factor * rules[i].long_window.toSeconds() / kMonth.toSeconds(), shares[i],
                1e-9);
  }
}

TEST(BurnRules, AreScaledWithThePeriodButNotBelowAFewSamples) {
  const std::vector<BurnRule> week = burnRules(kDay * 7);
  EXPECT_EQ(week[0].long_window, Duration::seconds(840));
  EXPECT_EQ(week[0].short_window, Duration::seconds(70));
  EXPECT_EQ(week[3].long_window, Duration::seconds(60'480));
  EXPECT_EQ(week[0].factor, 14.4);
  for (const BurnRule& rule : burnRules(limits::kMinPeriod)) {
    EXPECT_GE(rule.short_window, limits::kMinBurnWindow);
    EXPECT_LE(rule.short_window, rule.long_window);
  }
  EXPECT_TRUE(checkBurnRules(burnRules(kMonth), kMonth).isOk());
  EXPECT_TRUE(checkBurnRules(burnRules(limits::kMinPeriod), limits::kMinPeriod).isOk());
}

TEST(BurnRules, OnesThatMakeNoSenseAreRefused) {
  const auto refused = [](const BurnRule& rule) {
    return checkBurnRules({rule}, kMonth).field() == "burn_rules";
  };
  EXPECT_FALSE(refused({Severity::kPage, kHour, kHour, 2}));
  EXPECT_TRUE(refused({Severity::kPage, kHour, kHour * 2, 2}));
  EXPECT_TRUE(refused({Severity::kPage, kDay * 31, kHour, 2}));
  EXPECT_TRUE(refused({Severity::kPage, kHour, Duration::seconds(9), 2}));
  EXPECT_TRUE(refused({Severity::kPage, kHour, Duration::seconds(60), 0}));
  EXPECT_TRUE(refused({Severity::kPage, kHour, Duration::seconds(60), std::nan("")}));
  const std::vector<BurnRule> many(limits::kMaxBurnRules + 1,
                                   {Severity::kPage, kHour, Duration::seconds(60), 2});
  EXPECT_FALSE(checkBurnRules(many, kMonth).isOk());
}

// "Burn rates and time to complete budget exhaustion", for an SLO of 99.9 % over 30 days.
TEST(BurnRate, AndTheTimeUntilTheBudgetIsSpentAreTheWorkbooks) {
  const struct {
    double error_percent;
    double rate;
    double exhausted_after_s;
  } rows[] = {
      {0.1, 1, 30 * 86400}, {0.2, 2, 15 * 86400}, {1, 10, 3 * 86400}, {100, 1000, 43.2 * 60}};
  for (const auto& row : rows) {
    const auto bad = static_cast<uint64_t>(row.error_percent * 10'000);
    const double rate = burnRate(whole(kHour, 1'000'000 - bad, bad), 99.9);
    EXPECT_NEAR(rate, row.rate, 1e-6);
    EXPECT_NEAR(kMonth.toSeconds() / rate, row.exhausted_after_s, 0.01);
  }
}

TEST(BurnRate, WhatWasNotWatchedSpendsNothing) {
  EXPECT_NEAR(burnRate({kHour, 900, 100, kHour}, 99), 10, 1e-9);
  EXPECT_NEAR(burnRate({kHour, 900, 100, kHour / 10}, 99), 1, 1e-9);
  EXPECT_EQ(burnRate({kHour, 0, 0, kHour}, 99), 0);
  EXPECT_EQ(burnRate({kHour, 5, 5, {}}, 99), 0);
}

TEST(ErrorBudget, OfAMonthAt999Is43Minutes) {
  const auto ms = static_cast<uint64_t>(kMonth.toMillis());
  const uint64_t budget_ms = 2'592'000;  // 43 min. 12 s
  EXPECT_NEAR(*budgetLeft(whole(kMonth, ms - budget_ms, budget_ms), 99.9), 0, 1e-9);
  EXPECT_NEAR(*budgetLeft(whole(kMonth, ms - budget_ms / 4, budget_ms / 4), 99.9), 0.75, 1e-9);
  EXPECT_NEAR(*budgetLeft(whole(kMonth, ms - 2 * budget_ms, 2 * budget_ms), 99.9), -1, 1e-9);
  EXPECT_EQ(budgetLeft(whole(kMonth, 0, 0), 99.9), std::nullopt);
  // The same of a service that is a day old: the month is still to come.
  const auto day_ms = static_cast<uint64_t>(kDay.toMillis());
  EXPECT_NEAR(*budgetLeft({kMonth, day_ms - budget_ms / 4, budget_ms / 4, kDay}, 99.9), 0.75, 1e-9);
  EXPECT_NEAR(budgetSpentBy(budget_ms / 10, whole(kMonth, ms - budget_ms / 2, budget_ms / 2), 99.9),
              0.1, 1e-9);
}

ServiceSnapshot requests(const History& history, ElapsedTime now, double objective) {
  ServiceSnapshot out;
  out.name = "user";
  out.kind = Kind::kRequests;
  out.objective_percent = objective;
  for (const Duration length : windowLengths(burnRulesOf(out), out.period)) {
    out.windows.push_back(history.total(length, now));
  }
  const WindowTotal window = history.total(out.window, now);
  out.good = window.good;
  out.bad = window.bad;
  judgeAll(out);
  return out;
}

// A month of a thousand requests a second without any error, then errors of so many percent:
// seconds until a rule fires for the first time, and after an hour's errors until it has stopped.
double secondsUntil(double error_percent, const BurnRule& rule) {
  History history(ElapsedTime{});
  ElapsedTime now{};
  for (int hour = 0; hour < 24 * 30; ++hour) {
    now = now + kHour;
    history.spread(now, 3'600'000, 0);
  }
  const auto bad = static_cast<uint64_t>(error_percent * 10);
  for (int s = 1; s <= 4 * 86'400; ++s) {
    now = now + Duration::seconds(1);
    history.spread(now, 1000 - bad, bad);
    ServiceSnapshot service;
    service.objective_percent = 99.9;
    service.windows = {history.total(rule.short_window, now), history.total(rule.long_window, now)};
    service.custom_burn_rules = {rule};
    if (judgeBurns(service)[0].firing) return s;
  }
  return HUGE_VAL;
}

// The workbook: detection time = (1 - SLO) / error rate * window * burn rate.
TEST(BurnAlerts, FireWhenTheWorkbookSays) {
  const std::vector<BurnRule> rules = burnRules(kMonth);
  const struct {
    size_t rule;
    double error_percent;
  } cases[] = {{0, 100}, {0, 10}, {0, 5}, {1, 100}, {1, 10}, {1, 1}, {2, 10}, {2, 1}, {3, 1}};
  for (const auto& each : cases) {
    const BurnRule& rule = rules[each.rule];
    const double formula = 0.1 / each.error_percent * rule.long_window.toSeconds() * rule.factor;
    const double width = History::granularity(rule.long_window).toSeconds();
    const double got = secondsUntil(each.error_percent, rule);
    EXPECT_GE(got, std::floor(formula * 0.98)) << each.rule << " at " << each.error_percent;
    EXPECT_LE(got, formula + width + 1) << each.rule << " at " << each.error_percent;
  }
  // "14.4 times: 52 seconds for a total outage."
  EXPECT_NEAR(secondsUntil(100, rules[0]), 52, 1);
  // Errors within the objective never do.
  EXPECT_EQ(secondsUntil(0, rules[3]), HUGE_VAL);
}

TEST(BurnAlerts, TheShortWindowEndsAPageSoonAfterTheErrors) {
  History history(ElapsedTime{});
  ElapsedTime now{};
  for (int hour = 0; hour < 24 * 30; ++hour) history.spread(now = now + kHour, 3'600'000, 0);
  for (int s = 0; s < 600; ++s) history.spread(now = now + Duration::seconds(1), 500, 500);
  ServiceSnapshot during = requests(history, now, 99.9);
  EXPECT_TRUE(judgeBurns(during)[0].firing);
  EXPECT_EQ(during.level.state, LevelState::kBreached);
  EXPECT_LT(*during.budget_left, 1);
  int s = 0;
  while (judgeBurns(requests(history, now, 99.9))[0].firing) {
    history.spread(now = now + Duration::seconds(1), 1000, 0);
    ++s;
  }
  EXPECT_GE(s, 280);
  EXPECT_LE(s, 300);
  // The slower page goes on for half an hour; its state is burning, and the sentence says why.
  for (; s < 660; ++s) history.spread(now = now + Duration::seconds(1), 1000, 0);
  const ServiceSnapshot after = requests(history, now, 99.9);
  EXPECT_FALSE(judgeBurns(after)[0].firing);
  EXPECT_TRUE(judgeBurns(after)[1].firing);
  EXPECT_EQ(after.level.state, LevelState::kBurning);
  EXPECT_EQ(after.level.text,
            "User service level: 100% (none dropped in the last 10 mins.; error budget spent 13.9 "
            "times too fast over 6 hours)");
}

TEST(BurnAlerts, AFewEventsDontFire) {
  ServiceSnapshot service;
  service.windows = {whole(Duration::seconds(300), 2, 1), whole(kHour, 30, 1)};
  service.custom_burn_rules = {{Severity::kPage, kHour, Duration::seconds(300), 14.4}};
  EXPECT_TRUE(judgeBurns(service)[0].firing);
  service.min_events = 32;
  EXPECT_FALSE(judgeBurns(service)[0].firing);
  service.windows.pop_back();
  EXPECT_FALSE(judgeBurns(service)[0].firing);
}

TEST(BurnAlerts, ATicketDoesNotColourTheService) {
  ServiceSnapshot service;
  service.good = 1000;
  service.windows = {whole(Duration::seconds(300), 90, 10), whole(kHour, 900, 100)};
  service.custom_burn_rules = {{Severity::kTicket, kHour, Duration::seconds(300), 1}};
  judgeAll(service);
  EXPECT_TRUE(judgeBurns(service)[0].firing);
  EXPECT_EQ(service.level.state, LevelState::kOk);
  service.custom_burn_rules[0].severity = Severity::kPage;
  judgeAll(service);
  EXPECT_EQ(service.level.state, LevelState::kBurning);
}

}  // namespace
}  // namespace muster::service
