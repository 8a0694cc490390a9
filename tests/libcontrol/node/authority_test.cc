#include "libcontrol/node/authority.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

v1::Grants grants(uint64_t version, const std::string& who, v1::Role role) {
  v1::Grants out;
  out.set_version(version);
  v1::Grant* grant = out.add_grants();
  grant->set_jid(who);
  grant->set_role(role);
  return out;
}

class NodeAuthorityTest : public testing::Test {
 protected:
  NodeAuthority make() {
    return NodeAuthority(*store_, {jid("muster.example.org"), jid("c1.example.org")},
                         {{jid("root@example.org"), v1::ROLE_OPERATOR}});
  }
  std::unique_ptr<store::NodeStateStore> store_ = store::NodeStateStore::openMemory();
};

TEST_F(NodeAuthorityTest, DeniesByDefault) {
  const NodeAuthority authority = make();
  EXPECT_FALSE(authority.roleOf(jid("eve@example.org")).has_value());
  EXPECT_FALSE(authority.roleOf(jid("root@example.com")).has_value());
  EXPECT_EQ(authority.roleOf(jid("root@example.org")), v1::ROLE_OPERATOR);
  EXPECT_EQ(authority.roleOf(jid("muster.example.org")), v1::ROLE_COORDINATOR);
}

TEST_F(NodeAuthorityTest, WhatItWasToldOutlivesIt) {
  ASSERT_TRUE(make().accept(grants(3, "ann@example.org", v1::ROLE_ADMIN)).isOk());
  EXPECT_EQ(make().roleOf(jid("ann@example.org")), v1::ROLE_ADMIN);
}

TEST_F(NodeAuthorityTest, TheLastPushReplacesTheOneBefore) {
  NodeAuthority authority = make();
  ASSERT_TRUE(authority.accept(grants(3, "ann@example.org", v1::ROLE_ADMIN)).isOk());
  // Of the same version, and of a lower one: the coordinator's store was made anew.
  for (const uint64_t version : {3, 2, 4}) {
    const std::string who = "bob" + std::to_string(version) + "@example.org";
    ASSERT_TRUE(authority.accept(grants(version, who, v1::ROLE_OBSERVER)).isOk());
    EXPECT_EQ(authority.roleOf(jid(who)), v1::ROLE_OBSERVER);
    EXPECT_EQ(make().roleOf(jid(who)), v1::ROLE_OBSERVER);
  }
  EXPECT_FALSE(authority.roleOf(jid("ann@example.org")).has_value());
  EXPECT_FALSE(authority.roleOf(jid("bob3@example.org")).has_value());
}

TEST_F(NodeAuthorityTest, TheHigherRoleCounts) {
  NodeAuthority authority = make();
  ASSERT_TRUE(authority.accept(grants(1, "root@example.org", v1::ROLE_OBSERVER)).isOk());
  EXPECT_EQ(authority.roleOf(jid("root@example.org")), v1::ROLE_OPERATOR);
}

TEST_F(NodeAuthorityTest, RefusesWhatIsNoGrant) {
  NodeAuthority authority = make();
  EXPECT_FALSE(authority.accept(grants(1, "ann@example.org/phone", v1::ROLE_ADMIN)).isOk());
  EXPECT_FALSE(authority.accept(grants(1, "Ann@example.org", v1::ROLE_ADMIN)).isOk());
  EXPECT_FALSE(authority.accept(grants(1, "ann@example.org", v1::ROLE_COORDINATOR)).isOk());
  EXPECT_FALSE(authority.accept(grants(1, "ann@example.org", v1::ROLE_UNSPECIFIED)).isOk());
  EXPECT_EQ(store_->state().grants_version, 0u);
}

TEST(RoleName, IsOneOfThree) {
  EXPECT_EQ(roleFromName("operator").value(), v1::ROLE_OPERATOR);
  EXPECT_FALSE(roleFromName("coordinator").isOk());
  EXPECT_NE(roleFromName("operater").status().text().find("did you mean 'operator'?"),
            std::string::npos);
}

}  // namespace
}  // namespace muster
