#include "examples/ledger/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ledger {
namespace {

using muster::Code;
using testing::HasSubstr;
using testing::StartsWith;

template <typename Kind>
Kind parsed(const std::string& line) {
  const auto request = parseRequest(line);
  EXPECT_TRUE(request) << line << ": " << request.status().text();
  EXPECT_TRUE(request && std::holds_alternative<Kind>(*request)) << line;
  return request && std::holds_alternative<Kind>(*request) ? std::get<Kind>(*request) : Kind{};
}

std::string refusal(const std::string& line) {
  const auto request = parseRequest(line);
  EXPECT_FALSE(request) << line;
  EXPECT_EQ(request.status().code(), Code::kInvalidArgument);
  return request.status().text();
}

TEST(ProtocolTest, AppendKeepsItsTextAsItIs) {
  EXPECT_EQ(parsed<Append>("append two  words ").text, "two  words ");
  EXPECT_EQ(parsed<Append>("append word\r").text, "word");
  EXPECT_EQ(parsed<Append>("append word").id, "");
}

TEST(ProtocolTest, AppendOnceHasAnId) {
  const auto request = parsed<Append>("append-once load-1.2_3 some text");
  EXPECT_EQ(request.id, "load-1.2_3");
  EXPECT_EQ(request.text, "some text");
}

TEST(ProtocolTest, AppendIsBounded) {
  EXPECT_EQ(parsed<Append>("append " + std::string(kMaxTextBytes, 'x')).text.size(), kMaxTextBytes);
  EXPECT_THAT(refusal("append " + std::string(kMaxTextBytes + 1, 'x')),
              HasSubstr("at most 2048 are kept"));
  EXPECT_THAT(refusal("append"), HasSubstr("write: append TEXT"));
  EXPECT_THAT(refusal("append "), HasSubstr("write: append TEXT"));
  EXPECT_THAT(refusal("append a\x1b[2Jb"), HasSubstr("control characters"));
  EXPECT_THAT(refusal("append-once - text"), HasSubstr("an id is 1 to 64"));
  EXPECT_THAT(refusal("append-once a/b text"), HasSubstr("an id is 1 to 64"));
  EXPECT_THAT(refusal("append-once " + std::string(65, 'i') + " text"), HasSubstr("an id is"));
  EXPECT_THAT(refusal("append-once id"), HasSubstr("nothing to append"));
}

TEST(ProtocolTest, ReadTakesUpToTwoNumbers) {
  EXPECT_EQ(parsed<Read>("read").from, 1u);
  EXPECT_EQ(parsed<Read>("read").limit, 100u);
  EXPECT_EQ(parsed<Read>("read 7").from, 7u);
  EXPECT_EQ(parsed<Read>("read 7 200").limit, 200u);
  EXPECT_THAT(refusal("read 0"), HasSubstr("from 1 on"));
  EXPECT_THAT(refusal("read -1"), HasSubstr("from 1 on"));
  EXPECT_THAT(refusal("read 18446744073709551615"), HasSubstr("from 1 on"));
  EXPECT_THAT(refusal("read 1 201"), HasSubstr("from 1 to 200"));
  EXPECT_THAT(refusal("read 1 0"), HasSubstr("from 1 to 200"));
  EXPECT_THAT(refusal("read 1 2 3"), HasSubstr("more than two"));
}

TEST(ProtocolTest, FaultsAreSwitched) {
  EXPECT_TRUE(parsed<FaultOutage>("fault outage on").on);
  EXPECT_FALSE(parsed<FaultOutage>("fault outage off").on);
  EXPECT_EQ(parsed<FaultDrop>("fault drop 5").count, 5u);
  parsed<FaultStatus>("fault");
  EXPECT_THAT(refusal("fault drop"), HasSubstr("fault drop N"));
  EXPECT_THAT(refusal("fault drop 1000001"), HasSubstr("0 to 1000000"));
  EXPECT_THAT(refusal("fault outage"), HasSubstr("fault outage on"));
}

TEST(ProtocolTest, OthersAndStrangers) {
  parsed<WhoAmI>("whoami");
  parsed<Quit>("quit\r");
  parsed<Help>("help me");
  EXPECT_THAT(refusal("whoami please"), HasSubstr("takes no argument"));
  EXPECT_THAT(refusal("APPEND x"), HasSubstr("there are append, append-once, read"));
  EXPECT_THAT(refusal(""), HasSubstr("there are append"));
}

TEST(ProtocolTest, AnswersAreReadBack) {
  using Kind = AppendAnswer::Kind;
  const AppendAnswer ok = parseAnswer("ok 12 3");
  EXPECT_EQ(ok.kind, Kind::kOk);
  EXPECT_EQ(ok.seq, 12u);
  EXPECT_EQ(ok.epoch, 3u);
  EXPECT_EQ(parseAnswer("error not-active node1 is a standby").kind, Kind::kNotActive);
  EXPECT_EQ(parseAnswer("error storage disk full").kind, Kind::kRefused);
  EXPECT_EQ(parseAnswer("error unknown commit failed").kind, Kind::kUnknown);
  for (const char* line : {"", "ok", "ok 1", "ok x 1", "ok 1 1 1", "error", "garbage"}) {
    EXPECT_EQ(parseAnswer(line).kind, Kind::kUnknown) << line;
  }
}

TEST(ProtocolTest, RepliesAreOneLine) {
  EXPECT_EQ(okReply(12, 3), "ok 12 3\n");
  EXPECT_EQ(errorReply("storage", "two\nlines\r"), "error storage two lines \n");
  EXPECT_THAT(helpReply(), testing::EndsWith("\n.\n"));
}

}  // namespace
}  // namespace ledger
