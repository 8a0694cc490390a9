#include <gtest/gtest.h>

#include <limits>

#include "libcontrol/base/limits.h"
#include "libcontrol/convert/lease.h"
#include "libcontrol/convert/levels.h"
#include "libcontrol/service/burn.h"

namespace muster::convert {
namespace {

TEST(Levels, LogLevelsCorrespond) {
  EXPECT_EQ(toProto(log::Level::kTrace), v1::LOG_LEVEL_TRACE);
  EXPECT_EQ(toProto(log::Level::kOff), v1::LOG_LEVEL_OFF);
  for (int i = v1::LOG_LEVEL_TRACE; i <= v1::LOG_LEVEL_OFF; ++i) {
    const auto level = static_cast<v1::LogLevel>(i);
    EXPECT_EQ(toProto(fromProto(level)), level);
  }
}

TEST(Levels, WhatANodeSaysIsBroughtIntoRange) {
  v1::ServiceState hostile;
  hostile.set_name(std::string(1000, 'x') + "\n");
  hostile.set_kind(v1::SERVICE_KIND_AVAILABILITY);
  hostile.set_objective_percent(std::numeric_limits<double>::quiet_NaN());
  hostile.set_window_ms(std::numeric_limits<uint64_t>::max());
  hostile.set_observed_ms(std::numeric_limits<uint64_t>::max());
  hostile.set_outage_ms(std::numeric_limits<uint64_t>::max());
  hostile.set_good(std::numeric_limits<uint64_t>::max());
  const service::ServiceSnapshot read = fromProto(hostile);
  EXPECT_LE(read.name.size(), limits::kMaxNameBytes);
  EXPECT_GT(read.objective_percent, 0);
  EXPECT_LT(read.objective_percent, 100);
  EXPECT_GT(read.window.ns, 0);
  EXPECT_LE(read.observed, read.window);
  EXPECT_LE(read.outage, read.observed);
  EXPECT_LT(read.good + read.good, std::numeric_limits<uint64_t>::max());
  ASSERT_TRUE(read.level.percent.has_value());
  EXPECT_GE(*read.level.percent, 0);
  EXPECT_LE(*read.level.percent, 100);
}

TEST(Levels, RoundTrip) {
  service::ServiceSnapshot service;
  service.name = "user";
  service.good = 999;
  service.bad = 1;
  service.level = service::judge(service);
  const service::ServiceSnapshot read = fromProto(toProto(service));
  EXPECT_EQ(read.name, "user");
  EXPECT_EQ(read.good, 999u);
  EXPECT_EQ(read.bad, 1u);
  EXPECT_EQ(read.level.text, service.level.text);
}

TEST(Levels, WindowsAndObjectivesRoundTrip) {
  service::ServiceSnapshot service;
  service.name = "queue";
  service.kind = service::Kind::kGauge;
  service.period = Duration::seconds(7 * 86'400);
  service.worse_for = Duration::seconds(30);
  service.observed = service.window;
  service.custom_burn_rules = {
      {service::Severity::kPage, Duration::seconds(3600), Duration::seconds(300), 10}};
  const auto ms = [](int64_t s) { return static_cast<uint64_t>(s) * 1000; };
  service.windows = {
      {Duration::seconds(300), ms(200), ms(100), Duration::seconds(300)},
      {Duration::seconds(3600), ms(3000), ms(600), Duration::seconds(3600)},
      {service.period, ms(86'400), ms(600), Duration::seconds(87'000)},
  };
  service.state_since = WallTime{1'767'225'600'000};
  service.good_total = 7;
  service.bad_total = 3;
  service.down = true;
  service::judgeAll(service);
  ASSERT_TRUE(judgeBurns(service).at(0).firing);
  const service::ServiceSnapshot read = fromProto(toStatus(service));
  EXPECT_EQ(read.kind, service.kind);
  EXPECT_EQ(read.period, service.period);
  EXPECT_EQ(read.worse_for, service.worse_for);
  EXPECT_EQ(read.custom_burn_rules, service.custom_burn_rules);
  EXPECT_EQ(read.windows, service.windows);
  EXPECT_EQ(judgeBurns(read), judgeBurns(service));
  EXPECT_EQ(read.budget_left, service.budget_left);
  EXPECT_EQ(read.state_since, service.state_since);
  EXPECT_EQ(read.good_total, 7u);
  EXPECT_EQ(read.bad_total, 3u);
  EXPECT_TRUE(read.down);
  EXPECT_EQ(toStatus(service).burns_size(), 0);
  EXPECT_EQ(toProto(service).burns_size(), 1);
}

TEST(Levels, HostileWindowsAreBroughtIntoBounds) {
  v1::ServiceState hostile;
  hostile.set_name("x");
  hostile.set_kind(v1::SERVICE_KIND_AVAILABILITY);
  hostile.set_period_ms(1);
  hostile.set_min_events(UINT64_MAX);
  hostile.set_worse_for_ms(UINT64_MAX);
  for (uint64_t i = 0; i < 100; ++i) {
    v1::WindowTotals& window = *hostile.add_windows();
    window.set_window_ms(i % 3 == 0 ? UINT64_MAX - i : 60'000 - i);
    window.set_good(UINT64_MAX);
    window.set_bad(UINT64_MAX);
    window.set_observed_ms(UINT64_MAX);
    v1::BurnRule& rule = *hostile.add_burn_rules();
    rule.set_long_window_ms(UINT64_MAX);
    rule.set_factor(-1);
  }
  const service::ServiceSnapshot read = fromProto(hostile);
  EXPECT_LE(read.windows.size(), limits::kMaxWindows);
  for (size_t i = 0; i < read.windows.size(); ++i) {
    const service::WindowTotal& total = read.windows[i];
    EXPECT_LE(total.observed, total.window);
    EXPECT_LE(total.good + total.bad, static_cast<uint64_t>(total.window.toMillis()));
    if (i > 0) {
      EXPECT_LT(read.windows[i - 1].window, total.window);
    }
  }
  EXPECT_TRUE(read.custom_burn_rules.empty());
  EXPECT_EQ(read.period, limits::kMinPeriod);
  EXPECT_EQ(read.min_events, limits::kMaxMinEvents);
  EXPECT_EQ(read.worse_for, limits::kMaxStateFor);
}

TEST(LeaseMessages, AReleaseCarriesItsReasonInOneBoundedLine) {
  SeededRandom random(1);
  election::Release release{"g", 7, Id128::make(random), "ended by signal 9", true};
  const auto read = fromProto(toProto(release).release());
  ASSERT_TRUE(read.isOk()) << read.status().text();
  EXPECT_EQ(read->reason, "ended by signal 9");
  EXPECT_TRUE(read->orderly);
  v1::LeaseMessage hostile = toProto(release);
  hostile.mutable_release()->set_reason(std::string(10'000, 'x') + "\n");
  hostile.mutable_release()->clear_orderly();
  const auto bounded = fromProto(hostile.release());
  ASSERT_TRUE(bounded.isOk());
  EXPECT_LE(bounded->reason.size(), limits::kMaxReleaseReasonBytes);
  EXPECT_FALSE(bounded->orderly) << "an older node does not say";
}

TEST(LeaseMessages, RoundTrip) {
  SeededRandom random(1);
  election::Offer offer{"g", 7, Duration::seconds(5), Id128::make(random)};
  const auto read = fromProto(toProto(offer).offer());
  ASSERT_TRUE(read.isOk()) << read.status().text();
  EXPECT_EQ(read->group, "g");
  EXPECT_EQ(read->epoch, 7u);
  EXPECT_EQ(read->lease_ttl, Duration::seconds(5));
  EXPECT_EQ(read->offer_nonce, offer.offer_nonce);

  election::Renew renew{"g", 7, InstanceId::make(random), 9};
  const auto renewed = fromProto(toProto(renew).renew());
  ASSERT_TRUE(renewed.isOk());
  EXPECT_EQ(renewed->instance, renew.instance);
  EXPECT_EQ(renewed->request_nonce, 9u);
}

TEST(LeaseMessages, AreCheckedBeforeAMachineSeesThem) {
  v1::Offer offer;
  offer.set_group("g");
  offer.set_epoch(1);
  offer.set_lease_ttl_ms(5000);
  offer.set_offer_nonce(std::string(16, 'n'));
  EXPECT_TRUE(fromProto(offer).isOk());

  v1::Offer wrong = offer;
  wrong.set_lease_ttl_ms(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(fromProto(wrong).status().field(), "lease_ttl_ms");
  wrong = offer;
  wrong.set_offer_nonce("short");
  EXPECT_EQ(fromProto(wrong).status().field(), "offer_nonce");
  wrong = offer;
  wrong.set_offer_nonce(std::string(16, '\0'));
  EXPECT_EQ(fromProto(wrong).status().field(), "offer_nonce");
  wrong = offer;
  wrong.set_group("");
  EXPECT_EQ(fromProto(wrong).status().field(), "group");

  v1::Renew renew;
  renew.set_group("g");
  EXPECT_EQ(fromProto(renew).status().field(), "instance");
}

}  // namespace
}  // namespace muster::convert
