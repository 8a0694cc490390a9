#include "coordinator/targets.h"

#include <gmock/gmock.h>

#include "tests/coordinator/paper_nodes.h"

namespace muster::coordinator {
namespace {

using store::OverrideTarget;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TargetsTest : public PaperNodes {
 protected:
  Result<Target> resolve(const std::string& name, bool is_group = false) {
    return resolveTarget({name, is_group}, groups_, members_);
  }
  std::vector<std::string> namesOf(const Target& target) {
    std::vector<std::string> out;
    for (const Member* member : membersOf(target, members_)) out.push_back(member->name);
    return out;
  }
  std::vector<std::string> groups_ = {"g", "h"};
};

TEST_F(TargetsTest, AllGroupsAndNodes) {
  EXPECT_THAT(targetNames(groups_, members_),
              ElementsAre("all", "g", "h", "node1", "node2", "node3", "node4"));
  EXPECT_THAT(namesOf(resolve("all").value()), ElementsAre("node1", "node2", "node3", "node4"));
  EXPECT_EQ(resolve("").value().kind, OverrideTarget::kAll);
  EXPECT_THAT(namesOf(resolve("g").value()), ElementsAre("node1", "node2"));
  EXPECT_THAT(namesOf(resolve("node4").value()), ElementsAre("node4"));
  EXPECT_THAT(namesOf({OverrideTarget::kGroup, "empty"}), IsEmpty());
}

TEST_F(TargetsTest, AnUnknownOneIsNamedWithWhatWasMeant) {
  const auto target = resolve("node5");
  EXPECT_EQ(target.status().code(), Code::kNotFound);
  EXPECT_EQ(target.status().field(), "target");
  EXPECT_THAT(target.status().text(), HasSubstr("did you mean 'node1'?"));
}

TEST_F(TargetsTest, ANameThatStandsForTwoIsSpelledOut) {
  groups_ = {"g", "node1", "all"};
  EXPECT_THAT(targetNames(groups_, members_),
              ElementsAre("all", "g", "node1", "node2", "node3", "node4", "group:all",
                          "group:node1", "node:node1"));
  const auto ambiguous = resolve("node1");
  EXPECT_EQ(ambiguous.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(ambiguous.status().text(), HasSubstr("write group:node1 or node:node1"));
  EXPECT_THAT(resolve("all").status().text(), HasSubstr("write all or group:all"));
  EXPECT_EQ(resolve("node:node1").value(), (Target{OverrideTarget::kNode, "node1"}));
  EXPECT_EQ(resolve("group:node1").value(), (Target{OverrideTarget::kGroup, "node1"}));
}

TEST_F(TargetsTest, AtAGroupsContactItIsTheGroup) {
  groups_ = {"node1"};
  EXPECT_EQ(resolve("node1", /*is_group=*/true).value(), (Target{OverrideTarget::kGroup, "node1"}));
}

}  // namespace
}  // namespace muster::coordinator
