#include "libcontrol/base/text.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Duration, ReadsUnitsAndSums) {
  EXPECT_EQ(parseDuration("90s").value(), Duration::seconds(90));
  EXPECT_EQ(parseDuration("250ms").value(), Duration::millis(250));
  EXPECT_EQ(parseDuration("1h30m").value(), Duration::seconds(5400));
  EXPECT_EQ(parseDuration("1d").value(), Duration::seconds(86400));
}

TEST(Duration, RefusesWhatItWouldHaveToGuess) {
  for (const char* bad : {"", "10", "s", "-5s", "10 m", "1y", "5s-", "99999999999999999999s"}) {
    EXPECT_FALSE(parseDuration(bad).isOk()) << bad;
  }
  EXPECT_FALSE(parseDuration("10001d").isOk());
  EXPECT_NE(parseDuration("10").status().text().find("unit"), std::string::npos);
}

TEST(Duration, WritesWhatItReads) {
  for (const char* text : {"0s", "250ms", "90s", "10m", "1h30m", "2d1ms"}) {
    const auto parsed = parseDuration(text);
    ASSERT_TRUE(parsed.isOk()) << text;
    EXPECT_EQ(parseDuration(formatDuration(*parsed)).value(), *parsed);
  }
  EXPECT_EQ(formatDuration(Duration::seconds(90)), "1m30s");
}

TEST(Suggestion, FindsSlipsOfTheHand) {
  const std::vector<std::string> verbs = {"failover", "status", "nodes"};
  EXPECT_EQ(suggestion("failvoer", verbs), "; did you mean 'failover'?");
  EXPECT_EQ(suggestion("stat", verbs), "; did you mean 'status'?");
  EXPECT_EQ(suggestion("xyzzy", verbs), "; there are failover, status and nodes");
}

TEST(CleanText, StripsWhatTerminalsAndXmlCannotTake) {
  EXPECT_EQ(singleLine("a\x1b[31mb\nc", 100), "a [31mb c");
  EXPECT_EQ(cleanText("a\nb", 100), "a\nb");
  EXPECT_EQ(singleLine("\xff\xfe", 100), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(singleLine("\xc2\x85x", 100), " x");
}

TEST(CleanText, KeepsTheReadingOrder) {
  EXPECT_EQ(singleLine("a\xe2\x80\xae"
                       "b",
                       100),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(singleLine("a\xe2\x81\xa6"
                       "b",
                       100),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(singleLine("\xe2\x80\xa6", 100), "\xe2\x80\xa6");
}

TEST(CleanText, CutsAtACharactersBorder) {
  const std::string cut = singleLine("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 6);
  EXPECT_TRUE(isValidUtf8(cut));
  EXPECT_LE(cut.size(), 6u);
  EXPECT_EQ(cut, "\xc3\xa4\xe2\x80\xa6");
}

TEST(Percent, NeverRoundsUpToAll) {
  EXPECT_EQ(formatPercent(100), "100");
  EXPECT_EQ(formatPercent(99.9), "99.9");
  EXPECT_EQ(formatPercent(99.9999), "99.999");
  EXPECT_EQ(formatPercent(99.999999999), "99.999");
  EXPECT_EQ(formatPercent(0), "0");
}

TEST(Text, JoinsLowersAndWritesHex) {
  EXPECT_EQ(joinWithAnd({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(joinWithOr({"a", "b", "c"}), "a, b or c");
  EXPECT_EQ(joinWithOr({"a"}), "a");
  EXPECT_EQ(joinWithOr({}), "");
  EXPECT_EQ(asciiLower("\xc3\x84 Az[`"), "\xc3\x84 az[`");
  EXPECT_EQ(hexOf(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
}

}  // namespace
}  // namespace muster
