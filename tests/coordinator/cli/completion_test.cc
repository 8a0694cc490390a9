// What the shell offers, and the manual pages: both from the catalogue.
#include "coordinator/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/cli/man.h"
#include "coordinator/cli/verb_docs.h"

namespace muster::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Completion : public ::testing::Test {
 protected:
  Completion() : catalogues_(Catalogues::make().value()) {}

  std::vector<std::string> after(const std::vector<std::string>& before,
                                 const std::string& current) {
    return completions(catalogues_, before, current,
                       [this](const Flags& flags, const std::string& kind) {
                         asked_ = flags;
                         kind_ = kind;
                         return std::vector<std::string>{"node1", "node2"};
                       });
  }

  const Catalogues catalogues_;
  Flags asked_;
  std::string kind_;
};

TEST_F(Completion, Verbs) {
  EXPECT_THAT(after({}, "fail"), ElementsAre("failover"));
  EXPECT_THAT(after({"--cluster", "/x"}, "stat"), ElementsAre("status"));
  for (const VerbDoc& verb : allVerbs(catalogues_)) {
    EXPECT_THAT(after({}, ""), Contains(verb.name));
  }
  EXPECT_THAT(after({}, "xyz"), IsEmpty());
}

TEST_F(Completion, Flags) {
  EXPECT_THAT(after({"failover"}, "--t"), ElementsAre("--timeout", "--to"));
  EXPECT_THAT(after({}, "--cl"), ElementsAre("--cluster"));
  EXPECT_THAT(after({}, "--to"), IsEmpty());
}

TEST_F(Completion, Values) {
  EXPECT_THAT(after({"--output"}, ""), ElementsAre("csv", "json", "raw", "table"));
  EXPECT_THAT(after({"-o"}, "j"), ElementsAre("json"));
  EXPECT_THAT(after({"completion"}, ""), ElementsAre("bash", "zsh"));
  EXPECT_THAT(after({"--at", "node1", "log-level", "root"}, "de"), ElementsAre("debug"));
  EXPECT_THAT(after({"log-level", "--at", "node1"}, "--level=de"), ElementsAre("--level=debug"));
  EXPECT_THAT(after({"--cluster"}, ""), ElementsAre(kFiles));
}

TEST_F(Completion, NamesAreAskedOfTheClusterThatIsMeant) {
  EXPECT_THAT(after({"--cluster", "/x", "--as=admin", "--at"}, "node"),
              ElementsAre("node1", "node2"));
  EXPECT_EQ(kind_, "nodes");
  EXPECT_EQ(asked_.cluster, "/x");
  EXPECT_EQ(asked_.as, "admin");
  after({"status"}, "");
  EXPECT_EQ(kind_, "groups");
  after({"failover", "ledger", "--to"}, "");
  EXPECT_EQ(kind_, "nodes");
}

TEST_F(Completion, NobodyIsAskedForWhatIsKnown) {
  after({}, "st");
  after({"failover"}, "--");
  EXPECT_EQ(kind_, "");
}

TEST_F(Completion, WhatIsWrongIsPassedOver) {
  EXPECT_THAT(after({"--nonsense", "status"}, "--ti"), ElementsAre("--timeout"));
  EXPECT_THAT(after({"nonsense"}, ""), IsEmpty());
  EXPECT_THAT(after({"status", "a", "b", "c"}, ""), IsEmpty());
}

TEST_F(Completion, Scripts) {
  EXPECT_THAT(*completionScript("bash"), HasSubstr("complete -F"));
  EXPECT_THAT(*completionScript("zsh"), HasSubstr("compdef"));
  EXPECT_THAT(completionScript("bsh").status().text(), HasSubstr("did you mean 'bash'"));
}

TEST(Man, TextIsTakenLiterally) {
  EXPECT_EQ(roffEscaped("a-b\\c"), "a\\-b\\ec");
  EXPECT_EQ(roffEscaped(".SH x\n'y"), "\\&.SH x\n\\&\\(aqy");
  EXPECT_EQ(roffEscaped("~/.config"), "\\(ti/.config");
}

TEST(Man, EveryVerbHasAPage) {
  const Catalogues catalogues = Catalogues::make().value();
  const std::string main = mainPage(catalogues);
  for (const VerbDoc& verb : allVerbs(catalogues)) {
    const auto page = verbPage(catalogues, verb.name);
    ASSERT_TRUE(page.isOk()) << verb.name;
    EXPECT_THAT(*page, HasSubstr(".SH NAME\n" + roffEscaped("muster-" + verb.name) + " \\- "));
    EXPECT_THAT(main, HasSubstr("\\fB" + roffEscaped(verb.name) + "\\fR"));
    for (const OptionDoc& option : verb.options) {
      EXPECT_THAT(*page, HasSubstr(roffEscaped(option.name))) << verb.name;
    }
  }
  EXPECT_THAT(verbPage(catalogues, "stauts").status().text(), HasSubstr("did you mean 'status'"));
}

TEST(Man, TheGlobalFlagsAreOnTheMainPage) {
  const std::string page = mainPage(Catalogues::make().value());
  for (const OptionDoc& option : globalOptions()) {
    EXPECT_THAT(page, HasSubstr("\\fB" + roffEscaped(option.name)));
  }
}

}  // namespace
}  // namespace muster::cli
