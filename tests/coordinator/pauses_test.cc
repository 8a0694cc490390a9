#include "coordinator/pauses.h"

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PausesTest : public ClusterStage {
 protected:
  Pauses& pauses() { return coordinator_->pauses; }
  commands::Origin by(const std::string& who) { return {who, "", "", ""}; }
  std::string hold() { return coordinator_->cluster.find("g")->view().hold; }
  std::vector<std::string> history() {
    std::vector<std::string> out;
    const auto reply = coordinator_->chronicle.query(historyOf("g"), clock_.wall());
    for (const v1::HistoryEvent& event : reply->events()) out.push_back(event.what());
    return out;
  }
  static v1::HistoryRequest historyOf(const std::string& group) {
    v1::HistoryRequest request;
    request.set_group(group);
    request.set_limit(2);
    return request;
  }
};

TEST_F(PausesTest, APauseIsKeptToldAndEndsByItself) {
  nodesAppear();
  const auto paused = pauses().pause("g", Duration::seconds(60), "works", by("ann@example.org"));
  ASSERT_TRUE(paused) << paused.status().text();
  EXPECT_EQ(paused->by(), "ann@example.org");
  EXPECT_THAT(hold(), HasSubstr("paused by ann@example.org until "));
  EXPECT_THAT(hold(), HasSubstr("works"));
  EXPECT_THAT(*store_->groups().pauses(), SizeIs(1));
  EXPECT_EQ(history().front(), "paused");
  clock_.advance(Duration::seconds(60));
  pauses().tick();
  EXPECT_EQ(hold(), "");
  EXPECT_THAT(*store_->groups().pauses(), IsEmpty());
  EXPECT_THAT(history(), ElementsAre("resumed", "paused"));
}

TEST_F(PausesTest, APauseOutlivesTheCoordinator) {
  nodesAppear();
  ASSERT_TRUE(pauses().pause("g", Duration::seconds(60), "", by("ann@example.org")));
  clock_.advance(Duration::seconds(20));
  startCoordinator();
  EXPECT_THAT(hold(), HasSubstr("for another 40s"));
  clock_.advance(Duration::seconds(41));
  startCoordinator();
  EXPECT_EQ(hold(), "");
  EXPECT_THAT(*store_->groups().pauses(), IsEmpty());
}

TEST_F(PausesTest, ResumeEndsItAndSaysWhatItEnded) {
  nodesAppear();
  EXPECT_EQ(pauses().resume("g", by("bob@example.org")).status().field(), "group");
  ASSERT_TRUE(pauses().pause("g", Duration::seconds(60), "works", by("ann@example.org")));
  const auto resumed = pauses().resume("g", by("bob@example.org"));
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->by(), "ann@example.org");
  EXPECT_EQ(hold(), "");
  EXPECT_THAT(*store_->groups().pauses(), IsEmpty());
}

TEST_F(PausesTest, AnUnknownGroupIsNamed) {
  const Status status =
      pauses().pause("h", Duration::seconds(60), "", by("ann@example.org")).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.field(), "group");
}

}  // namespace
}  // namespace muster::coordinator
