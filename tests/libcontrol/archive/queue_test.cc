#include "libcontrol/archive/queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster::archive {
namespace {

Record record(Severity level, const std::string& text) {
  return {WallTime{0}, level, "", text};
}

std::vector<std::string> textsOf(const Queue::Taken& taken) {
  std::vector<std::string> out;
  for (const Record& record : taken.records) out.push_back(record.text);
  return out;
}

bool offer(Queue& queue, std::vector<Record> records, const std::string& place = "") {
  std::optional<LogPosition> position;
  if (!place.empty()) position = LogPosition{"file", place};
  Kept kept;
  return queue.offer(records, position, kept);
}

TEST(Queue, KeepsTheOrderAcrossLevelsAndOffers) {
  Queue queue(1 << 20);
  queue.add(record(Severity::kInfo, "1"));
  queue.add(record(Severity::kError, "2"));
  ASSERT_TRUE(offer(queue, {record(Severity::kDebug, "3"), record(Severity::kInfo, "4")}, "p"));
  queue.add(record(Severity::kTrace, "5"));
  const auto taken = queue.take(1 << 20);
  EXPECT_EQ(textsOf(taken), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  ASSERT_EQ(taken.positions.size(), 1u);
  EXPECT_EQ(taken.positions[0].place, "p");
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, NeverTakesAnOfferApart) {
  Queue queue(1 << 20);
  std::vector<Record> many(100, record(Severity::kInfo, std::string(100, 'x')));
  ASSERT_TRUE(offer(queue, many));
  ASSERT_TRUE(offer(queue, many));
  EXPECT_EQ(queue.take(1).records.size(), 100u);
  EXPECT_EQ(queue.take(1).records.size(), 100u);
}

TEST(Queue, RefusesAnOfferWholeWhenItIsFull) {
  Queue queue(4096);
  ASSERT_TRUE(offer(queue, {record(Severity::kInfo, std::string(3000, 'x'))}));
  std::vector<Record> more = {record(Severity::kInfo, "a"),
                              record(Severity::kInfo, std::string(2000, 'x'))};
  EXPECT_FALSE(offer(queue, more));
  EXPECT_EQ(queue.take(1 << 20).records.size(), 1u);
  EXPECT_TRUE(offer(queue, more));
}

TEST(Queue, ShedsTheLeastSevereFirstAndCounts) {
  Queue queue(4096);
  const std::string text(800, 'x');
  queue.add(record(Severity::kInfo, "i" + text));
  queue.add(record(Severity::kDebug, "d" + text));
  queue.add(record(Severity::kTrace, "t" + text));
  queue.add(record(Severity::kDebug, "e" + text));
  queue.add(record(Severity::kError, "E" + text));  // for the trace
  queue.add(record(Severity::kError, "F" + text));  // for the older debug
  queue.add(record(Severity::kDebug, "f" + text));  // itself
  const auto taken = queue.take(1 << 20);
  std::string order;
  for (const Record& kept : taken.records) order += kept.text[0];
  EXPECT_EQ(order, "ieEF");
  EXPECT_EQ(taken.shed[0], 1u);
  EXPECT_EQ(taken.shed[1], 2u);
  EXPECT_EQ(taken.shed[4], 0u);
}

TEST(Queue, WhatWasOfferedIsNeverShed) {
  Queue queue(2048);
  ASSERT_TRUE(offer(queue, {record(Severity::kTrace, std::string(1900, 'x'))}));
  queue.add(record(Severity::kCritical, std::string(800, 'x')));
  const auto taken = queue.take(1 << 20);
  EXPECT_EQ(taken.records.size(), 1u);
  EXPECT_EQ(taken.shed[5], 1u);
}

}  // namespace
}  // namespace muster::archive
