#include "coordinator/members.h"

#include <gtest/gtest.h>

namespace muster::coordinator {
namespace {

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

class MembersTest : public testing::Test {
 protected:
  MembersTest() : store_(store::CoordinatorStore::openMemory()) {
    EXPECT_TRUE(store_->members().add({"b@example.org", "beta", "g", {}, "test"}).isOk());
    EXPECT_TRUE(store_->members().add({"a@example.org", "alpha", "g", {}, "test"}).isOk());
    EXPECT_TRUE(members_.load(store_->members(), WallTime{1}).isOk());
  }

  xmpp::PresenceInfo presence(const std::string& from, xmpp::PresenceType type,
                              bool with_status = true) {
    xmpp::PresenceInfo out;
    out.from = jid(from);
    out.type = type;
    if (with_status) {
      out.node.emplace();
      out.node->set_name("alpha");
      v1::ServiceState* service = out.node->add_services();
      service->set_name("user");
      service->set_kind(v1::SERVICE_KIND_REQUESTS);
      service->set_objective_percent(99);
      service->set_window_ms(600000);
      service->set_good(1);
      service->set_bad(1);
      // A node's own word on its level is not believed.
      service->mutable_level()->set_percent(100);
      service->mutable_level()->set_state(v1::LEVEL_STATE_OK);
    }
    return out;
  }

  std::unique_ptr<store::CoordinatorStore> store_;
  Members members_;
};

TEST_F(MembersTest, AreFoundByJidAndName) {
  EXPECT_EQ(members_.find(jid("a@example.org"))->name, "alpha");
  EXPECT_EQ(members_.findName("beta")->jid, jid("b@example.org"));
  EXPECT_EQ(members_.findName("gamma"), nullptr);
  ASSERT_EQ(members_.all().size(), 2u);
  EXPECT_EQ(members_.all()[0]->name, "alpha");
}

TEST_F(MembersTest, ServicesWithoutAUsableNameAreLeftOut) {
  auto told = presence("a@example.org/node-1", xmpp::PresenceType::kAvailable);
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("two\nlines")}) {
    v1::ServiceState* service = told.node->add_services();
    *service = told.node->services(0);
    service->set_name(name);
  }
  members_.apply(told, WallTime{2});
  const auto& services = members_.findName("alpha")->present.begin()->second.services;
  ASSERT_EQ(services.size(), 1u);
  EXPECT_EQ(services[0].name, "user");
}

TEST_F(MembersTest, ComeAndGoByFullJid) {
  auto change =
      members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{2});
  EXPECT_TRUE(change.appeared);
  change =
      members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{3});
  EXPECT_FALSE(change.appeared);
  EXPECT_EQ(members_.find(jid("a@example.org"))->changed.unix_ms, 2);
  change =
      members_.apply(presence("a@example.org/node-2", xmpp::PresenceType::kAvailable), WallTime{4});
  EXPECT_TRUE(change.appeared);
  EXPECT_EQ(*members_.find(jid("a@example.org"))->latestJid(), jid("a@example.org/node-2"));
  members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kUnavailable), WallTime{5});
  EXPECT_TRUE(members_.find(jid("a@example.org"))->isPresent());
  members_.apply(presence("a@example.org/node-2", xmpp::PresenceType::kUnavailable), WallTime{6});
  EXPECT_FALSE(members_.find(jid("a@example.org"))->isPresent());
}

TEST_F(MembersTest, TheLevelIsJudgedHere) {
  members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{2});
  const Instance* latest = members_.find(jid("a@example.org"))->latest();
  ASSERT_EQ(latest->services.size(), 1u);
  EXPECT_EQ(latest->services[0].level.state, service::LevelState::kBreached);
  EXPECT_DOUBLE_EQ(*latest->services[0].level.percent, 50);
}

TEST_F(MembersTest, APersonsClientUnderTheSameAccountIsNoNode) {
  const auto change = members_.apply(
      presence("a@example.org/phone", xmpp::PresenceType::kAvailable, false), WallTime{2});
  EXPECT_EQ(change.member, nullptr);
  EXPECT_FALSE(members_.find(jid("a@example.org"))->isPresent());
}

TEST_F(MembersTest, OthersAreNoMembers) {
  const auto change = members_.apply(
      presence("eve@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{2});
  EXPECT_EQ(change.member, nullptr);
}

TEST_F(MembersTest, ProcessesUnderOneAccountAreBounded) {
  for (int i = 0; i < 100; ++i) {
    members_.apply(
        presence("a@example.org/node-" + std::to_string(i), xmpp::PresenceType::kAvailable),
        WallTime{2});
  }
  EXPECT_LE(members_.find(jid("a@example.org"))->present.size(), 8u);
  // The newcomer is seen; the oldest makes room.
  EXPECT_TRUE(members_.find(jid("a@example.org"))->present.contains(jid("a@example.org/node-99")));
}

TEST_F(MembersTest, TheServersWordOnTheAccountEndsAllOfThem) {
  members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{2});
  members_.apply(presence("a@example.org/node-2", xmpp::PresenceType::kAvailable), WallTime{2});
  const auto change =
      members_.apply(presence("a@example.org", xmpp::PresenceType::kUnavailable), WallTime{3});
  EXPECT_EQ(change.gone.size(), 2u);
  EXPECT_FALSE(members_.find(jid("a@example.org"))->isPresent());
}

TEST_F(MembersTest, NothingIsKnownOnceTheLinkIsDown) {
  members_.apply(presence("a@example.org/node-1", xmpp::PresenceType::kAvailable), WallTime{2});
  EXPECT_EQ(members_.forgetAll(WallTime{3}), std::vector<Jid>{jid("a@example.org/node-1")});
  EXPECT_FALSE(members_.find(jid("a@example.org"))->isPresent());
}

}  // namespace
}  // namespace muster::coordinator
