#include "libcontrol/catalogue/chat_face.h"

#include <gmock/gmock.h>

#include <regex>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "tests/libcontrol/catalogue/fixture.h"

namespace muster::catalogue {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ChatFaceTest : public Stage {
 protected:
  void SetUp() override {
    Stage::SetUp();
    face_ = std::make_unique<ChatFace>(*dispatcher_, random_);
  }
  ChatAnswer answer(const Jid& from, const std::string& line) {
    std::optional<ChatAnswer> got;
    face_->handle(from, at_, line, clock_.elapsed(), clock_.wall(), [&got](ChatAnswer answer) {
      EXPECT_FALSE(got.has_value()) << "answered twice";
      got = std::move(answer);
    });
    EXPECT_TRUE(got.has_value()) << "not answered";
    return got.value_or(ChatAnswer{});
  }
  std::string say(const Jid& from, const std::string& line) {
    const ChatAnswer got = answer(from, line);
    EXPECT_FALSE(got.stranger);
    EXPECT_EQ(got.pages.size(), 1u);
    return got.pages.empty() ? "" : got.pages[0];
  }
  static std::string codeIn(const std::string& text) {
    std::smatch match;
    EXPECT_TRUE(std::regex_search(text, match, std::regex("the code ([0-9]{6}) alone"))) << text;
    return match.size() > 1 ? match[1].str() : "";
  }
  static std::string otherThan(const std::string& code) {
    return code == "000000" ? "000001" : "000000";
  }

