// Whom --at names.
#include "coordinator/cli/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using Kind = Target::Kind;

const Jid kCoordinator = Jid::parse("muster.example.org").value();

Target target(const std::string& at) {
  const auto out = targetOf(at, kCoordinator);
  EXPECT_TRUE(out.isOk()) << at;
  return out ? *out : Target{};
}

TEST(Target, IsToldByItsWords) {
  EXPECT_EQ(target("").kind, Kind::kCoordinator);
  EXPECT_EQ(target("muster.example.org").kind, Kind::kCoordinator);
  EXPECT_EQ(target("node1").kind, Kind::kNode);
  EXPECT_EQ(target("node1").name, "node1");
  EXPECT_EQ(target("node.1").name, "node.1");
  EXPECT_EQ(target("storage@muster.example.org").kind, Kind::kGroup);
  EXPECT_EQ(target("storage@muster.example.org").group, "storage");
  EXPECT_EQ(target("n@nodes.example.org").kind, Kind::kNode);
  EXPECT_EQ(target("n@nodes.example.org/node-1").jid.resource(), "node-1");
}

TEST(Target, MistakesAreNamed) {
  EXPECT_THAT(targetOf("@x", kCoordinator).status().text(), HasSubstr("--at"));
  EXPECT_THAT(targetOf("storage@muster.example.org/phone", kCoordinator).status().text(),
              HasSubstr("storage@muster.example.org"));
}

const std::vector<KnownNode> kNodes = {
    {"node1", "node1@nodes.example.org/node-1", "storage", true, ""},
    {"node2", "node2@nodes.example.org", "storage", false, "2026-01-01T00:00:00Z"},
};

TEST(Target, ANodeByNameOrBareJid) {
  for (const char* at : {"node1", "node1@nodes.example.org"}) {
    const auto jid = pickNode(target(at), kNodes, kCoordinator);
    ASSERT_TRUE(jid.isOk()) << at;
    EXPECT_EQ(jid->toString(), "node1@nodes.example.org/node-1");
  }
}

TEST(Target, ANodeThatIsNotThere) {
  const auto jid = pickNode(target("node2"), kNodes, kCoordinator);
  EXPECT_EQ(jid.status().code(), Code::kUnavailable);
  EXPECT_THAT(jid.status().text(), HasSubstr("since 2026-01-01"));
}

TEST(Target, ANameThatIsNone) {
  const auto jid = pickNode(target("nod1"), kNodes, kCoordinator);
  EXPECT_EQ(jid.status().code(), Code::kNotFound);
  EXPECT_THAT(jid.status().text(), HasSubstr("did you mean"));
  EXPECT_THAT(pickNode(target("storage"), kNodes, kCoordinator).status().text(),
              HasSubstr("storage@muster.example.org"));
}

}  // namespace
}  // namespace muster::cli
