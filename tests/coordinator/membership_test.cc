// enroll, remove, grant and roles, in force at once.
#include "coordinator/membership.h"

#include "tests/coordinator/cluster_stage.h"

namespace muster::coordinator {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class MembershipTest : public ClusterStage {
 protected:
  Result<v1::EnrollReply> enroll(const std::string& account, const std::string& group,
                                 bool create = false) {
    v1::EnrollRequest request;
    request.set_node(account);
    if (!group.empty()) request.set_group(group);
    if (create) request.set_create(true);
    return coordinator_->membership.enroll(request, "root@example.org");
  }
  Result<v1::RemoveReply> remove(const std::string& node, bool force = false) {
    v1::RemoveRequest request;
    request.set_node(node);
    request.set_force(force);
    return coordinator_->membership.remove(request, "root@example.org");
  }
  Result<v1::GrantReply> grant(v1::GrantedRole role, const std::string& account) {
    v1::GrantRequest request;
    request.set_role(role);
    request.set_jid(account);
    return coordinator_->membership.grant(request, "root@example.org");
  }
};

TEST_F(MembershipTest, AnEnrolledNodeIsAMemberAtOnceAndOnDisk) {
  eve_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  const auto reply = enroll("Eve@Example.org", "g");
  ASSERT_TRUE(reply.isOk()) << reply.status().text();
  EXPECT_EQ(reply->node(), "eve");
  EXPECT_EQ(reply->jid(), "eve@example.org");
  EXPECT_FALSE(reply->changed());
  EXPECT_THAT(*store_->members().list(), SizeIs(3));
  eve_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  // The others are not there: one of them might hold a lease that nobody remembers.
  EXPECT_EQ(coordinator_->status().active(), "");
  pass(Duration::seconds(6));
  EXPECT_EQ(coordinator_->status().active(), "eve");
  EXPECT_EQ(eve_.grants.grants_size(), 2);
}

TEST_F(MembershipTest, AccountsThatCannotBeNodesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"eve@example.org/phone", "the account is eve@example.org"},
      {"example.org", "names a server"},
      {"eve@@example.org", "eve@@example.org"},
      {"g@muster.example.org", "address of the coordinator itself"},
      {"muster@example.org", "address of the coordinator itself"},
      {"ann@example.org", "has the role operator"},
  };
  for (const auto& [account, why] : cases) {
    const auto refused = enroll(account, "g");
    EXPECT_EQ(refused.status().field(), "node") << account;
    EXPECT_THAT(refused.status().text(), HasSubstr(why));
  }
  EXPECT_THAT(*store_->members().list(), SizeIs(2));
}

TEST_F(MembershipTest, ANameMustBeFitAndFree) {
  EXPECT_EQ(enroll("n!x@example.org", "g").status().field(), "name");
  EXPECT_EQ(enroll("node1@example.net", "newgroup", true).status().code(), Code::kConflict);
  EXPECT_EQ(coordinator_->cluster.find("newgroup"), nullptr) << "a refusal left a group behind";
}

TEST_F(MembershipTest, AGroupIsMadeOnlyOnRequest) {
  const auto refused = enroll("eve@example.org", "gg");
  EXPECT_EQ(refused.status().code(), Code::kNotFound);
  EXPECT_THAT(refused.status().text(), HasSubstr("create=yes makes it"));
  EXPECT_EQ(enroll("eve@example.org", "Not A Name", true).status().field(), "group");
  ASSERT_TRUE(enroll("eve@example.org", "backup", true).isOk());
  EXPECT_THAT(*store_->groups().loadAll(), SizeIs(2));
  eve_.group = "backup";
  eve_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(coordinator_->status("backup").active(), "eve");
}

TEST_F(MembershipTest, EnrolledAgainOnlyWhatIsGivenChanges) {
  nodesAppear();
  v1::EnrollRequest request;
  request.set_node("node2@example.org");
  request.set_priority(7);
  auto reply = coordinator_->membership.enroll(request, "root@example.org");
  ASSERT_TRUE(reply.isOk());
  EXPECT_TRUE(reply->changed());
  EXPECT_EQ(reply->group(), "g");
  EXPECT_EQ(coordinator_->node("node2").priority(), 7);
  request.clear_priority();
  request.set_nofailover(true);
  reply = coordinator_->membership.enroll(request, "root@example.org");
  EXPECT_EQ(reply->priority(), 7);
  EXPECT_TRUE(coordinator_->node("node2").nofailover());
  reply = coordinator_->membership.enroll(request, "root@example.org");
  EXPECT_FALSE(reply->changed());
  startCoordinator();
  EXPECT_EQ(coordinator_->node("node2").priority(), 7);
  EXPECT_TRUE(coordinator_->node("node2").nofailover());
}

