#include "examples/ledger/load_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ledger {
namespace {

using testing::HasSubstr;

const std::string kA(32, 'a');
const std::string kB(32, 'b');

Entry entry(uint64_t seq, uint64_t epoch, const std::string& instance, const std::string& id) {
  return {seq, epoch, instance, id, "text", 0};
}

Findings check(const std::map<std::string, Place>& acks, const std::vector<Entry>& journal) {
  JournalChecker checker(acks);
  for (const Entry& one : journal) checker.see(one);
  return checker.finish();
}

TEST(JournalCheckerTest, SoundJournalWithOthersEntries) {
  const Findings findings = check(
      {{"x", {1, 7}}, {"y", {3, 9}}},
      {entry(1, 7, kA, "x"), entry(2, 7, kA, ""), entry(3, 9, kB, "y"), entry(4, 9, kB, "theirs")});
  EXPECT_TRUE(findings.isSound());
  EXPECT_EQ(findings.entries, 4u);
}

TEST(JournalCheckerTest, AcknowledgedEntryThatIsNotThereIsLost) {
  const Findings findings = check({{"x", {1, 7}}, {"y", {2, 7}}}, {entry(1, 7, kA, "x")});
  EXPECT_EQ(findings.lost, 1u);
  EXPECT_FALSE(findings.isSound());
  EXPECT_THAT(findings.texts, testing::ElementsAre(HasSubstr("y was acknowledged as entry 2")));
}

TEST(JournalCheckerTest, EntryThatIsThereTwiceIsDoubled) {
  const Findings findings = check({{"x", {1, 7}}}, {entry(1, 7, kA, "x"), entry(2, 7, kA, "x")});
  EXPECT_EQ(findings.doubled, 1u);
  EXPECT_EQ(findings.misplaced, 0u);
  EXPECT_FALSE(findings.isSound());
}

TEST(JournalCheckerTest, EntryUnderAnotherNumberOrEpochIsMisplaced) {
  EXPECT_EQ(check({{"x", {2, 7}}}, {entry(1, 7, kA, "x")}).misplaced, 1u);
  EXPECT_EQ(check({{"x", {1, 8}}}, {entry(1, 7, kA, "x")}).misplaced, 1u);
}

TEST(JournalCheckerTest, EpochThatFallsIsOutOfOrder) {
  const Findings findings =
      check({}, {entry(1, 7, kA, ""), entry(2, 8, kB, ""), entry(3, 7, kA, "")});
  EXPECT_EQ(findings.out_of_order, 1u);
  EXPECT_EQ(findings.shared, 0u);
  EXPECT_THAT(findings.texts, testing::ElementsAre("entry 3 has epoch 7 after 8"));
}

TEST(JournalCheckerTest, EpochOfTwoInstancesIsShared) {
  const Findings findings = check({}, {entry(1, 7, kA, ""), entry(2, 7, kB, "")});
  EXPECT_EQ(findings.shared, 1u);
  EXPECT_FALSE(findings.isSound());
}

TEST(JournalCheckerTest, FindingsAreBounded) {
  std::map<std::string, Place> acks;
  for (int i = 0; i < 100; ++i) acks["id" + std::to_string(i)] = {1, 1};
  const Findings findings = check(acks, {});
  EXPECT_EQ(findings.lost, 100u);
  EXPECT_EQ(findings.texts.size(), Findings::kMaxFindings);
}

TEST(TallyTest, GapsRunFromTheStartToTheEnd) {
  Tally early(0);
  early.acknowledged("x", {1, 1}, 400, 500);
  early.acknowledged("y", {2, 1}, 550, 600);
  early.finish(700);
  EXPECT_EQ(early.longestGapUs(), 500);
  Tally late(0);
  late.acknowledged("x", {1, 1}, 0, 100);
  late.finish(900);
  EXPECT_EQ(late.longestGapUs(), 800);
  Tally none(100);
  none.finish(400);
  EXPECT_EQ(none.longestGapUs(), 300);
  EXPECT_EQ(none.latencyUs(0.5), 0);
}

TEST(TallyTest, LatenciesAreNearestRanks) {
  Tally tally(0);
  for (int i = 1; i <= 100; ++i) tally.acknowledged("id" + std::to_string(i), {1, 1}, 0, 101 - i);
  tally.finish(100);
  EXPECT_EQ(tally.latencyUs(0.50), 50);
  EXPECT_EQ(tally.latencyUs(0.99), 99);
  EXPECT_EQ(tally.latencyUs(1.0), 100);
}

TEST(ReportTest, SaysWhatMattersToPeopleAndScripts) {
  Tally tally(0);
  tally.acknowledged("x", {1, 7}, 0, 1500);
  tally.failed();
  tally.unknown();
  tally.unknown();
  tally.finish(4000);
  Findings findings;
  EXPECT_THAT(reportTable(tally, nullptr), HasSubstr("longest gap      2.50 ms"));
  EXPECT_THAT(reportTable(tally, nullptr), testing::Not(HasSubstr("verdict")));
  EXPECT_THAT(reportTable(tally, &findings), HasSubstr("verdict          sound"));
  findings.lost = 1;
  findings.texts = {"x is gone"};
  EXPECT_THAT(reportTable(tally, &findings), HasSubstr("NOT SOUND: 1 lost"));
  const auto json = nlohmann::json::parse(reportJson(tally, &findings));
  EXPECT_EQ(json["acknowledged"], 1);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["unknown"], 2);
  EXPECT_EQ(json["latency_p50_ms"], 1.5);
  EXPECT_EQ(json["duration_ms"], 4.0);
  EXPECT_EQ(json["journal"]["sound"], false);
  EXPECT_EQ(json["journal"]["findings"][0], "x is gone");
  EXPECT_TRUE(nlohmann::json::parse(reportJson(tally, nullptr))["journal"].is_null());
}

}  // namespace
}  // namespace ledger