  ChatFace::At at_{"muster.example.org", ""};
  std::unique_ptr<ChatFace> face_;
};

TEST_F(ChatFaceTest, CommandsAreAnsweredWithText) {
  EXPECT_THAT(say(olga_, "Status storage"), HasSubstr("storage  node1   7      ACTIVE"));
  EXPECT_EQ(status_requests_.at(0).group(), "storage");
}

TEST_F(ChatFaceTest, StrangersAndCoordinatorsAreMetWithSilence) {
  for (const char* line : {"status", "help", "123456", "'", ""}) {
    const ChatAnswer got = answer(stranger_, line);
    EXPECT_TRUE(got.stranger) << line;
    EXPECT_TRUE(got.pages.empty()) << line;
  }
  EXPECT_TRUE(answer(jid("muster@example.org/x"), "help").stranger);
}

TEST_F(ChatFaceTest, WhatChangesNothingNeedsNoCode) {
  EXPECT_THAT(say(otto_, "failover storage dry-run=yes"), Not(HasSubstr("Send the code")));
  ASSERT_EQ(failovers_.size(), 1u);
  EXPECT_TRUE(failovers_[0].dry_run());
  EXPECT_THAT(say(otto_, "failover storage dry-run=no"), HasSubstr("Send the code"));
  EXPECT_EQ(failovers_.size(), 1u);
}

TEST_F(ChatFaceTest, Help) {
  EXPECT_THAT(say(olga_, "help"), HasSubstr("status [GROUP]"));
  EXPECT_THAT(say(olga_, " HELP "), Not(HasSubstr("failover")));
  EXPECT_THAT(say(otto_, "help failover"), HasSubstr("Usage: failover GROUP"));
  EXPECT_THAT(say(olga_, "help failover"), HasSubstr("there is no command 'failover'"));
  EXPECT_THAT(say(olga_, "help sttus"), HasSubstr("did you mean 'status'?"));
  EXPECT_EQ(say(olga_, "  "), say(olga_, "help"));
}

TEST_F(ChatFaceTest, MistypedVerbsAndArguments) {
  EXPECT_THAT(say(olga_, "sttaus"), HasSubstr("did you mean 'status'?\n'help' lists"));
  EXPECT_THAT(say(olga_, "status storge"),
              HasSubstr("did you mean 'storage'?\n'help status' says"));
  EXPECT_THAT(say(olga_, "status “storage"), HasSubstr("character 8"));
  EXPECT_THAT(say(olga_, "failover storage"), HasSubstr("needs the role operator"));
}

TEST_F(ChatFaceTest, WhatCanHurtWantsItsCode) {
  const std::string asked = say(otto_, "failover storage to=NODE2");
  EXPECT_THAT(asked, HasSubstr("This would carry out: failover storage to=node2\n"));
  EXPECT_THAT(asked, HasSubstr("Drains the active node"));
  EXPECT_THAT(asked, HasSubstr("within 1m"));
  EXPECT_TRUE(failovers_.empty());
  EXPECT_TRUE(audit_.entries.empty());
  const std::string done = say(otto_, " " + codeIn(asked) + "\n");
  EXPECT_THAT(done, HasSubstr("To: node2"));
  EXPECT_THAT(done, HasSubstr("Took: 1s500ms"));
  ASSERT_EQ(failovers_.size(), 1u);
  EXPECT_EQ(failovers_[0].to(), "node2");
  EXPECT_FALSE(failovers_[0].key().empty());
  EXPECT_EQ(audit_.entries.size(), 2u);
  EXPECT_THAT(say(otto_, codeIn(asked)), HasSubstr("no command awaits a code"));
  EXPECT_EQ(failovers_.size(), 1u) << "a code is good once";
}

TEST_F(ChatFaceTest, APreviewSaysExactlyWhatWouldHappen) {
  HandlerSet handlers = clusterHandlers();
  handlers.preview<v1::FailoverRequest>(
      "failover", [](const v1::FailoverRequest& request, const CallContext& context) {
        return request.group() + ": node1 is drained, " + request.to() + " becomes active, says " +
               context.caller().local();
      });
  make("muster.v1.ClusterCommands", std::move(handlers));
  face_ = std::make_unique<ChatFace>(*dispatcher_, random_);
  EXPECT_THAT(say(otto_, "failover storage to=node2"),
              HasSubstr("storage: node1 is drained, node2 becomes active, says otto"));
}

TEST_F(ChatFaceTest, TheCodeIsForTheSameFullJidAtTheSameAddress) {
  const std::string code = codeIn(say(otto_, "failover storage"));
  EXPECT_THAT(say(otto_.withResource("other"), code), HasSubstr("no command awaits"));
  EXPECT_THAT(say(jid("ada@example.org/x"), code), HasSubstr("no command awaits"));
  at_.place = "mail@muster.example.org";
  EXPECT_THAT(say(otto_, code), HasSubstr("no command awaits"));
  EXPECT_TRUE(failovers_.empty());
  at_.place = "muster.example.org";
  say(otto_, code);
  EXPECT_EQ(failovers_.size(), 1u);
}

TEST_F(ChatFaceTest, TheCodeLivesAMinute) {
  const std::string first = codeIn(say(otto_, "failover storage"));
  clock_.advance(limits::kConfirmLife);
  EXPECT_THAT(say(otto_, first), HasSubstr("expired"));
  EXPECT_TRUE(failovers_.empty());
  const std::string second = codeIn(say(otto_, "failover storage"));
  clock_.advance(limits::kConfirmLife - Duration::millis(1));
  say(otto_, second);
  EXPECT_EQ(failovers_.size(), 1u);
}

TEST_F(ChatFaceTest, ThreeWrongCodesEndIt) {
  const std::string code = codeIn(say(otto_, "failover storage"));
  EXPECT_THAT(say(otto_, otherThan(code)), HasSubstr("2 tries are left"));
  EXPECT_THAT(say(otto_, "1"), HasSubstr("1 try is left"));
  EXPECT_THAT(say(otto_, otherThan(code)), HasSubstr("void"));
  EXPECT_THAT(say(otto_, code), HasSubstr("no command awaits"));
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(ChatFaceTest, AnotherRequestReplacesTheFirst) {
  const std::string first = codeIn(say(otto_, "failover storage"));
  const std::string second = codeIn(say(otto_, "failover mail"));
  ASSERT_NE(first, second);
  EXPECT_THAT(say(otto_, first), HasSubstr("not the code"));
  say(otto_, "status");
  say(otto_, second);
  ASSERT_EQ(failovers_.size(), 1u);
  EXPECT_EQ(failovers_[0].group(), "mail");
}

TEST_F(ChatFaceTest, ACodeDoesNotOutliveTheRole) {
  const std::string code = codeIn(say(otto_, "failover storage"));
  authority_.roles["otto@example.org"] = v1::ROLE_OBSERVER;
  EXPECT_THAT(say(otto_, code), HasSubstr("needs the role operator"));
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(ChatFaceTest, ACodeCarriesOutWhatWasBoundOrNothing) {
  directory_.lists["groups"] = {"storage"};
  const std::string code = codeIn(say(otto_, "failover STORAGE"));
  directory_.lists["groups"] = {"Storage", "STORAGE"};
  EXPECT_THAT(say(otto_, code), HasSubstr("has changed since"));
  EXPECT_TRUE(failovers_.empty());
}

TEST_F(ChatFaceTest, OpenRequestsAreBounded) {
  for (size_t i = 0; i < limits::kMaxConfirms; ++i) {
    codeIn(say(otto_.withResource("r" + std::to_string(i)), "failover storage"));
  }
  EXPECT_THAT(say(otto_, "failover storage"), HasSubstr("too many commands await"));
  codeIn(say(otto_.withResource("r0"), "failover mail"));
  clock_.advance(limits::kConfirmLife);
  codeIn(say(otto_, "failover storage"));
}

TEST_F(ChatFaceTest, AtAGroupsContactTheGroupIsImplied) {
  at_ = {"storage@muster.example.org", "storage"};
  const std::string asked = say(otto_, "failover to=node2");
  EXPECT_THAT(asked, HasSubstr("Group: storage"));
  say(otto_, codeIn(asked));
  EXPECT_EQ(failovers_.at(0).group(), "storage");
}

TEST_F(ChatFaceTest, AnswersMayComeLater) {
  later_ = true;
  const std::string code = codeIn(say(otto_, "failover storage"));
  std::vector<std::string> got;
  face_->handle(otto_, at_, code, clock_.elapsed(), clock_.wall(),
                [&got](const ChatAnswer& answer) { got = answer.pages; });
  EXPECT_TRUE(got.empty());
  face_.reset();
  failure_ = {Code::kConflict, "the epoch is 9 by now"};
  answerFailover(*waiting_);
  EXPECT_EQ(got, std::vector<std::string>{"the epoch is 9 by now"});
}

TEST_F(ChatFaceTest, NotesFollowTheReply) {
  make("muster.v1.NodeCommands", nodeHandlers());
  face_ = std::make_unique<ChatFace>(*dispatcher_, random_);
  EXPECT_THAT(say(olga_, "service-level"),
              HasSubstr("\nUser service level: 99.9% (5 dropped in the last 10 mins.)"));
}

TEST_F(ChatFaceTest, MoreBringsTheRestOfALongAnswer) {
  large_status_ = largeStatus(600, 40);
  std::string all = say(olga_, "status");
  EXPECT_LE(all.size(), limits::kMaxChatPageBytes);
  EXPECT_THAT(all, HasSubstr("(page 1 of "));
  EXPECT_THAT(all, HasSubstr("; send 'more' for the next)"));
  EXPECT_THAT(say(otto_, "more"), HasSubstr("nothing more")) << "somebody else's";
  at_.place = "elsewhere@muster.example.org";
  EXPECT_THAT(say(olga_, "more"), HasSubstr("nothing more")) << "another address";
  at_.place = "muster.example.org";
  large_status_.reset();
  say(olga_, "status storage");
  std::string page;
  int pages = 1;
  while (page = say(olga_, pages % 2 == 0 ? "More" : "more"),
         page.find("nothing more") == std::string::npos) {
    ASSERT_LT(++pages, 40);
    EXPECT_LE(page.size(), limits::kMaxChatPageBytes);
    EXPECT_THAT(page, HasSubstr("(page " + std::to_string(pages) + " of "));
    all += page;
  }
  EXPECT_GT(pages, 3);
  for (int i = 0; i < 600; ++i) {
    EXPECT_THAT(all, HasSubstr("g" + std::to_string(i) + "x"));
  }
}

TEST_F(ChatFaceTest, TheRestIsKeptForTenMinutes) {
  large_status_ = largeStatus(600, 40);
  say(olga_, "status");
  clock_.advance(limits::kSessionLife);
  EXPECT_THAT(say(olga_, "more"), HasSubstr("nothing more"));
}

TEST(SplitPages, AtLineEndsElseAtCharacters) {
  EXPECT_EQ(splitPages("", 10), std::vector<std::string>{""});
  EXPECT_EQ(splitPages("one\ntwo\nthree", 8), (std::vector<std::string>{"one\ntwo", "three"}));
  EXPECT_EQ(splitPages("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
  const std::string umlauts = "ääää";
  for (const std::string& page : splitPages(umlauts, 3)) {
    EXPECT_EQ(page, "ä");
  }
}

TEST(SplitPages, NothingIsLostAndNoPageIsTooLong) {
  SeededRandom random(9);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (uint64_t n = random.below(120); n > 0; --n) {
      text += std::vector<std::string>{"a", "€", "\n", "bc"}[random.below(4)];
    }
    std::string joined;
    for (const std::string& page : splitPages(text, 12)) {
      EXPECT_LE(page.size(), 12u);
      EXPECT_TRUE(isValidUtf8(page));
      joined += page;
    }
    std::erase(text, '\n');
    std::erase(joined, '\n');
    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace muster::catalogue
