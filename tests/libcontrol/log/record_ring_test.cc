#include "libcontrol/log/record_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace muster::log {
namespace {

constexpr size_t kBytes = 128 * 1024;

TEST(RecordRing, WhatIsPushedComesOutWholeAndInOrder) {
  RecordRing ring(kBytes);
  EXPECT_FALSE(ring.hasNext());
  ASSERT_TRUE(ring.push({3, "storage", "disk full"}));
  ASSERT_TRUE(ring.push({0, "", ""}));
  ASSERT_TRUE(ring.push({5, std::string(300, 'l'), std::string(70'000, 't')}));
  std::vector<std::string> seen;
  const auto take = [&](const RecordRing::Record& record) {
    seen.push_back(std::to_string(record.level) + " " + std::to_string(record.logger.size()) + " " +
                   std::to_string(record.text.size()));
  };
  while (ring.pop(take)) continue;
  EXPECT_EQ(seen, (std::vector<std::string>{"3 7 9", "0 0 0", "5 255 65535"}));
  EXPECT_FALSE(ring.hasNext());
}

TEST(RecordRing, AFullOneRefusesAndGoesOnOnceThereIsRoom) {
  RecordRing ring(kBytes);
  const std::string text(1000, 'x');
  size_t pushed = 0;
  while (ring.push({1, "a", text})) ++pushed;
  // 8 bytes of header, 1 of name, 1000 of text, rounded up to 1016; the rest of the end is lost.
  EXPECT_EQ(pushed, kBytes / 1016);
  EXPECT_FALSE(ring.push({1, "a", text}));
  ASSERT_TRUE(ring.pop([](const RecordRing::Record&) {}));
  EXPECT_TRUE(ring.push({1, "a", std::string(900, 'y')}));
  size_t popped = 0;
  std::string last;
  while (ring.pop([&](const RecordRing::Record& record) { last = record.text; })) ++popped;
  EXPECT_EQ(popped, pushed);
  EXPECT_EQ(last, std::string(900, 'y'));
}

TEST(RecordRing, RecordsOfAllLengthsGoRoundManyTimes) {
  RecordRing ring(kBytes);
  size_t next = 0;
  for (size_t i = 0; i < 20'000; ++i) {
    const std::string text(i * 7919 % 3000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(ring.push({static_cast<uint8_t>(i % 6), "logger", text})) << i;
    if (i % 3 == 0) continue;  // so that up to two wait
    while (ring.pop([&](const RecordRing::Record& record) {
      ASSERT_EQ(record.level, next % 6);
      ASSERT_EQ(record.text, std::string(next * 7919 % 3000, static_cast<char>('a' + next % 26)));
      ++next;
    })) {
    }
  }
}

TEST(RecordRing, ManyThreadsPushAndNothingIsTornOrLost) {
  RecordRing ring(kBytes);
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kEach = 20'000;
  std::vector<std::thread> threads;
  std::vector<uint64_t> refused(kThreads, 0);
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) {
        const std::string text(i % 200, static_cast<char>('a' + t));
        if (!ring.push({static_cast<uint8_t>(t), std::to_string(i), text})) ++refused[t];
      }
    });
  }
  std::vector<uint64_t> taken(kThreads, 0);
  std::vector<int64_t> last(kThreads, -1);
  const auto take = [&](const RecordRing::Record& record) {
    ASSERT_LT(record.level, kThreads);
    const int64_t number = std::stoll(std::string(record.logger));
    // In order within a thread, and the text that belongs to it.
    ASSERT_GT(number, last[record.level]);
    ASSERT_EQ(record.text, std::string(static_cast<size_t>(number) % 200,
                                       static_cast<char>('a' + record.level)));
    last[record.level] = number;
    ++taken[record.level];
  };
  std::thread taker([&] {
    uint64_t idle = 0;
    while (idle < 1000) {
      idle = ring.pop(take) ? 0 : idle + 1;
      if (idle > 0) std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  taker.join();
  while (ring.pop(take)) continue;
  for (uint64_t t = 0; t < kThreads; ++t) EXPECT_EQ(taken[t] + refused[t], kEach);
}

}  // namespace
}  // namespace muster::log
