// Text and tables fit the width that there is.
#include "coordinator/cli/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Layout, ClippedAndPaddedCountCharacters) {
  EXPECT_EQ(clipped("abcdef", 6), "abcdef");
  EXPECT_EQ(clipped("abcdef", 4), "abc\u2026");
  EXPECT_EQ(clipped("\u00e4\u00f6\u00fcx", 3), "\u00e4\u00f6\u2026");
  EXPECT_EQ(clipped("abc", 0), "");
  EXPECT_EQ(padded("\u00e4", 3), "\u00e4  ");
  EXPECT_EQ(padded("abcdef", 3), "ab\u2026");
}

TEST(Layout, WrappedAtSpacesWhereThereAreAny) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(wrapped("", 3), ElementsAre(""));
  EXPECT_THAT(wrapped("one two", kAnyWidth), ElementsAre("one two"));
  EXPECT_THAT(wrapped("a  b", 2), ElementsAre("a", "b"));
  EXPECT_THAT(wrapped("\u00e4\u00e4\u00e4\u00e4", 3), ElementsAre("\u00e4\u00e4\u00e4", "\u00e4"));
}

catalogue::ReplyView::Table nodes() {
  catalogue::ReplyView::Table table;
  table.name = "nodes";
  table.label = "Nodes";
  table.columns = {
      {"name", "Node"}, {"jid", "JID"}, {"role", "Role"}, {"drain", "Drain"}, {"text", "In words"}};
  for (const char* name : {"node1", "node2"}) {
    table.rows.push_back({name, std::string(name) + "@nodes.example.org/node-01234567", "standby",
                          "", "User service level: 99.9% (5 dropped in the last 10 mins.)"});
  }
  return table;
}

size_t widestOf(const std::vector<std::string>& lines) {
  size_t most = 0;
  for (const std::string& line : lines) most = std::max(most, displayWidth(line));
  return most;
}

TEST(Layout, WithoutAWidthATableIsWhole) {
  const FittedTable fitted = fitTable(nodes(), kAnyWidth);
  ASSERT_EQ(fitted.lines.size(), 3u);
  EXPECT_TRUE(fitted.left_out.empty());
  EXPECT_THAT(fitted.lines[0], HasSubstr("Drain"));
  EXPECT_THAT(fitted.lines[1], HasSubstr("standby  -      User service level"));
}

TEST(Layout, AWideTerminalShowsTheSame) {
  EXPECT_EQ(fitTable(nodes(), 200).lines, fitTable(nodes(), kAnyWidth).lines);
}

TEST(Layout, EmptyColumnsGoFirstAndAreNotMissed) {
  const FittedTable whole = fitTable(nodes(), kAnyWidth);
  const FittedTable fitted = fitTable(nodes(), widestOf(whole.lines) - 3);
  EXPECT_TRUE(fitted.left_out.empty());
  EXPECT_EQ(fitted.lines[0].find("Drain"), std::string::npos);
  EXPECT_THAT(fitted.lines[0], HasSubstr("In words"));
}

TEST(Layout, EveryWidthIsKeptAndTheFirstColumnStays) {
  for (size_t width = 5; width < 150; ++width) {
    const FittedTable fitted = fitTable(nodes(), width);
    EXPECT_LE(widestOf(fitted.lines), width);
    EXPECT_THAT(fitted.lines[0], HasSubstr("Node")) << width;
  }
}

TEST(Layout, AtEightyColumnsLongTextIsWrappedOrAddressesGo) {
  const FittedTable fitted = fitTable(nodes(), 80);
  EXPECT_LE(widestOf(fitted.lines), 80u);
  EXPECT_THAT(fitted.lines[0], HasSubstr("Role"));
  std::string all;
  for (const std::string& line : fitted.lines) all += line + "\n";
  EXPECT_THAT(all, HasSubstr("standby"));
  EXPECT_THAT(all, HasSubstr("dropped"));
}

TEST(Layout, ANarrowReplySaysWhatIsLeftOut) {
  catalogue::ReplyView view;
  view.values = {
      {"text", "In all", "Overall service level: 100% (within the advertised range)", false}};
  view.tables = {nodes()};
  const std::string text = replyText(view, 40);
  EXPECT_THAT(text, HasSubstr("-o json"));
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    EXPECT_LE(displayWidth(text.substr(begin, end - begin)), 40u);
    begin = end + 1;
  }
  EXPECT_EQ(replyText(view, kAnyWidth).find("-o json"), std::string::npos);
}

TEST(Layout, ATableWithoutRows) {
  catalogue::ReplyView::Table table = nodes();
  table.rows.clear();
  EXPECT_THAT(fitTable(table, 40).lines, ElementsAre("(none)"));
}

}  // namespace
}  // namespace muster::cli
