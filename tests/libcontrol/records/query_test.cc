#include "libcontrol/records/query.h"

#include <gtest/gtest.h>

#include <string>

#include "libcontrol/base/limits.h"

namespace muster::records {
namespace {

bool matches(const std::string& query, const std::string& text, Severity level = Severity::kInfo,
             const std::string& logger = "storage.disk") {
  auto parsed = parseQuery(query);
  EXPECT_TRUE(parsed) << query << ": " << parsed.status().text();
  if (!parsed) return false;
  return Matcher(std::move(parsed).value()).matches({WallTime{1000}, level, logger, text});
}

std::string refusal(const std::string& query) {
  const auto parsed = parseQuery(query);
  EXPECT_FALSE(parsed) << query;
  if (parsed) return {};
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  return parsed.status().text();
}

TEST(Query, AnEmptyOneAsksForEverything) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("  ", ""));
}

TEST(Query, WordsAreWholeAndOfAnyCase) {
  EXPECT_TRUE(matches("timeout", "read Timeout after 3 s"));
  EXPECT_TRUE(matches("TIMEOUT read", "read timeout"));
  EXPECT_FALSE(matches("time", "read timeout"));
  EXPECT_FALSE(matches("timeout write", "read timeout"));
  EXPECT_TRUE(matches("user_id", "user_id=5"));
  EXPECT_FALSE(matches("user", "user_id=5"));
  EXPECT_TRUE(matches("größe", "Die größe zählt"));
}

TEST(Query, SeveralWordsInOneStandBehindOneAnother) {
  EXPECT_TRUE(matches("\"connection refused\"", "Connection: refused by peer"));
  EXPECT_FALSE(matches("\"connection refused\"", "connection was refused"));
  EXPECT_TRUE(matches("\"a a b\"", "a a a b"));
  EXPECT_TRUE(matches("status=500", "GET / status=500"));
  EXPECT_FALSE(matches("status=500", "status=5000"));
  EXPECT_TRUE(matches("10.1.4.7:5432", "to 10.1.4.7:5432 lost"));
  EXPECT_FALSE(matches("10.1.4.7", "to 10.1.4.70 lost"));
  EXPECT_TRUE(matches(R"("say \"no\"")", "say no"));
}

TEST(Query, AStarTakesTheRestOfAWord) {
  EXPECT_TRUE(matches("disk*", "disks full"));
  EXPECT_TRUE(matches("disk*", "disk full"));
  EXPECT_FALSE(matches("disk*", "a hdisk"));
  EXPECT_TRUE(matches("\"connection ref\"*", "connection refused"));
  EXPECT_FALSE(matches("\"connection ref\"*", "connections refused"));
}

TEST(Query, WhatIsNegatedMustNotBeThere) {
  EXPECT_FALSE(matches("-heartbeat", "heartbeat ok"));
  EXPECT_TRUE(matches("-heartbeat ok", "all ok"));
  EXPECT_FALSE(matches("-/ok$/", "all ok"));
  EXPECT_FALSE(matches("-logger=storage.*", "all ok"));
  EXPECT_FALSE(matches("-level=info", "all ok"));
}

TEST(Query, ExpressionsTellCasesApartUnlessTheySayOtherwise) {
  EXPECT_TRUE(matches("/took [0-9]{4,}ms/", "it took 12345ms"));
  EXPECT_FALSE(matches("/took [0-9]{4,}ms/", "it took 345ms"));
  EXPECT_FALSE(matches("/Took/", "it took"));
  EXPECT_TRUE(matches("/(?i)Took/", "it took"));
  EXPECT_TRUE(matches(R"(/\/api\/v[12]/)", "GET /api/v2/orders"));
  EXPECT_TRUE(matches(R"(/\bdisk\b/)", "a disk."));
}

TEST(Query, LevelsAndLoggers) {
  EXPECT_TRUE(matches("level>=warn", "x", Severity::kError));
  EXPECT_TRUE(matches("level>=warn", "x", Severity::kWarn));
  EXPECT_FALSE(matches("level>=warn", "x", Severity::kInfo));
  EXPECT_TRUE(matches("level<=debug", "x", Severity::kTrace));
  EXPECT_FALSE(matches("level<=debug", "x", Severity::kInfo));
  EXPECT_TRUE(matches("level=error,critical", "x", Severity::kCritical));
  EXPECT_FALSE(matches("level=error", "x", Severity::kCritical));
  EXPECT_TRUE(matches("logger=storage.*", "x"));
  EXPECT_FALSE(matches("logger=storage", "x"));
  EXPECT_TRUE(matches("logger=root", "x", Severity::kInfo, ""));
}

TEST(Query, TimesBoundFromTheFirstUpToTheSecond) {
  Query query;
  query.since = WallTime{1000};
  query.until = WallTime{2000};
  const Matcher matcher(query);
  const auto at = [&](int64_t ms) {
    return matcher.matches({WallTime{ms}, Severity::kInfo, "", "x"});
  };
  EXPECT_FALSE(at(999));
  EXPECT_TRUE(at(1000));
  EXPECT_TRUE(at(1999));
  EXPECT_FALSE(at(2000));
}

TEST(Query, AMistakeIsNamed) {
  EXPECT_NE(refusal("\"open").find("not closed"), std::string::npos);
  EXPECT_NE(refusal("/open").find("no closing slash"), std::string::npos);
  EXPECT_NE(refusal("/api/v2").find("in quotes"), std::string::npos);
  EXPECT_NE(refusal("//").find("empty expression"), std::string::npos);
  EXPECT_NE(refusal("/(/").find("'('"), std::string::npos);
  EXPECT_NE(refusal("/(x{900}){900}/").find("can't be used"), std::string::npos);
  EXPECT_NE(refusal("level>=loud").find("'loud' is no level"), std::string::npos);
  EXPECT_NE(refusal("level>warn").find("level>=warn"), std::string::npos);
  EXPECT_NE(refusal("level>=warn,error").find("level= alone"), std::string::npos);
  EXPECT_NE(refusal("logger=").find("missing"), std::string::npos);
  EXPECT_NE(refusal("logger>x").find("logger=storage.*"), std::string::npos);
  EXPECT_NE(refusal("since=1h").find("argument of its own"), std::string::npos);
  EXPECT_NE(refusal("*sk").find("at the end"), std::string::npos);
  EXPECT_NE(refusal("->").find("neither letters nor digits"), std::string::npos);
  EXPECT_NE(refusal("*").find("'*' has neither"), std::string::npos);
  EXPECT_NE(refusal("\"a\"b").find("a space is missing"), std::string::npos);
  EXPECT_NE(refusal("a.*").find("no word"), std::string::npos);
  EXPECT_NE(refusal(std::string(limits::kMaxQueryBytes + 1, 'a')).find("longer"),
            std::string::npos);
  std::string many;
  for (size_t i = 0; i <= limits::kMaxQueryTerms; ++i) many += "a ";
  EXPECT_NE(refusal(many).find("terms"), std::string::npos);
}

}  // namespace
}  // namespace muster::records
