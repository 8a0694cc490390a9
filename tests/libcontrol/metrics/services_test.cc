#include "libcontrol/metrics/services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

namespace muster::metrics {
namespace {

using service::Kind;
using service::ServiceSnapshot;
using testing::HasSubstr;
using testing::Not;

// 1 of 1000 bad, over every window alike.
ServiceSnapshot user() {
  ServiceSnapshot out;
  out.name = "user";
  out.kind = Kind::kRequests;
  out.objective_percent = 99;
  out.good = 999;
  out.bad = 1;
  out.good_total = 99'900;
  out.bad_total = 100;
  for (const int64_t s : {300, 1800, 3600, 7200, 21'600, 86'400, 259'200, 2'592'000}) {
    out.windows.push_back({Duration::seconds(s), 999, 1, Duration::seconds(s)});
  }
  out.state_since = WallTime{1'767'225'600'500};
  out.flaps = 2;
  service::judgeAll(out);
  return out;
}

ServiceSnapshot storage() {
  ServiceSnapshot out;
  out.name = "storage";
  out.kind = Kind::kAvailability;
  out.observed = Duration::seconds(600);
  out.outage = Duration::seconds(6);
  out.outages = 1;
  out.good_total = 10'000;
  out.bad_total = 6'000;
  out.windows.push_back({out.period, 594'000, 6'000, Duration::seconds(600)});
  service::judgeAll(out);
  return out;
}

std::string textFor(const std::vector<ServiceSnapshot>& services, Totals totals = Totals::kAll) {
  Families families;
  describeServices(families, kServicePrefix, {{"group", "g"}}, services, totals);
  return textOf(families.take());
}

TEST(Services, AllThatIsKnownOfRequests) {
  const std::string text = textFor({user()});
  const std::string of = "{group=\"g\",service=\"user\"";
  for (const std::string& line : std::vector<std::string>{
           "level_ratio" + of + "} 0.999",
           "objective_ratio" + of + "} 0.99",
           "window_seconds" + of + "} 600",
           "error_budget_period_seconds" + of + "} 2592000",
           "state" + of + ",state=\"ok\"} 1",
           "state" + of + ",state=\"breached\"} 0",
           "state_changes" + of + "} 2",
           "state_since_timestamp_seconds" + of + "} 1767225600.5",
           "window_requests" + of + ",window=\"10m\",outcome=\"good\"} 999",
           "window_requests" + of + ",window=\"30d\",outcome=\"bad\"} 1",
           "window_observed_seconds" + of + ",window=\"1h\"} 3600",
           "burn_rate_threshold" + of +
               ",severity=\"page\",long_window=\"1h\",short_window=\"5m\"} 14.4",
           "burn_rate_exceeded" + of +
               ",severity=\"ticket\",long_window=\"3d\",short_window=\"6h\"} 0",
           "requests_total" + of + ",outcome=\"good\"} 99900",
           "requests_total" + of + ",outcome=\"bad\"} 100",
       }) {
    EXPECT_THAT(text, HasSubstr("\nmuster_service_" + line));
  }
  // A tenth of what the objective allows.
  EXPECT_THAT(text, HasSubstr("muster_service_burn_rate" + of + ",window=\"1h\"} 0.1"));
  EXPECT_THAT(text, HasSubstr("muster_service_error_budget_remaining_ratio" + of + "} 0.9"));
}

TEST(Services, OfTimeTheAmountsAreSeconds) {
  const std::string of = "{group=\"g\",service=\"storage\"";
  const std::string text = textFor({storage()});
  EXPECT_THAT(text, HasSubstr("muster_service_window_time_seconds" + of +
                              ",window=\"10m\",outcome=\"bad\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("muster_service_window_time_seconds" + of +
                              ",window=\"10m\",outcome=\"good\"} 594\n"));
  EXPECT_THAT(text, HasSubstr("muster_service_time_seconds_total" + of + ",outcome=\"bad\"} 6\n"));
  EXPECT_THAT(text, Not(HasSubstr("requests")));
}

// The node that is active changes, and with it whose totals these are: no counter.
TEST(Services, AGroupHasNoTotalsOfTime) {
  const std::string text = textFor({user(), storage()}, Totals::kRequests);
  EXPECT_THAT(text, HasSubstr("muster_service_requests_total"));
  EXPECT_THAT(text, Not(HasSubstr("time_seconds_total")));
}

TEST(Services, WithoutDataThereIsNoLevel) {
  ServiceSnapshot silent;
  silent.name = "user";
  service::judgeAll(silent);
  const std::string text = textFor({silent});
  EXPECT_THAT(text, Not(HasSubstr("level_ratio")));
  EXPECT_THAT(text, Not(HasSubstr("remaining_ratio")));
  EXPECT_THAT(text, HasSubstr("state=\"no-data\"} 1"));
}

TEST(Services, OfTwoOfOneNameTheFirstCounts) {
  ServiceSnapshot other = storage();
  other.name = "user";
  const std::string text = textFor({user(), other});
  EXPECT_THAT(text, HasSubstr("window_requests"));
  EXPECT_THAT(text, Not(HasSubstr("window_time_seconds")));
}

// Two rules over the same windows are two rules, but one series.
TEST(Services, RulesOverTheSameWindowsDoNotSpoilTheScrape) {
  ServiceSnapshot twice = user();
  const service::BurnRule rule{service::Severity::kPage, Duration::seconds(3600),
                               Duration::seconds(300), 10};
  twice.custom_burn_rules = {rule, rule};
  service::judgeAll(twice);
  const std::string text = textFor({twice});
  const size_t first = text.find("\nmuster_service_burn_rate_threshold{");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("\nmuster_service_burn_rate_threshold{", first + 1), std::string::npos);
}

TEST(Services, TheSlidingWindowIsThereOnce) {
  ServiceSnapshot hour = user();
  hour.window = Duration::seconds(3600);
  const std::string text = textFor({hour});
  EXPECT_THAT(text, Not(HasSubstr("window=\"10m\"")));
  EXPECT_THAT(text, HasSubstr("window=\"1h\",outcome=\"good\"} 999"));
}

// Prometheus' conventions: its own prefix, what it is measured in at the end, _total at the end of
// counters alone.
TEST(Services, NamesFollowTheConventions) {
  std::istringstream text(textFor({user(), storage()}));
  static const std::regex kType("# TYPE (muster_[a-z_]+) (counter|gauge)");
  size_t types = 0;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("# TYPE")) continue;
    ++types;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, kType)) << line;
    EXPECT_EQ(match[2] == "counter", match[1].str().ends_with("_total")) << line;
    for (const char* bad : {"_percent", "_ms", "_milli", "_count"}) {
      EXPECT_THAT(match[1].str(), Not(HasSubstr(bad)));
    }
  }
  EXPECT_GT(types, 10u);
}

}  // namespace
}  // namespace muster::metrics
