// What a month's report says of a cluster that lived through it.
#include "coordinator/month_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/watchables.h"
#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

v1::ServiceState requests(uint64_t good, uint64_t bad) {
  v1::ServiceState state;
  state.set_name("user");
  state.set_kind(v1::SERVICE_KIND_REQUESTS);
  state.set_objective_percent(99);
  state.set_window_ms(600'000);
  state.set_good(good);
  state.set_bad(bad);
  state.set_good_total(good);
  state.set_bad_total(bad);
  return state;
}

v1::ServiceState storage(bool down) {
  v1::ServiceState state;
  state.set_name("storage");
  state.set_kind(v1::SERVICE_KIND_AVAILABILITY);
  state.set_objective_percent(99);
  state.set_window_ms(600'000);
  state.set_observed_ms(600'000);
  state.set_down(down);
  return state;
}

class MonthReportTest : public ClusterStage {
 protected:
  // Both nodes go on living, second by second.
  void live(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      pass(Duration::seconds(1));
      one_.renew(one_.epoch);
      settle();
      coordinator_->cluster.tick();
      settle();
    }
  }
  void show(bool down, uint64_t good, uint64_t bad) {
    one_.services = {storage(down), requests(good, bad)};
    one_.showPresence(v1::NODE_ROLE_ACTIVE);
    settle();
  }
  // node1 is active; for 40 s of 200 its storage is down, and 2 of 102 requests are dropped.
  void liveWithAnOutage() {
    one_.services = {storage(false), requests(0, 0)};
    two_.services = {storage(false)};
    nodesAppear();
    live(100);
    show(true, 50, 2);
    live(40);
    show(false, 100, 2);
    live(60);
  }

  Result<v1::ReportReply> ask(const std::string& target, const std::string& month = "") {
    const Watchables watchables(coordinator_->cluster);
    MonthReport report({coordinator_->cluster.levelRecord(), store_->alerts(),
                        [&] { return watchables.names(); },
                        [this] { return coordinator_->cluster.groupNames(); },
                        [this] { return coordinator_->view.names("nodes"); }});
    return report.report(target, month, clock_.wall());
  }
  v1::ReportReply report(const std::string& target, const std::string& month = "") {
    const auto reply = ask(target, month);
    EXPECT_TRUE(reply.isOk()) << reply.status().text();
    return reply ? *reply : v1::ReportReply();
  }
  // "service group node", of each row.
  static std::vector<std::string> rowsOf(const v1::ReportReply& reply) {
    std::vector<std::string> out;
    for (const v1::ReportService& row : reply.services()) {
      out.push_back(row.service() + " " + row.group() + " " + row.node());
    }
    return out;
  }
};

TEST_F(MonthReportTest, AServiceOfAGroup) {
  liveWithAnOutage();
  const v1::ReportReply reply = report("storage.g");
  EXPECT_EQ(reply.month(), "2026-01");
  EXPECT_EQ(reply.from(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(reply.until(), toRfc3339(clock_.wall()));
  EXPECT_THAT(rowsOf(reply), ElementsAre("storage g ", "storage g node1", "storage g node2"));
  const v1::ReportService& row = reply.services(0);
  EXPECT_EQ(row.promised_percent(), 99);
  EXPECT_NEAR(row.kept_percent(), 80, 1);
  EXPECT_EQ(row.outcome(), v1::REPORT_OUTCOME_BELOW);
  EXPECT_NEAR(row.budget_spent_percent(), 100 * 40 / (0.01 * 31 * 86'400), 0.02);
  EXPECT_EQ(row.outages(), 1u);
  EXPECT_THAT(row.bad_in_words(), HasSubstr("40 s of 3 mins."));
  ASSERT_EQ(reply.outages_size(), 2) << "the group's and the node's";
  EXPECT_EQ(reply.outages(0).length_ms(), 40'000u);
  EXPECT_EQ(reply.outages(0).state(), v1::REPORT_OUTAGE_STATE_OVER);
  EXPECT_NEAR(reply.outages(0).budget_spent_percent(), row.budget_spent_percent(), 0.01);
  EXPECT_EQ(reply.days_size(), 3);
  EXPECT_EQ(reply.days(0).day(), "2026-01-01");
  EXPECT_EQ(reply.days(0).bad(), 40'000u);
  EXPECT_THAT(reply.summary(), StartsWith("January 2026, up to now: 0 of 1 objective kept; "
                                          "storage.g: "));
  EXPECT_THAT(reply.chart(1), HasSubstr("storage.g"));
  EXPECT_THAT(reply.chart(1), HasSubstr("▁"));
}

TEST_F(MonthReportTest, RequestsAreCounted) {
  liveWithAnOutage();
  const v1::ReportReply reply = report("user.g");
  const v1::ReportService& row = reply.services(0);
  EXPECT_EQ(row.good(), 100u);
  EXPECT_EQ(row.bad(), 2u);
  EXPECT_EQ(row.bad_in_words(), "2 of 102");
  EXPECT_EQ(row.known_ms() + row.unknown_ms(), 200'000u);
}

TEST_F(MonthReportTest, AGroupANodeAndTheWhole) {
  liveWithAnOutage();
  EXPECT_THAT(rowsOf(report("g")), ElementsAre("storage g ", "user g ", "storage g node1",
                                               "user g node1", "storage g node2"));
  EXPECT_THAT(rowsOf(report("node1")), ElementsAre("storage g node1", "user g node1"));
  EXPECT_THAT(rowsOf(report("overall")), ElementsAre("storage g ", "user g "));
}

TEST_F(MonthReportTest, AMonthBeforeTheRecordHasNoData) {
  liveWithAnOutage();
  const v1::ReportReply reply = report("user.g", "2025-12");
  EXPECT_EQ(reply.summary(),
            "Nothing is recorded of user.g in December 2025; its record begins on 2026-01-01.");
  ASSERT_GT(reply.services_size(), 0);
  EXPECT_FALSE(reply.services(0).has_kept_percent());
  EXPECT_FALSE(reply.services(0).has_promised_percent());
  EXPECT_EQ(reply.services(0).outcome(), v1::REPORT_OUTCOME_NO_DATA);
  EXPECT_EQ(reply.services(0).unknown_ms(), 31u * 86'400'000u);
  EXPECT_THAT(reply.chart(), IsEmpty());
  EXPECT_THAT(reply.days(), IsEmpty());
}

TEST_F(MonthReportTest, OfNothingThatWasEverSeenThereIsNoData) {
  const v1::ReportReply reply = report("g");
  EXPECT_EQ(reply.summary(), "Nothing is recorded of g in January 2026.");
  EXPECT_THAT(reply.services(), IsEmpty());
}

TEST_F(MonthReportTest, WhatIsWrongIsNamedWithWhatWouldBeRight) {
  liveWithAnOutage();
  EXPECT_EQ(ask("g", "2026-02").status().text(),
            "2026-02 has not begun yet; the latest month is 2026-01 (UTC)");
  EXPECT_EQ(ask("g", "january").status().field(), "month");
  const Status unknown = ask("usr.g").status();
  EXPECT_EQ(unknown.code(), Code::kNotFound);
  EXPECT_EQ(unknown.field(), "target");
  EXPECT_EQ(unknown.text(), "there is no service, group or node 'usr.g'; did you mean 'user.g'?");
}

TEST_F(MonthReportTest, TheRecordOutlivesTheCoordinatorAndWhatItMissedIsNotKnown) {
  liveWithAnOutage();
  show(true, 100, 2);
  live(2);
  // It is killed here: nothing is saved in order.
  clock_.advance(Duration::seconds(500));
  startCoordinator();
  server_.deliver();
  settle();
  const v1::ReportReply reply = report("storage.g");
  const v1::ReportService& row = reply.services(0);
  EXPECT_GE(row.outages(), 2u);
  EXPECT_GE(row.unknown_ms(), 500'000u);
  ASSERT_GE(reply.outages_size(), 4);
  EXPECT_EQ(reply.outages(1).state(), v1::REPORT_OUTAGE_STATE_OVER);
  EXPECT_EQ(reply.outages(2).state(), v1::REPORT_OUTAGE_STATE_UNSEEN);
  EXPECT_EQ(reply.outages(3).state(), v1::REPORT_OUTAGE_STATE_UNSEEN);
  EXPECT_THAT(reply.summary(), HasSubstr("nothing is known"));
}

TEST_F(MonthReportTest, WhatIsGoneIsStillReportedOn) {
  liveWithAnOutage();
  ASSERT_TRUE(coordinator_->cluster.removeMember(jid("node2@example.org")).isOk());
  EXPECT_THAT(rowsOf(report("node2")), ElementsAre("storage g node2"));
}

TEST_F(MonthReportTest, OnlyTheMonthsThatAreKeptStay) {
  liveWithAnOutage();
  // 2027-02-01, and 2027-03-01.
  for (const int64_t wall : {1'801'440'000'000, 1'803'859'200'000}) {
    clock_.setWall({wall});
    startCoordinator();
    const std::string summary = report("g", "2026-01").summary();
    EXPECT_EQ(summary.starts_with("Nothing is recorded"), wall != 1'801'440'000'000) << summary;
  }
}

TEST_F(MonthReportTest, HasTheIncidentsOfTheTargetAndTheMonth) {
  liveWithAnOutage();
  const auto incident = [&](uint64_t id, const std::string& target, int64_t since,
                            std::optional<int64_t> ended) {
    store::IncidentRow row;
    row.id = id;
    row.target = target;
    row.group = target == "h" ? "h" : "g";
    row.since = row.opened = WallTime{since};
    if (ended) row.ended = WallTime{*ended};
    row.covered = target;
    store::AlertCommit commit;
    commit.incidents.push_back(row);
    ASSERT_TRUE(store_->alerts().commit(commit).isOk());
  };
  const int64_t begin = service::beginOf(service::Month{2026, 1}).unix_ms;
  incident(1, "user.g", begin - 900'000, begin - 800'000);  // over before the month
  incident(2, "user.g", begin - 900'000, begin + 1000);
  incident(3, "storage.g", begin + 1000, std::nullopt);
  incident(4, "g", begin + 2000, std::nullopt);
  incident(5, "h", begin + 3000, std::nullopt);
  const auto ids = [&](const std::string& target, const std::string& month = "") {
    std::vector<uint64_t> out;
    const v1::ReportReply reply = report(target, month);
    for (const v1::IncidentRecord& one : reply.incidents()) out.push_back(one.id());
    return out;
  };
  EXPECT_THAT(ids("user.g"), ElementsAre(4, 2)) << "its own, and its group's";
  EXPECT_THAT(ids("g"), ElementsAre(4, 3, 2));
  EXPECT_THAT(ids("overall"), ElementsAre(5, 4, 3, 2));
  EXPECT_THAT(ids("overall", "2025-12"), ElementsAre(2, 1));
}

}  // namespace
}  // namespace muster::coordinator
