#include "libcontrol/catalogue/binding.h"

#include <gmock/gmock.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/catalogue/chat_line.h"
#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {
namespace {

using ::testing::HasSubstr;

class BindingTest : public ::testing::Test {
 protected:
  Bound bindLine(const std::string& line) {
    const auto parsed = parseChatLine(line);
    EXPECT_TRUE(parsed.isOk()) << parsed.status().text();
    const Command* command = catalogue_.find(parsed->verb);
    EXPECT_NE(command, nullptr) << line;
    return bind(*command, parsed->arguments, scope_);
  }
  template <typename Request>
  Request good(const std::string& line) {
    Bound bound = bindLine(line);
    EXPECT_TRUE(bound.errors.empty()) << line << ": " << combine(bound.errors).text();
    if (bound.request == nullptr) return {};
    return dynamic_cast<const Request&>(*bound.request);
  }
  test::TypesRequest types(const std::string& arguments) {
    return good<test::TypesRequest>("types " + arguments);
  }
  void bad(const std::string& line, const std::string& field, const std::string& text,
           Code code = Code::kInvalidArgument) {
    const Bound bound = bindLine(line);
    EXPECT_EQ(bound.request, nullptr) << line;
    ASSERT_EQ(bound.errors.size(), 1u) << line << ": " << combine(bound.errors).text();
    EXPECT_EQ(bound.errors[0].field(), field) << line;
    EXPECT_EQ(bound.errors[0].code(), code) << line;
    EXPECT_THAT(bound.errors[0].text(), HasSubstr(text)) << line;
  }

