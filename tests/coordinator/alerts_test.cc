#include "coordinator/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/alerts_stage.h"

namespace muster::coordinator {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class AlertsTest : public testing::Test {
 protected:
  AlertsTest() : store_(store::CoordinatorStore::openMemory()) { restart(); }

  void restart() {
    stage_ = std::make_unique<AlertsStage>(*store_, clock_, random_);
    EXPECT_TRUE(stage_->alerts->load().isOk());
  }
  Alerts& alerts() { return *stage_->alerts; }
  void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock_.advance(Duration::seconds(1));
      alerts().tick();
    }
  }
  void connect() {
    alerts().linkUp();
    alerts().personCame(jid("ann@example.org/phone"), false);
    pass(11);
  }
  Jid jid(const std::string& text) { return Jid::parse(text).value(); }
  std::vector<std::string> sent() {
    std::vector<std::string> out;
    for (const incident::Message& message : stage_->sent) {
      out.push_back(message.notice.from.toString() + " to " + message.notice.to.toString() + ": " +
                    message.notice.text.substr(0, message.notice.text.find('\n')));
    }
    stage_->sent.clear();
    return out;
  }

  ManualClock clock_;
  SeededRandom random_{5};
  std::unique_ptr<store::CoordinatorStore> store_;
  std::unique_ptr<AlertsStage> stage_;
};

TEST_F(AlertsTest, AThresholdBecomesAMessageFromTheAddressThatWasAsked) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("user.g"), by("ann@example.org")));
  EXPECT_THAT(stage_->followed, ElementsAre("ann@example.org"));
  stage_->broken = true;
  pass(4);
  EXPECT_THAT(sent(), ElementsAre("g@muster.example.org to ann@example.org: Incident 1 (page), "
                                  "user.g: user.g at 42%"));
  v1::IncidentsRequest request;
  request.set_limit(10);
  EXPECT_EQ(alerts().list(request, clock_.wall())->incidents_size(), 1);
  ASSERT_TRUE(alerts().acknowledge(1, "mine", by("ann@example.org")));
  stage_->broken = false;
  pass(35);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("Incident 1, user.g, is over after")));
  request.set_id(1);
  const auto story = alerts().list(request, clock_.wall());
  ASSERT_EQ(story->notes_size(), 3);
  EXPECT_EQ(story->notes(1).what(), "ack");
  EXPECT_EQ(story->notes(2).text(), "user.g at 100%");
}

TEST_F(AlertsTest, NothingIsBelievedWhileNodesCantBeSeen) {
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->broken = true;
  pass(100);
  alerts().linkUp();
  pass(9);
  EXPECT_THAT(store_->alerts().incidents({}).value(), IsEmpty());
  pass(4);
  EXPECT_THAT(store_->alerts().incidents({}).value(), SizeIs(1));
}

TEST_F(AlertsTest, WhatIsUndeliveredSurvivesARestartUnderItsId) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->broken = true;
  pass(4);
  ASSERT_THAT(stage_->sent, SizeIs(1));
  const std::string id = stage_->sent[0].id;
  restart();
  stage_->broken = true;
  connect();
  ASSERT_THAT(stage_->sent, SizeIs(1));
  EXPECT_EQ(stage_->sent[0].id, id);
  alerts().delivered(id, jid("ann@example.org"));
  ASSERT_TRUE(alerts().acknowledge(1, "", by("ann@example.org")));
  EXPECT_THAT(store_->alerts().outbox().value(), IsEmpty());
  EXPECT_EQ(store_->alerts().deliveries(1, 10)->at(0).outcome, "acknowledged");
}

TEST_F(AlertsTest, WithoutAConnectionItIsTriedAgainSoon) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->connected = false;
  stage_->broken = true;
  pass(10);
  EXPECT_THAT(sent(), IsEmpty());
  stage_->connected = true;
  pass(6);
  EXPECT_THAT(sent(), SizeIs(1));
}

TEST_F(AlertsTest, WhoLosesTheirRoleHearsNothingMore) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->authority.roles.erase("ann@example.org");
  alerts().rolesChanged();
  stage_->broken = true;
  pass(10);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_THAT(store_->alerts().subscriptions().value(), IsEmpty());
}

