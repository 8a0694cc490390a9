#include "libcontrol/records/template.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace muster::records {
namespace {

std::string fold(std::string_view text) {
  std::string out = "old";
  foldText(text, out);
  return out;
}

TEST(Template, WhatVariesIsFolded) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"nothing varies here", "nothing varies here"},
      {"order 17 of 3", "order <n> of <n>"},
      {"ratio 1.25, version 1.2.3", "ratio <n>, version <n>"},
      {"took 12ms", "took <time>"},
      {"took 1.5s and 1m30s", "took <time> and <time>"},
      {"91% of 10MB", "<n>% of <n>MB"},
      {"node12 worker-3", "node<n> worker-<n>"},
      {"from 10.0.0.1:8080", "from <ip>:<n>"},
      {"from [2001:db8::1]:80", "from [<ip>]:<n>"},
      {"from ::1 and fe80::1%eth0", "from <ip> and <ip>%eth<n>"},
      {"10.0.0.256 is none", "<n> is none"},
      {"id 550e8400-e29b-41d4-a716-446655440000.", "id <uuid>."},
      {"id 12345678-1234-1234-1234-123456789012", "id <uuid>"},
      {"commit da39a3ee5e6b4b0d", "commit <id>"},
      {"at 0xdeadBEEF", "at <id>"},
      {"session a8Fk39xQ7Lm2p0Zs", "session <id>"},
      {"deadbeef cafe decade", "deadbeef cafe decade"},
      {"since 2026-11-23T19:00:00.123Z", "since <time>"},
      {"since 2026-11-23 19:00:00,1 on", "since <time> on"},
      {"on 2026/11/23 at 19:00", "on <time> at <time>"},
      {"mail ada.b+c@example.org sent", "mail <email> sent"},
      {"file 'a.txt' of \"b\"", "file '<s>' of \"<s>\""},
      {"can't and won't", "can't and won't"},
      {"error: \"connection refused\"", "error: \"connection refused\""},
      {"{\"code\":17,\"name\":\"x\"}", "{\"code\":<n>,\"name\":\"<s>\"}"},
      {"/var/lib/x/12/file7.log", "/var/lib/x/<n>/file<n>.log"},
      {"std::vector::at", "std::vector::at"},
      {"a::b", "a::b"},
      {"first line 1\nsecond 2", "first line <n>"},
      {"gr\xc3\xb6\xc3\x9f"
       "e 5",
       "gr\xc3\xb6\xc3\x9f"
       "e <n>"},
  };
  for (const auto& [text, folded] : cases) EXPECT_EQ(fold(text), folded) << text;
}

TEST(Template, AnyBytesWillDo) {
  std::mt19937 random(9);
  const char pieces[] = "0123456789abcdefxyz.:-@'\"/_ \xc3\xbc";
  for (int i = 0; i < 50'000; ++i) {
    std::string text(random() % 80, ' ');
    for (char& c : text) c = pieces[random() % (sizeof pieces - 1)];
    const std::string once = fold(text);
    ASSERT_LE(once.size(), text.size() * 6);
  }
}

Record recordOf(const std::string& text, int64_t at, Severity level = Severity::kInfo) {
  return {{at}, level, "a", text};
}

TEST(TemplateGroups, CountWhatSaysTheSame) {
  TemplateGroups groups({{0}, {1000}, 4, 100});
  groups.add(recordOf("lost 1", 100, Severity::kWarn));
  groups.add(recordOf("lost 2", 900, Severity::kError));
  groups.add(recordOf("lost 3", 950, Severity::kWarn));
  groups.add(recordOf("well", 2000));
  groups.add(recordOf("well", -5));
  const auto top = groups.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].text, "lost <n>");
  EXPECT_EQ(top[0].count, 3u);
  EXPECT_EQ(top[0].level, Severity::kError);
  EXPECT_EQ(top[0].first.unix_ms, 100);
  EXPECT_EQ(top[0].last.unix_ms, 950);
  EXPECT_EQ(top[0].example.text, "lost 2");
  EXPECT_EQ(top[0].histogram, (std::vector<uint32_t>{1, 0, 0, 2}));
  EXPECT_EQ(top[1].histogram, (std::vector<uint32_t>{1, 0, 0, 1}));
  EXPECT_EQ(top[1].first.unix_ms, -5);
  EXPECT_EQ(groups.top(1).size(), 1u);
  EXPECT_EQ(groups.others().count, 0u);
}

TEST(TemplateGroups, AreBoundedAndNothingIsLostFromTheCount) {
  TemplateGroups groups({{0}, {1000}, 2, 50});
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    // A tenth of all says the same; the rest is words that nobody can fold.
    std::string word;
    for (int k = 0; k < 6; ++k) word += static_cast<char>('g' + random() % 20);
    groups.add(recordOf(i % 10 == 0 ? "frequent " + std::to_string(i) : word, i % 1000,
                        i % 10 == 0 ? Severity::kError : Severity::kInfo));
    ASSERT_LE(groups.size(), 50u);
  }
  const auto top = groups.top(50);
  EXPECT_EQ(top[0].text, "frequent <n>");
  EXPECT_EQ(top[0].count, 2000u);
  uint64_t all = groups.others().count;
  uint64_t in_histograms = 0;
  for (const uint32_t n : groups.others().histogram) in_histograms += n;
  EXPECT_EQ(in_histograms, all);
  for (const auto& group : top) all += group.count;
  EXPECT_EQ(all, 20'000u);
  EXPECT_EQ(groups.records(), 20'000u);
  EXPECT_EQ(groups.others().level, Severity::kInfo);
}

}  // namespace
}  // namespace muster::records