  PaperDirectory directory_;
  AllCommands catalogue_;
  Scope scope_{v1::ROLE_OPERATOR, "", &directory_};
};

TEST_F(BindingTest, NothingGivenIsNothingSet) {
  const auto request = types("");
  EXPECT_FALSE(request.has_text_first());
  EXPECT_FALSE(request.has_flag());
  EXPECT_FALSE(request.has_count());
}

TEST_F(BindingTest, EveryType) {
  const auto request = types(
      "hello count=10 wide=-9223372036854775808 small=-2147483648 huge=18446744073709551615 "
      "ratio=0.25 flag=yes color=Dark-Red wait=1h30m half=0.5");
  EXPECT_EQ(request.text_first(), "hello");
  EXPECT_EQ(request.count(), 10u);
  EXPECT_EQ(request.wide(), INT64_MIN);
  EXPECT_EQ(request.small(), INT32_MIN);
  EXPECT_EQ(request.huge(), UINT64_MAX);
  EXPECT_EQ(request.ratio(), 0.25);
  EXPECT_TRUE(request.flag());
  EXPECT_EQ(request.color(), test::COLOR_RED);
  EXPECT_EQ(request.wait(), 5'400'000);
  EXPECT_EQ(request.half(), 0.5F);
}

TEST_F(BindingTest, Booleans) {
  for (const char* word : {"true", "1", "yes", "YES"}) {
    EXPECT_TRUE(types(std::string("flag=") + word).flag()) << word;
  }
  for (const char* word : {"false", "0", "no"}) {
    const auto request = types(std::string("flag=") + word);
    EXPECT_TRUE(request.has_flag()) << word;
    EXPECT_FALSE(request.flag()) << word;
  }
  bad("types flag=maybe", "flag", "yes or no");
}

TEST_F(BindingTest, NumbersOutsideTheirBounds) {
  bad("types count=0", "count", "from 1 to 10");
  bad("types count=11", "count", "from 1 to 10");
  bad("types count=-1", "count", "whole number");
  bad("types count=1.5", "count", "whole number");
  bad("types count=0x5", "count", "whole number");
  bad("types count=''", "count", "whole number");
  bad("types small=2147483648", "small", "whole number");
  bad("types wide=9223372036854775808", "wide", "whole number");
  bad("types huge=18446744073709551616", "huge", "whole number");
  bad("types huge=-1", "huge", "whole number");
  bad("types ratio=1.01", "ratio", "from 0 to 1");
  bad("types ratio=nan", "ratio", "number");
  bad("types ratio=inf", "ratio", "number");
  bad("types ratio=0,5", "ratio", "number");
}

TEST_F(BindingTest, DurationsWantTheirUnit) {
  bad("log-level storage debug for=10", "for", "number with its unit");
  bad("log-level storage debug for=100ms", "for", "from 1s to 30d");
  bad("log-level storage debug for=31d", "for", "from 1s to 30d");
  EXPECT_EQ(good<v1::LogLevelRequest>("log-level storage debug for=10m").for_ms(), 600'000u);
}

TEST_F(BindingTest, ForeverIsADurationOfNoEnd) {
  for (const char* word : {"forever", "Forever"}) {
    const auto request =
        good<v1::LogLevelRequest>(std::string("log-level storage debug for=") + word);
    EXPECT_TRUE(request.has_for_ms());
    EXPECT_EQ(request.for_ms(), 0u);
  }
  EXPECT_FALSE(good<v1::LogLevelRequest>("log-level storage debug").has_for_ms());
  bad("log-level storage debug for=0s", "for",
      "from 1s to 30d, such as 90s, 10m or 2h, or forever");
  bad("log-level storage debug for=ever", "for", "or write forever");
  bad("types wait=forever", "wait", "is not a duration");
}

TEST_F(BindingTest, EnumsByLabelWithASuggestion) {
  bad("log-level storage debgu", "level", "did you mean 'debug'?");
  bad("types color=COLOR_RED", "color", "dark-red and blue");
  bad("types color=''", "color", "dark-red and blue");
}

TEST_F(BindingTest, NamesThatAreThereAndNamesThatArent) {
  EXPECT_EQ(good<v1::StatusRequest>("status STORAGE").group(), "storage");
  bad("status storge", "group", "did you mean 'storage'?", Code::kNotFound);
  bad("failover storage to=node7", "to", "did you mean 'node1'?", Code::kNotFound);
  bad("status ''", "group", "storage and mail");
}

TEST_F(BindingTest, AnOpenDirectoryLeavesTheJudgementToTheHandler) {
  EXPECT_EQ(good<v1::LogLevelRequest>("log-level foreign.logger").logger(), "foreign.logger");
}

TEST_F(BindingTest, NamesThatDifferInCaseAloneMustBeExact) {
  directory_.lists["groups"] = {"mail", "Mail"};
  EXPECT_EQ(good<v1::StatusRequest>("status Mail").group(), "Mail");
  bad("status MAIL", "group", "there is no 'MAIL'", Code::kNotFound);
}

TEST_F(BindingTest, UnknownNamesAndTooManyWords) {
  bad("failover storage too=node2", "too", "did you mean 'to'?");
  bad("status storage mail", "", "'mail' is one word too many");
  bad("node-info now", "", "no words");
}

TEST_F(BindingTest, TwiceIsTooOften) {
  bad("status storage group=mail", "group", "given twice");
  bad("types flag=yes flag=yes", "flag", "given twice");
}

TEST_F(BindingTest, RequiredArguments) {
  bad("failover", "group", "group is missing; it wants one of storage and mail");
}

TEST_F(BindingTest, AllErrorsAtOnce) {
  const Bound bound = bindLine("failover storge to=node9 wiat=yes expect-epoch=0 wait=perhaps");
  ASSERT_EQ(bound.errors.size(), 5u) << combine(bound.errors).text();
  std::set<std::string> fields;
  for (const Status& error : bound.errors) fields.insert(error.field());
  EXPECT_EQ(fields, (std::set<std::string>{"group", "to", "wiat", "expect-epoch", "wait"}));
  EXPECT_EQ(combine(bound.errors).code(), Code::kInvalidArgument);
}

TEST_F(BindingTest, AnArgumentMayNeedMoreThanItsCommand) {
  scope_.role = v1::ROLE_OBSERVER;
  bad("log-level storage debug", "level", "needs the role operator; yours is observer",
      Code::kForbidden);
  EXPECT_FALSE(bindLine("log-level storage").raised);
  scope_.role = v1::ROLE_OPERATOR;
  EXPECT_TRUE(bindLine("log-level storage debug").raised);
  bad("types for-admins=x", "for-admins", "needs the role admin", Code::kForbidden);
}

TEST_F(BindingTest, AtAGroupsContactTheGroupIsSaid) {
  scope_.group = "storage";
  EXPECT_EQ(good<v1::FailoverRequest>("failover").group(), "storage");
  EXPECT_EQ(good<v1::FailoverRequest>("failover Storage to=node2").to(), "node2");
  EXPECT_EQ(good<v1::FailoverRequest>("failover group=storage").group(), "storage");
  bad("failover mail", "group", "group is storage here, not 'mail'");
  bad("failover group=mail", "group", "group is storage here");
}

TEST_F(BindingTest, TextIsBoundedUtf8OnOneLine) {
  bad("types 12345678901234567", "text", "17 bytes long; at most 16");
  const Command& command = *catalogue_.find("types");
  for (const std::string& value : {std::string("a\nb"), std::string("\xff"), std::string("a\0b", 3),
                                   std::string("\xc2\x85")}) {
    const Bound bound = bind(command, {{value}, {}}, scope_);
    ASSERT_EQ(bound.errors.size(), 1u);
    EXPECT_EQ(bound.errors[0].field(), "text");
    EXPECT_THAT(bound.errors[0].text(), HasSubstr("UTF-8"));
  }
}

TEST_F(BindingTest, ErrorsShowOnlyACutOfWhatWasTyped) {
  const Command& command = *catalogue_.find("types");
  const Bound bound = bind(command, {{}, {{std::string(5000, 'x') + "\n", "1"}}}, scope_);
  ASSERT_EQ(bound.errors.size(), 1u);
  EXPECT_LT(bound.errors[0].text().size(), 400u);
  EXPECT_EQ(bound.errors[0].text().find('\n'), std::string::npos);
}

TEST_F(BindingTest, NoMoreArgumentsThanTheLimit) {
  RawArguments raw;
  for (size_t i = 0; i <= limits::kMaxArguments; ++i) {
    raw.named.emplace_back("n" + std::to_string(i), "1");
  }
  const Bound bound = bind(*catalogue_.find("types"), raw, scope_);
  ASSERT_EQ(bound.errors.size(), 1u);
  EXPECT_THAT(bound.errors[0].text(), HasSubstr("at most 64"));
}

TEST_F(BindingTest, EveryExampleBinds) {
  scope_.role = v1::ROLE_ADMIN;
  for (const Catalogue* catalogue : {&catalogue_.node, &catalogue_.cluster, &catalogue_.types}) {
    for (const Command& command : catalogue->commands()) {
      for (const std::string& example : command.examples) {
        const std::string line = command.verb + " " + example;
        const Bound bound = bind(command, parseChatLine(line)->arguments, scope_);
        EXPECT_TRUE(bound.errors.empty()) << line << ": " << combine(bound.errors).text();
      }
      EXPECT_FALSE(command.examples.empty()) << command.verb;
    }
  }
}

TEST_F(BindingTest, TheArgumentLineBindsToTheSame) {
  scope_.role = v1::ROLE_ADMIN;
  for (const std::string line :
       {"failover storage to=node2 wait=yes expect-epoch=7", "log-level storage debug for=90m",
        "log-level level=debug", "log-level storage debug for=forever",
        "types 'a=b \"c\"' ratio=0.1 wide=-5 half=0.25 color=blue",
        "types \"\" flag=no wait=250ms"}) {
    const Bound once = bindLine(line);
    ASSERT_NE(once.request, nullptr) << line << combine(once.errors).text();
    const std::string verb = line.substr(0, line.find(' '));
    const std::string canonical = argumentLine(*catalogue_.find(verb), *once.request);
    const Bound again = bindLine(verb + " " + canonical);
    ASSERT_NE(again.request, nullptr) << canonical;
    EXPECT_EQ(once.request->SerializeAsString(), again.request->SerializeAsString()) << canonical;
  }
}

TEST_F(BindingTest, TheArgumentLineLeavesHiddenOnesOut) {
  const Bound bound = bindLine("failover storage key=abc");
  ASSERT_NE(bound.request, nullptr);
  EXPECT_EQ(argumentLine(*catalogue_.find("failover"), *bound.request), "storage");
}

class RestTest : public ::testing::Test {
 protected:
  RestTest() {
    const auto* service =
        test::RestRequest::descriptor()->file()->FindServiceByName("RestCommands");
    auto built = Catalogue::build({service});
    EXPECT_TRUE(built.isOk()) << built.status().text();
    catalogue_ = std::move(built).value();
  }
  Bound bindLine(const std::string& line) {
    return bind(*catalogue_.find("rest"), parseChatLine(line)->arguments, scope_);
  }
  std::string query(const std::string& line) {
    const Bound bound = bindLine(line);
    EXPECT_NE(bound.request, nullptr) << line << ": " << combine(bound.errors).text();
    if (bound.request == nullptr) return {};
    return dynamic_cast<const test::RestRequest&>(*bound.request).query();
  }
  Catalogue catalogue_;
  OpenDirectory directory_;
  Scope scope_{v1::ROLE_OPERATOR, "", &directory_};
};

TEST_F(RestTest, TakesAllWordsThatAreLeft) {
  EXPECT_EQ(query("rest here timeout level>=warn -heartbeat"), "timeout level>=warn -heartbeat");
  EXPECT_EQ(query("rest here one limit=3 two"), "one two");
  EXPECT_EQ(query("rest here"), "");
}

TEST_F(RestTest, WhatWasQuotedStaysOneWord) {
  EXPECT_EQ(query(R"(rest here "no route" -'a "b"')"), R"("no route" -"a \"b\"")");
  EXPECT_EQ(query(R"(rest here /a \d+ b/ x)"), R"(/a \d+ b/ x)");
}

TEST_F(RestTest, AtAGroupsContactTheFirstWordIsOfTheRest) {
  scope_.group = "storage";
  EXPECT_EQ(query("rest timeout now"), "timeout now");
  EXPECT_EQ(query("rest storage timeout now"), "timeout now");
}

TEST_F(RestTest, IsAsLongAsAllOfItMayBe) {
  const Bound bound = bindLine("rest here aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbb");
  ASSERT_EQ(bound.errors.size(), 1u);
  EXPECT_THAT(bound.errors[0].text(), HasSubstr("query is 44 bytes long; at most 40"));
}

TEST_F(RestTest, AWordWithAnEqualsSignIsToBeQuoted) {
  const Bound bound = bindLine("rest here user_id=42");
  ASSERT_EQ(bound.errors.size(), 1u);
  EXPECT_THAT(bound.errors[0].text(), HasSubstr("in quotes"));
  EXPECT_EQ(query("rest here \"user_id=42\""), "user_id=42");
}

TEST_F(RestTest, ItsLineReadsBackAsTheSame) {
  const std::string line = "rest here \"no route\" /a \\d/ limit=3";
  const Bound bound = bindLine(line);
  ASSERT_NE(bound.request, nullptr);
  const std::string written = argumentLine(*catalogue_.find("rest"), *bound.request);
  const Bound again = bindLine("rest " + written);
  ASSERT_NE(again.request, nullptr) << written;
  EXPECT_EQ(again.request->SerializeAsString(), bound.request->SerializeAsString()) << written;
}

}  // namespace
}  // namespace muster::catalogue
