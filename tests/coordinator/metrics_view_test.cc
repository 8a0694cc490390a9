#include "coordinator/metrics_view.h"

#include "libcontrol/convert/levels.h"
#include "tests/coordinator/alerts_stage.h"
#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsViewTest : public ClusterStage {
 protected:
  MetricsViewTest() : alerts_(*store_, clock_, random_) {
    EXPECT_TRUE(alerts_.alerts->load().isOk());
    v1::ServiceState user;
    user.set_name("user");
    user.set_kind(v1::SERVICE_KIND_REQUESTS);
    user.set_objective_percent(99);
    user.set_window_ms(600'000);
    user.set_good(990);
    user.set_bad(10);
    one_.services = {user};
    two_.services = {user};
  }

  std::string scrape() {
    const MetricsView view({coordinator_->cluster, *alerts_.alerts, counts_,
                            coordinator_->component, nullptr, clock_.wall(), "1.2"});
    return metrics::textOf(view.describe().take());
  }

  AlertsStage alerts_;
  metrics::CommandCounts counts_;
};

TEST_F(MetricsViewTest, TheGroupItsLevelAndItsNodes) {
  nodesAppear();
  const std::string text = scrape();
  for (const char* line : {
           "muster_build_info{part=\"coordinator\",version=\"1.2\"} 1",
           "muster_coordinator_connected{link=\"component\"} 1",
           "muster_group_epoch{group=\"g\"} 1",
           "muster_group_active_nodes{group=\"g\"} 1",
           "muster_group_phase{group=\"g\",phase=\"active\"} 1",
           "muster_group_phase{group=\"g\",phase=\"vacant\"} 0",
           "muster_group_members{group=\"g\"} 2",
           "muster_group_members_present{group=\"g\"} 2",
           "muster_group_level_ratio{group=\"g\"} 0.99",
           "muster_overall_level_ratio 0.99",
           // Summed up over both.
           "muster_service_window_requests{group=\"g\",service=\"user\",window=\"10m\","
           "outcome=\"bad\"} 20",
           "muster_service_level_ratio{group=\"g\",service=\"user\"} 0.99",
           "muster_member_present{node=\"node1\",group=\"g\"} 1",
           "muster_member_active{node=\"node1\",group=\"g\"} 1",
           "muster_member_active{node=\"node2\",group=\"g\"} 0",
           "muster_member_level_ratio{node=\"node2\",group=\"g\"} 0.99",
           "muster_outbox_messages 0",
           "muster_incidents_open{severity=\"page\",acknowledged=\"false\"} 0",
       }) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n")) << line;
  }
}

TEST_F(MetricsViewTest, WithoutNodesThereIsNoLevelAndNobodyActive) {
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("\nmuster_group_active_nodes{group=\"g\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_group_members_present{group=\"g\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("muster_group_level_ratio")));
  EXPECT_THAT(text, HasSubstr("muster_group_state{group=\"g\",state=\"no-data\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("muster_member_epoch")));
}

TEST_F(MetricsViewTest, AMoveRaisesTheEpoch) {
  nodesAppear();
  one_.stop();
  settle();
  pass(Duration::seconds(30));
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("\nmuster_group_epoch{group=\"g\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_member_present{node=\"node1\",group=\"g\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_member_active{node=\"node2\",group=\"g\"} 1\n"));
}

TEST_F(MetricsViewTest, IncidentsWhoHasThemAndWhatIsNotYetDelivered) {
  ASSERT_TRUE(alerts_.alerts->subscribe(wish("g"), by("ann@example.org")).isOk());
  alerts_.connected = false;
  alerts_.broken = true;
  alerts_.alerts->linkUp();
  for (int i = 0; i < 20; ++i) {
    clock_.advance(Duration::seconds(1));
    alerts_.alerts->tick();
  }
  std::string text = scrape();
  EXPECT_THAT(text,
              HasSubstr("\nmuster_incidents_open{severity=\"page\",acknowledged=\"false\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nmuster_outbox_messages 1\n"));
  ASSERT_TRUE(alerts_.alerts->acknowledge(1, "", by("ann@example.org")).isOk());
  text = scrape();
  EXPECT_THAT(text,
              HasSubstr("\nmuster_incidents_open{severity=\"page\",acknowledged=\"true\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("\nmuster_incidents_open{severity=\"page\",acknowledged=\"false\"} 0\n"));
}

}  // namespace
}  // namespace muster::coordinator