TEST_F(AlertsTest, AnIncidentIsGivenOnlyToWhoMayActOnIt) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->broken = true;
  pass(4);
  EXPECT_EQ(alerts().assign(1, "bob@example.org", by("ann@example.org")).status().field(), "jid");
  EXPECT_EQ(alerts().assign(1, "@@", by("ann@example.org")).status().field(), "jid");
  EXPECT_TRUE(alerts().assign(1, "ann@example.org", by("ann@example.org")));
  EXPECT_EQ(alerts().acknowledge(7, "", by("ann@example.org")).status().code(), Code::kNotFound);
}

TEST_F(AlertsTest, AnOperatorsActionReachesTheOthers) {
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  alerts().acted(jid("root@example.org"), "g", "failover g: node2 is active");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("root@example.org: failover g: node2 is active")));
  alerts().acted(jid("ann@example.org"), "g", "drain node1");
  EXPECT_THAT(sent(), IsEmpty()) << "whoever did it knows";
}

TEST_F(AlertsTest, SubscriptionsAndSilencesAreListed) {
  connect();
  EXPECT_EQ(alerts().subscribe(wish("nonsense"), by("ann@example.org")).status().field(), "target");
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  EXPECT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org"))->replaced());
  EXPECT_EQ(alerts().subscriptionsOf("ann@example.org").subscriptions_size(), 1);
  ASSERT_TRUE(alerts().silence("g", Duration::seconds(60), "works", by("ann@example.org")));
  v1::IncidentsRequest request;
  request.set_limit(10);
  EXPECT_EQ(alerts().list(request, clock_.wall())->silences(0).reason(), "works");
  EXPECT_EQ(alerts().unsilence("g", by("ann@example.org"))->by(), "ann@example.org");
  EXPECT_EQ(alerts().unsubscribe({}, by("ann@example.org"))->targets(0), "g");
  EXPECT_FALSE(alerts().unsubscribe({}, by("ann@example.org")));
}

TEST_F(AlertsTest, WhatNobodyMayHearOrTakeAnyMoreIsDroppedAtTheStart) {
  connect();
  alerts().personGone(jid("ann@example.org/phone"));
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  stage_->broken = true;
  pass(4);
  ASSERT_THAT(store_->alerts().outbox().value(), SizeIs(1));
  restart();
  EXPECT_THAT(store_->alerts().outbox().value(), SizeIs(1));
  stage_ = std::make_unique<AlertsStage>(*store_, clock_, random_);
  stage_->authority.roles.clear();
  ASSERT_TRUE(alerts().load());
  EXPECT_THAT(store_->alerts().outbox().value(), IsEmpty());
}

TEST_F(AlertsTest, TheRoomNeedsNoRoleAndStaysOursWhenPeopleCantBeSeen) {
  incident::Policy policy;
  policy.room = jid("ops@rooms.example.org");
  policy.room_nick = "muster";
  stage_ = std::make_unique<AlertsStage>(*store_, clock_, random_, policy);
  ASSERT_TRUE(alerts().load());
  connect();
  ASSERT_TRUE(alerts().subscribe(wish("g"), by("ann@example.org")));
  sent();
  stage_->broken = true;
  pass(4);
  EXPECT_THAT(sent(), SizeIs(1)) << "ann alone: we are not in the room";
  alerts().roomEntered();
  ASSERT_THAT(stage_->sent, SizeIs(1));
  EXPECT_EQ(stage_->sent[0].notice.to.toString(), "ops@rooms.example.org");
  const std::string id = stage_->sent[0].id;
  alerts().blind();
  ASSERT_TRUE(alerts().addNote(1, "hm", by("bob@example.org")));
  EXPECT_THAT(sent(), Contains(HasSubstr("to ops@rooms.example.org: bob@example.org on")));
  alerts().delivered(id, jid("ops@rooms.example.org"));
  EXPECT_EQ(store_->alerts().deliveries(1, 10)->at(0).outcome, "delivered");
}

}  // namespace
}  // namespace muster::coordinator
