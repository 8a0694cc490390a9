#include "libcontrol/metrics/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/metrics/command_counts.h"

namespace muster::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Families, OneOfEachKindAsItIsScraped) {
  Families families;
  families.gauge("muster_a_ratio", "A level.", {{"group", "g"}}, 0.5);
  families.gauge("muster_a_ratio", "A level.", {{"group", "h"}}, 1);
  families.counter("muster_b_total", "Many.", {}, 3);
  EXPECT_EQ(textOf(families.take()),
            "# HELP muster_a_ratio A level.\n"
            "# TYPE muster_a_ratio gauge\n"
            "muster_a_ratio{group=\"g\"} 0.5\n"
            "muster_a_ratio{group=\"h\"} 1\n"
            "# HELP muster_b_total Many.\n"
            "# TYPE muster_b_total counter\n"
            "muster_b_total 3\n"
            "# HELP muster_metrics_series_dropped Series left out of this scrape since there were "
            "too many.\n"
            "# TYPE muster_metrics_series_dropped gauge\n"
            "muster_metrics_series_dropped 0\n");
}

TEST(Families, SeriesOfOneNameStandTogetherWhateverTheOrder) {
  Families families;
  families.gauge("muster_a", "A.", {{"x", "1"}}, 1);
  families.gauge("muster_b", "B.", {}, 1);
  families.gauge("muster_a", "A.", {{"x", "2"}}, 1);
  EXPECT_THAT(textOf(families.take()), HasSubstr("muster_a{x=\"1\"} 1\nmuster_a{x=\"2\"} 1\n"));
}

// Prometheus refuses the whole scrape for either.
TEST(Families, NoSeriesIsThereTwiceAndNoLabelIsOutOfOrder) {
  Families families;
  families.gauge("muster_a", "A.", {{"x", "1"}}, 1);
  families.gauge("muster_a", "A.", {{"x", "1"}}, 2);
  families.gauge("muster_a", "A.", {{"x", "quote\" slash\\ line\n bad\xff"}}, 3);
  families.gauge("muster_a", "A.", {{"x", std::string(5000, 'y')}}, 4);
  const auto made = families.take();
  ASSERT_EQ(made.front().metric.size(), 3u);
  EXPECT_LE(made.front().metric[2].label[0].value.size(), limits::kMaxLabelBytes);
  const std::string text = textOf(made);
  EXPECT_THAT(text, HasSubstr("muster_a{x=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("muster_a{x=\"quote\\\" slash\\\\ line  bad\xEF\xBF\xBD\"} 3\n"));
}

TEST(Families, OfStatesOneIsOne) {
  Families families;
  families.states("muster_s", "S.", {{"group", "g"}}, "state", {"ok", "bad"}, "bad");
  const std::string text = textOf(families.take());
  EXPECT_THAT(text, HasSubstr("muster_s{group=\"g\",state=\"ok\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("muster_s{group=\"g\",state=\"bad\"} 1\n"));
}

TEST(Families, AreBoundedAndSaySo) {
  Families families;
  for (size_t i = 0; i < limits::kMaxMetricSeries + 7; ++i) {
    families.gauge("muster_a", "A.", {{"i", std::to_string(i)}}, 1);
  }
  EXPECT_EQ(families.series(), limits::kMaxMetricSeries);
  const auto made = families.take();
  EXPECT_EQ(made.front().metric.size(), limits::kMaxMetricSeries);
  EXPECT_EQ(made.back().name, "muster_metrics_series_dropped");
  EXPECT_EQ(made.back().metric.front().gauge.value, 7);
}

TEST(CommandCounts, OutcomesAndDurationsByVerb) {
  CommandCounts counts;
  counts.count("status", Code::kOk, Duration::millis(1));
  counts.count("status", Code::kOk, Duration::millis(30));
  counts.count("status", Code::kForbidden, Duration{});
  counts.count("failover", Code::kOk, Duration::seconds(600));
  Families families;
  counts.describe(families);
  const std::string text = textOf(families.take());
  EXPECT_THAT(text, HasSubstr("muster_commands_total{verb=\"status\",outcome=\"ok\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("muster_commands_total{verb=\"status\",outcome=\"forbidden\"} 1\n"));
  const std::string name = "muster_command_duration_seconds";
  EXPECT_THAT(text, HasSubstr(name + "_count{verb=\"status\"} 3\n"));
  // A bound is the last value that is under it.
  EXPECT_THAT(text, HasSubstr(name + "_bucket{verb=\"status\",le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{verb=\"status\",le=\"0.01\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{verb=\"status\",le=\"0.05\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(name + "_sum{verb=\"status\"} 0.031"));
  // Longer than the last one.
  EXPECT_THAT(text, HasSubstr(name + "_bucket{verb=\"failover\",le=\"120\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{verb=\"failover\",le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("le=\"inf\"")));
}

}  // namespace
}  // namespace muster::metrics
