#include "libcontrol/archive/block.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "libcontrol/archive/index.h"

namespace muster::archive {
namespace {

std::vector<KeptRecord> hostileRecords() {
  using std::string_literals::operator""s;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  return {
      {1, {WallTime{0}, Severity::kInfo, "", ""}},
      {2, {WallTime{kMost}, Severity::kTrace, "a", "zero\0inside"s}},
      {9, {WallTime{kLeast}, Severity::kCritical, "b\nc", "\n\n"}},
      {10, {WallTime{5}, Severity::kWarn, "a", "\xff\xfe not UTF-8 \xc3"}},
      {1ull << 60, {WallTime{-5}, Severity::kDebug, "", std::string(1024 * 1024, 'x')}},
      {(1ull << 60) + 1, {WallTime{7}, Severity::kError, "\xff", "last"}},
  };
}

std::string packed(const std::vector<KeptRecord>& records) {
  BlockWriter writer;
  for (const KeptRecord& kept : records) writer.add(kept);
  return std::string(writer.pack(3));
}

void expectSame(const KeptView& kept, const KeptRecord& record) {
  EXPECT_EQ(kept.id, record.id);
  EXPECT_EQ(kept.at, record.record.at);
  EXPECT_EQ(kept.level, record.record.level);
  EXPECT_EQ(kept.logger, record.record.logger);
  EXPECT_EQ(kept.text, record.record.text);
}

TEST(Block, HasWhatWasPackedWhateverItIs) {
  const auto records = hostileRecords();
  const auto block = Block::unpack(packed(records));
  ASSERT_TRUE(block) << block.status().text();
  ASSERT_EQ((*block)->size(), records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    expectSame((*block)->kept(i), records[i]);
  }
}

TEST(Block, IsThereUnpackedWithoutBeingPacked) {
  const auto records = hostileRecords();
  BlockWriter writer;
  for (const KeptRecord& kept : records) writer.add(kept);
  const auto block = writer.block();
  writer.clear();
  ASSERT_EQ(block->size(), records.size());
  for (size_t i = 0; i < records.size(); ++i) expectSame(block->kept(i), records[i]);
  writer.add(*block);
  EXPECT_EQ(std::string(writer.pack(3)), packed(records));
}

TEST(Block, FindsTheRecordOfAnOffset) {
  const auto block = Block::unpack(packed(hostileRecords()));
  ASSERT_TRUE(block);
  for (size_t i = 0; i < (*block)->size(); ++i) {
    EXPECT_EQ((*block)->recordAt((*block)->textBegin(i)), i);
    EXPECT_EQ((*block)->recordAt((*block)->textEnd(i)), i);
  }
}

TEST(Block, IsUsedAgainWithoutATraceOfTheOneBefore) {
  BlockWriter writer;
  for (const KeptRecord& kept : hostileRecords()) writer.add(kept);
  (void)writer.pack(3);
  writer.clear();
  EXPECT_TRUE(writer.empty());
  const std::vector<KeptRecord> one = {{5, {WallTime{1}, Severity::kInfo, "x", "y"}}};
  writer.add(one[0]);
  EXPECT_EQ(std::string(writer.pack(3)), packed(one));
}

TEST(Block, SumsUpItsRecords) {
  BlockWriter writer;
  for (const KeptRecord& kept : hostileRecords()) writer.add(kept);
  const Summary& summary = writer.summary();
  EXPECT_EQ(summary.first, 1u);
  EXPECT_EQ(summary.last, (1ull << 60) + 1);
  EXPECT_EQ(summary.oldest.unix_ms, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(summary.newest.unix_ms, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(summary.lines, 6u);
}

// Every byte of it counts, and none of them leads anywhere but to a refusal.
TEST(Block, DamageIsNoticed) {
  auto records = hostileRecords();
  records.erase(records.begin() + 4);  // the large one
  const std::string good = packed(records);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    const auto block = Block::unpack(bad);
    EXPECT_EQ(block.status().code(), Code::kDataLoss) << "byte " << i;
    EXPECT_FALSE(Block::unpack(good.substr(0, i)));
  }
}

TEST(Index, LowersAsciiLettersAlone) {
  std::string all;
  for (int round = 0; round < 3; ++round) {
    for (int c = 0; c < 256; ++c) all += static_cast<char>((c * 7 + round) % 256);
  }
  std::string lower;
  lowerInto(all, lower);
  ASSERT_EQ(lower.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const bool letter = all[i] >= 'A' && all[i] <= 'Z';
    EXPECT_EQ(lower[i], letter ? static_cast<char>(all[i] + 32) : all[i]) << i;
  }
}

TEST(Index, HasEveryWordOnceInLowerCase) {
  IndexWriter index;
  index.build("Disk disk DISK full\nuser_1=größe\n");
  EXPECT_EQ(index.words(), "disk full user_1 größe ");
}

TEST(Index, CutsLongWordsAndHoldsMany) {
  IndexWriter index;
  std::string text = std::string(100, 'a') + "\n" + std::string(90, 'a') + "\n";
  for (int i = 0; i < 20'000; ++i) text += "w" + std::to_string(i) + " ";
  index.build(text);
  EXPECT_TRUE(index.words().starts_with(std::string(64, 'a') + " w0 w1 "));
  EXPECT_TRUE(index.words().ends_with(" w19999 "));
}

TEST(Index, NeverDeniesWhatIsThere) {
  IndexWriter index;
  index.build("Connection refused by peer\n");
  EXPECT_TRUE(mayHave(index.grams(), "connection refused"));
  EXPECT_TRUE(mayHave(index.grams(), "efu"));
  EXPECT_FALSE(mayHave(index.grams(), "heartbeat"));
  EXPECT_TRUE(mayHave(index.grams(), "r\xc3\xa9"));
  // The Kelvin sign is a k in another case.
  index.build(
      "\xE2\x84\xAA"
      "elvin\n");
  EXPECT_TRUE(mayHave(index.grams(), "kelvin"));
}

}  // namespace
}  // namespace muster::archive