TEST_F(MembershipTest, TheActiveNodeKeepsItsGroupUntilItIsDrained) {
  nodesAppear();
  const auto refused = enroll("node1@example.org", "other", true);
  EXPECT_EQ(refused.status().code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.status().text(), HasSubstr("drain node1"));
  EXPECT_EQ(coordinator_->cluster.find("other"), nullptr);
  two_.group = "other";
  ASSERT_TRUE(enroll("node2@example.org", "other", true).isOk());
  two_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(coordinator_->status("other").active(), "node2");
  EXPECT_EQ(coordinator_->status("g").members(), 1u);
}

TEST_F(MembershipTest, TheActiveNodeIsRemovedByForceOnlyAndStopsInOrder) {
  nodesAppear();
  const auto refused = remove("node1");
  EXPECT_EQ(refused.status().code(), Code::kRefusedUnsafe);
  EXPECT_THAT(refused.status().text(), HasSubstr("drain it first (drain node1)"));
  ASSERT_TRUE(remove("node1", true).isOk());
  settle();
  EXPECT_EQ(coordinator_->status().active(), "node2");
  EXPECT_EQ(coordinator_->status().members(), 1u);
  EXPECT_THAT(*store_->members().list(), SizeIs(1));
  // What it says now is nobody's.
  one_.showPresence(v1::NODE_ROLE_STANDBY);
  settle();
  EXPECT_EQ(coordinator_->status().present(), 1u);
}

TEST_F(MembershipTest, AStandbyIsRemoved) {
  nodesAppear();
  v1::RemoveRequest request;
  request.set_node("node2");
  EXPECT_THAT(coordinator_->membership.planRemove(request), HasSubstr("nothing moves"));
  ASSERT_TRUE(remove("node2").isOk());
  EXPECT_EQ(remove("node2").status().code(), Code::kNotFound);
  EXPECT_EQ(coordinator_->status().active(), "node1");
}

TEST_F(MembershipTest, AGrantHoldsAtOnceEverywhere) {
  nodesAppear();
  const auto reply = grant(v1::GRANTED_ROLE_OBSERVER, "Bob@example.org");
  ASSERT_TRUE(reply.isOk()) << reply.status().text();
  EXPECT_EQ(reply->before(), v1::GRANTED_ROLE_NONE);
  EXPECT_EQ(coordinator_->authority.roleOf(jid("bob@example.org")), v1::ROLE_OBSERVER);
  EXPECT_EQ(*store_->grants().roleOf("bob@example.org"), v1::ROLE_OBSERVER);
  settle();
  EXPECT_EQ(one_.grants.grants_size(), 3);
  EXPECT_EQ(two_.grants.version(), *store_->grants().version());
  EXPECT_EQ(coordinator_->roles_changed, 1);
}

TEST_F(MembershipTest, WhoHasLostTheRoleSeesNothingAnyMore) {
  nodesAppear();
  ASSERT_TRUE(store_->subscriptions().add({"g@muster.example.org", "ann@example.org"}));
  startCoordinator();
  settle();
  std::vector<std::string> types;
  server_.onRoute([&](const xmpp::Element& stanza) {
    if (stanza.attribute("to") == "ann@example.org") {
      types.push_back(stanza.attribute("type"));
    }
    return true;
  });
  ASSERT_TRUE(grant(v1::GRANTED_ROLE_NONE, "ann@example.org").isOk());
  settle();
  EXPECT_THAT(types, testing::ElementsAre("unsubscribed", "unavailable"));
  EXPECT_THAT(*store_->subscriptions().list(), SizeIs(0));
  EXPECT_FALSE(coordinator_->authority.roleOf(jid("ann@example.org")).has_value());
  server_.onRoute({});
}

TEST_F(MembershipTest, TheLastAdminStays) {
  for (const auto role : {v1::GRANTED_ROLE_NONE, v1::GRANTED_ROLE_OPERATOR}) {
    const auto refused = grant(role, "root@example.org");
    EXPECT_EQ(refused.status().code(), Code::kRefusedUnsafe);
    EXPECT_THAT(refused.status().text(), HasSubstr("last admin"));
  }
  EXPECT_TRUE(grant(v1::GRANTED_ROLE_ADMIN, "root@example.org").isOk());
  ASSERT_TRUE(grant(v1::GRANTED_ROLE_ADMIN, "ann@example.org").isOk());
  EXPECT_TRUE(grant(v1::GRANTED_ROLE_NONE, "root@example.org").isOk());
}

TEST_F(MembershipTest, NoProgramIsGrantedARole) {
  for (const char* account :
       {"node1@example.org", "muster@example.org", "x@muster.example.org", "muster.example.org"}) {
    EXPECT_EQ(grant(v1::GRANTED_ROLE_ADMIN, account).status().field(), "jid") << account;
  }
  EXPECT_THAT(coordinator_->membership.roles()->roles(), SizeIs(2));
}

}  // namespace
}  // namespace muster::coordinator
