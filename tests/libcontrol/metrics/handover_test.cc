#include "libcontrol/metrics/handover.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "libcontrol/base/limits.h"

namespace muster::metrics {
namespace {

Families withValue(double value) {
  Families families;
  families.gauge("muster_v", "V.", {}, value);
  return families;
}

double valueOf(const std::vector<prometheus::MetricFamily>& families, const std::string& name) {
  for (const auto& family : families) {
    if (family.name == name) return family.metric.at(0).gauge.value;
  }
  return -1;
}

constexpr Duration kLong = Duration::seconds(60);

class HandoverTest : public testing::Test {
 protected:
  std::shared_ptr<Handover> make(Duration patience, std::function<void()> ask) {
    return std::make_shared<Handover>(std::move(ask), clock_, patience);
  }
  ManualClock clock_;
};

TEST_F(HandoverTest, EachScrapeHasFiguresOfItsOwnTime) {
  double now = 1;
  std::shared_ptr<Handover> handover;
  handover = make(kLong, [&] { handover->publish(withValue(now)); });
  EXPECT_EQ(valueOf(handover->Collect(), "muster_v"), 1);
  clock_.advance(limits::kMetricsFresh);
  now = 2;
  const auto second = handover->Collect();
  EXPECT_EQ(valueOf(second, "muster_v"), 2);
  EXPECT_EQ(valueOf(second, "muster_metrics_age_seconds"), 0);
}

TEST_F(HandoverTest, WhoeverScrapesAllTheTimeKeepsNobodyBusy) {
  int asked = 0;
  std::shared_ptr<Handover> handover;
  handover = make(kLong, [&] { handover->publish(withValue(++asked)); });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(valueOf(handover->Collect(), "muster_v"), 1);
  clock_.advance(limits::kMetricsFresh - Duration::millis(1));
  const auto last = handover->Collect();
  EXPECT_EQ(asked, 1);
  EXPECT_DOUBLE_EQ(valueOf(last, "muster_metrics_age_seconds"), 0.499);
}

TEST_F(HandoverTest, ALoopThatIsStuckShowsItsLastFiguresAndHowOldTheyAre) {
  int asked = 0;
  const auto handover = make(Duration::millis(1), [&] { ++asked; });
  EXPECT_TRUE(handover->Collect().empty());
  handover->publish(withValue(7));
  clock_.advance(Duration::seconds(100));
  const auto old = handover->Collect();
  EXPECT_EQ(valueOf(old, "muster_v"), 7);
  EXPECT_EQ(valueOf(old, "muster_metrics_age_seconds"), 100);
  // What was asked in vain is asked again.
  handover->Collect();
  EXPECT_EQ(asked, 3);
}

TEST_F(HandoverTest, ScrapesAtOnceShareACopy) {
  std::promise<void> asked;
  std::atomic<int> done{0};
  // A second question would be an error of the promise's.
  const auto handover = make(kLong, [&] { asked.set_value(); });
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 8; ++i) {
    scrapers.emplace_back([&] {
      EXPECT_EQ(valueOf(handover->Collect(), "muster_v"), 5);
      ++done;
    });
  }
  asked.get_future().wait();
  // Some may not have begun to wait; they find what is fresh.
  handover->publish(withValue(5));
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_EQ(done, 8);
}

TEST_F(HandoverTest, AtTheEndNobodyWaits) {
  std::promise<void> asked;
  const auto handover = make(kLong, [&] { asked.set_value(); });
  std::thread scraper([&] { EXPECT_TRUE(handover->Collect().empty()); });
  asked.get_future().wait();
  handover->close();
  scraper.join();
  // And nobody is asked.
  EXPECT_TRUE(handover->Collect().empty());
}

}  // namespace
}  // namespace muster::metrics
