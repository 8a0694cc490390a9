#include "coordinator/level_report.h"

#include <gmock/gmock.h>

#include "libcontrol/convert/levels.h"
#include "tests/coordinator/paper_nodes.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::ServiceState requests(const std::string& name, uint64_t good, uint64_t bad) {
  v1::ServiceState service;
  service.set_name(name);
  service.set_kind(v1::SERVICE_KIND_REQUESTS);
  service.set_objective_percent(99);
  service.set_window_ms(600'000);
  service.set_good(good);
  service.set_bad(bad);
  service.set_bad_noun("dropped");
  return service;
}

class LevelReportTest : public PaperNodes {
 protected:
  LevelReportTest() {
    come("node1", 'a', {requests("user", 990, 10), requests("mail", 1000, 0)});
    come("node2", 'a', {requests("user", 500, 500)});
    come("node3", 'a', {requests("user", 100, 0)});
    come("node4", 'a', {requests("batch", 1, 9)});
  }
  std::vector<service::GroupLevel> groupLevels() {
    std::vector<service::GroupLevel> out;
    for (const std::string name : {"g", "h"}) {
      std::vector<service::NodeView> views;
      for (const Member* member : members_.ofGroup(name)) {
        views.push_back({member->name, member->isPresent(), views.empty(),
                         member->latest() ? member->latest()->services
                                          : std::vector<service::ServiceSnapshot>()});
      }
      out.push_back(service::levelOfGroup(name, views));
    }
    return out;
  }
  v1::ClusterServiceLevelReply ask(const std::string& target) {
    auto reply = report_.services({target, false});
    EXPECT_TRUE(reply.isOk()) << reply.status().text();
    return reply ? *reply : v1::ClusterServiceLevelReply();
  }
  static std::vector<std::string> rows(const v1::ClusterServiceLevelReply& reply) {
    std::vector<std::string> out;
    for (const auto& row : reply.services()) {
      out.push_back(row.of() + " " + row.service().name() + " " +
                    std::to_string(row.service().good()) + "+" +
                    std::to_string(row.service().bad()));
    }
    return out;
  }
  LevelReport report_{members_, [this] { return groupLevels(); }};
};

TEST_F(LevelReportTest, OfAllTheWorstFirst) {
  const auto reply = ask("all");
  EXPECT_THAT(rows(reply),
              ElementsAre("node4 batch 1+9", "g user 1490+510", "g mail 1000+0", "h user 100+0"));
  EXPECT_THAT(reply.level().text(), HasSubstr("Overall service level"));
  EXPECT_EQ(rows(ask("")), rows(reply));
}

TEST_F(LevelReportTest, OfAGroupSummedUp) {
  const auto reply = ask("g");
  EXPECT_THAT(rows(reply), ElementsAre("g user 1490+510", "g mail 1000+0"));
  EXPECT_THAT(reply.level().text(), HasSubstr("G group service level"));
  EXPECT_EQ(reply.services(0).service().objective_percent(), 99);
  EXPECT_EQ(reply.services(0).service().window_ms(), 600'000u);
}

TEST_F(LevelReportTest, OfANode) {
  const auto reply = ask("node1");
  EXPECT_THAT(rows(reply), ElementsAre("node1 user 990+10", "node1 mail 1000+0"));
  go("node1", 'a');
  EXPECT_EQ(ask("node1").level().text(), "node1 is not there.");
  EXPECT_EQ(ask("node1").level().state(), v1::LEVEL_STATE_NO_DATA);
}

TEST_F(LevelReportTest, OfNobody) {
  EXPECT_EQ(report_.services({"x", false}).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace muster::coordinator
