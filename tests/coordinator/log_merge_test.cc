#include "coordinator/log_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster::coordinator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// Lines of these times, as places; `older` is where there are more.
NodeLines lines(const std::string& node, const std::vector<int>& times,
                const std::string& older = "") {
  NodeLines out{node, {}};
  for (const int at : times) {
    v1::LogLine& line = *out.reply.add_lines();
    line.set_at_unix_ms(at);
    line.set_place(std::to_string(at));
    line.set_text(node + std::to_string(at));
  }
  out.reply.set_older(older);
  out.reply.set_newer("end of " + node);
  return out;
}

std::vector<std::string> texts(const MergedLines& merged) {
  std::vector<std::string> out;
  for (const auto& line : merged.reply.lines()) out.push_back(line.line().text());
  return out;
}

TEST(LogMerge, TheNewestFirst) {
  const auto merged = mergeLines({lines("a", {9, 5, 1}), lines("b", {7, 3})}, 10, false, {});
  EXPECT_THAT(texts(merged), ElementsAre("a9", "b7", "a5", "b3", "a1"));
  EXPECT_THAT(merged.older, IsEmpty());
  EXPECT_THAT(merged.newer, ElementsAre(Pair("a", "end of a"), Pair("b", "end of b")));
}

TEST(LogMerge, TheLimitIsOfAllTogetherAndEachGoesOnWhereItWas) {
  const auto merged = mergeLines({lines("a", {9, 8, 1}), lines("b", {7, 3})}, 2, false, {});
  EXPECT_THAT(texts(merged), ElementsAre("a9", "a8"));
  EXPECT_THAT(merged.older, ElementsAre(Pair("a", "8"), Pair("b", "")));
}

TEST(LogMerge, WhatWasNotShownOfAPageBeforeIsStillTo) {
  const auto merged =
      mergeLines({lines("a", {5}), lines("b", {4})}, 1, false, {{"a", "8"}, {"b", "7"}});
  EXPECT_THAT(merged.older, ElementsAre(Pair("a", "5"), Pair("b", "7")));
}

TEST(LogMerge, NothingIsShownBeforeWhatANodeStillHas) {
  // Who has more behind 8 may have 7.5 there.
  const auto merged = mergeLines({lines("a", {9, 8}, "8"), lines("b", {7, 3})}, 10, false, {});
  EXPECT_THAT(texts(merged), ElementsAre("a9", "a8"));
  EXPECT_THAT(merged.older, ElementsAre(Pair("a", "8"), Pair("b", "")));
}

TEST(LogMerge, ANodeThatHasFoundNothingYetHoldsUpNobody) {
  NodeLines slow = lines("slow", {}, "40");
  slow.reply.set_looked_until("2026-01-01T00:00:00Z");
  const auto merged = mergeLines({slow, lines("b", {7, 3})}, 10, false, {});
  EXPECT_THAT(texts(merged), ElementsAre("b7", "b3"));
  EXPECT_THAT(merged.older, ElementsAre(Pair("b", "3"), Pair("slow", "40")));
  EXPECT_EQ(merged.reply.looked_until(), "2026-01-01T00:00:00Z");
}

TEST(LogMerge, OldestFirstGoesOnWhereEachHasEnded) {
  NodeLines full = lines("a", {1, 2}, "2");
  full.reply.set_newer("2");
  const auto merged = mergeLines({full, lines("b", {3, 4})}, 10, true, {{"b", "0"}});
  EXPECT_THAT(texts(merged), ElementsAre("a1", "a2"));
  EXPECT_THAT(merged.newer, ElementsAre(Pair("a", "2"), Pair("b", "0")));
}

TEST(LogMerge, LinesAroundOneThatMatchesStayWithIt) {
  NodeLines around = lines("a", {9, 8, 7});
  around.reply.mutable_lines(0)->set_match(" ");
  around.reply.mutable_lines(1)->set_match("*");
  around.reply.mutable_lines(2)->set_match(" ");
  const auto merged = mergeLines({around, lines("b", {8})}, 2, false, {});
  EXPECT_THAT(texts(merged), ElementsAre("a9", "a8", "a7", "b8"));
}

v1::TopErrorsReply groups(const std::string& text, uint64_t count, int64_t first, int64_t last) {
  v1::TopErrorsReply out;
  out.set_records(count);
  out.set_kinds(1);
  v1::LogGroup& group = *out.add_groups();
  group.set_template_(text);
  group.set_count(count);
  group.set_level(v1::LOG_LEVEL_ERROR);
  group.set_first_unix_ms(first);
  group.set_last_unix_ms(last);
  group.set_example(text + " at " + std::to_string(last));
  group.add_parts(count);
  group.add_parts(0);
  return out;
}

TEST(LogMerge, TheSameMessageOfSeveralNodesIsOne) {
  v1::TopErrorsReply b = groups("disk <n> is full", 3, 50, 90);
  b.MergeFrom(groups("other", 4, 1, 2));
  const auto merged = mergeGroups({{"a", groups("disk <n> is full", 5, 10, 60)}, {"b", b}}, 10);
  ASSERT_EQ(merged.groups_size(), 2);
  EXPECT_EQ(merged.records(), 9u) << "MergeFrom replaced the 3 by 4";
  EXPECT_EQ(merged.groups(0).nodes(), "a, b");
  const v1::LogGroup& disk = merged.groups(0).group();
  EXPECT_EQ(disk.count(), 8u);
  EXPECT_EQ(disk.first_unix_ms(), 10);
  EXPECT_EQ(disk.last_unix_ms(), 90);
  EXPECT_EQ(disk.example(), "disk <n> is full at 90");
  EXPECT_EQ(disk.when(), "█·");
  EXPECT_EQ(merged.groups(1).group().template_(), "other");
}

TEST(LogMerge, TheMostFrequentAreShown) {
  const auto merged = mergeGroups({{"a", groups("x", 5, 1, 2)}, {"b", groups("y", 7, 1, 2)}}, 1);
  ASSERT_EQ(merged.groups_size(), 1);
  EXPECT_EQ(merged.groups(0).group().template_(), "y");
  EXPECT_EQ(merged.kinds(), 2u);
}

}  // namespace
}  // namespace muster::coordinator
