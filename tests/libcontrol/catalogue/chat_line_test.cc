#include "libcontrol/catalogue/chat_line.h"

#include <gmock/gmock.h>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/random.h"

namespace muster::catalogue {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

ChatLine parse(const std::string& text) {
  const auto line = parseChatLine(text);
  EXPECT_TRUE(line.isOk()) << text << ": " << line.status().text();
  return line.isOk() ? *line : ChatLine{};
}

void expectWrong(const std::string& text, const std::string& what) {
  const auto line = parseChatLine(text);
  ASSERT_FALSE(line.isOk()) << text;
  EXPECT_EQ(line.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(line.status().text(), HasSubstr(what));
}

TEST(ChatLine, WordsAndNames) {
  const ChatLine line = parse("log-level storage debug for=10m");
  EXPECT_EQ(line.verb, "log-level");
  EXPECT_THAT(line.arguments.positionals, ElementsAre("storage", "debug"));
  EXPECT_THAT(line.arguments.named, ElementsAre(Pair("for", "10m")));
}

TEST(ChatLine, SpacesAroundAndBetween) {
  const ChatLine line = parse("  Failover \t storage\xc2\xa0to=node2 \n");
  EXPECT_EQ(line.verb, "failover");
  EXPECT_THAT(line.arguments.positionals, ElementsAre("storage"));
  EXPECT_THAT(line.arguments.named, ElementsAre(Pair("to", "node2")));
  EXPECT_EQ(parse("   ").verb, "");
  EXPECT_EQ(parse("").verb, "");
}

TEST(ChatLine, Quotes) {
  EXPECT_THAT(parse("v 'a b' \"c d\" e\\ f").arguments.positionals,
              ElementsAre("a b", "c d", "e f"));
  EXPECT_THAT(parse("v a'b c'd \"\" ''").arguments.positionals, ElementsAre("ab cd", "", ""));
  EXPECT_THAT(parse("v \"a\\\"b\\\\c\" 'a\\b'").arguments.positionals,
              ElementsAre("a\"b\\c", "a\\b"));
  EXPECT_THAT(parse("v name='x y' 'a=b' a\\=b").arguments.named, ElementsAre(Pair("name", "x y")));
  EXPECT_THAT(parse("v name='x y' 'a=b' a\\=b").arguments.positionals, ElementsAre("a=b", "a=b"));
}

TEST(ChatLine, APatternIsTakenAsItStands) {
  EXPECT_THAT(parse(R"(v /took \d+ ms/ -/a "b" c=d/ x)").arguments.positionals,
              ElementsAre(R"(/took \d+ ms/)", R"(-/a "b" c=d/)", "x"));
  EXPECT_THAT(parse(R"(v /GET \/api\/ / /b/)").arguments.positionals,
              ElementsAre(R"(/GET \/api\/ /)", "/b/"));
  EXPECT_TRUE(parse("v /a=b c/").arguments.named.empty());
  // None of these is one.
  EXPECT_THAT(parse("v / // x/y/ /var/log /a").arguments.positionals,
              ElementsAre("/", "//", "x/y/", "/var/log", "/a"));
}

TEST(ChatLine, SmartQuotes) {
  EXPECT_THAT(parse("v “a b” ‘c d’ «e f» „g h“ »i j«").arguments.positionals,
              ElementsAre("a b", "c d", "e f", "g h", "i j"));
  EXPECT_THAT(parse("v 'it’s' “it's”").arguments.positionals, ElementsAre("it’s", "it's"));
  EXPECT_THAT(parse("v name=“x y”").arguments.named, ElementsAre(Pair("name", "x y")));
}

TEST(ChatLine, NamesAsOnTheCommandLine) {
  EXPECT_THAT(parse("v --for=10m —to=node2 Expect_Epoch=7 empty=").arguments.named,
              ElementsAre(Pair("for", "10m"), Pair("to", "node2"), Pair("expect-epoch", "7"),
                          Pair("empty", "")));
}

TEST(ChatLine, OnlyANameMakesAnEqualsSignSpecial) {
  EXPECT_THAT(parse("v =x 1+1=2 a.b=c http://x/?y=z").arguments.positionals,
              ElementsAre("=x", "1+1=2", "a.b=c", "http://x/?y=z"));
  EXPECT_THAT(parse("v a=b=c").arguments.named, ElementsAre(Pair("a", "b=c")));
}

TEST(ChatLine, ErrorsSayWhere) {
  expectWrong("status 'storage", "character 8: the quote that opens here is not closed");
  expectWrong("stätüs “storage", "character 8");
  expectWrong("status \\", "character 8: nothing follows");
  expectWrong("status \xff", "UTF-8");
}

TEST(ChatLine, Bounded) {
  std::string words = "v";
  for (size_t i = 0; i < limits::kMaxArguments; ++i) words += " a";
  EXPECT_EQ(parse(words).arguments.positionals.size(), limits::kMaxArguments);
  expectWrong(words + " a", "too many words; at most 64");
  expectWrong(std::string(limits::kMaxChatLineBytes + 1, 'a'), "at most 4096");
}

TEST(ChatLine, QuotingReadsBackAsTheSameWord) {
  SeededRandom random(3);
  const std::vector<std::string> pieces = {"a", " ", "'", "\"",       "\\", "=",  "“",
                                           "’", "-", "é", "\xc2\xa0", "»",  "--", "%"};
  for (int round = 0; round < 2000; ++round) {
    std::string word;
    for (uint64_t n = random.below(8); n > 0; --n) word += pieces[random.below(pieces.size())];
    EXPECT_THAT(parse("v " + quoteWord(word)).arguments.positionals, ElementsAre(word)) << word;
    EXPECT_THAT(parse("v " + quoteNamed("n", word)).arguments.named, ElementsAre(Pair("n", word)));
  }
}

TEST(ChatLine, PlainWordsStayPlain) {
  EXPECT_EQ(quoteWord("storage.disk"), "storage.disk");
  EXPECT_EQ(quoteWord(""), "\"\"");
  EXPECT_EQ(quoteWord("two words"), "\"two words\"");
}

// Whatever comes in, the parser ends and answers.
TEST(ChatLine, AnyBytes) {
  SeededRandom random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint64_t n = random.below(40); n > 0; --n) {
      text += static_cast<char>(random.below(4) == 0 ? random.below(256)
                                                     : " '\"\\=a-"[random.below(7)]);
    }
    const auto line = parseChatLine(text);
    EXPECT_EQ(line.isOk(), line.status().text().empty());
  }
}

}  // namespace
}  // namespace muster::catalogue
