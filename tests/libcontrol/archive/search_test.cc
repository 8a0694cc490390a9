// Searches beside a naive scan of the same records.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "libcontrol/archive/limits.h"
#include "tests/libcontrol/archive/log_folder.h"

namespace muster::archive {
namespace {

constexpr const char* kWords[] = {"disk",
                                  "Disk",
                                  "DISK",
                                  "timeout",
                                  "Connection",
                                  "refused",
                                  "users",
                                  "user_id",
                                  "größe",
                                  "Kelvin",
                                  "\xE2\x84\xAA"
                                  "elvin",
                                  "ſtraße",
                                  "a",
                                  "b",
                                  "42",
                                  "10.1.4.7",
                                  "\xff\xfe",
                                  "x=5",
                                  "->",
                                  "",
                                  "took",
                                  "9999ms",
                                  "zz\nyy"};
constexpr const char* kLoggers[] = {"", "web", "storage.disk", "storage.net", "db"};
constexpr const char* kQueries[] = {"",
                                    "disk",
                                    "DISK",
                                    "-disk",
                                    "disk timeout",
                                    "\"connection refused\"",
                                    "\"disk disk\"",
                                    "us*",
                                    "\"connection ref\"*",
                                    "größe",
                                    "user_id",
                                    "kelvin",
                                    "level>=warn",
                                    "level<=debug disk",
                                    "level=info -timeout",
                                    "logger=storage.*",
                                    "-logger=storage.* disk",
                                    "logger=root",
                                    "/Disk/",
                                    "/(?i)disk/",
                                    "/(?i)kelvin/",
                                    "/(?i)strasse|straße/",
                                    "/(?i)STRA/",
                                    "/took.*[0-9]{4}ms/",
                                    "/^disk/",
                                    "/ms$/",
                                    R"(/\Adisk/)",
                                    "/[0-9]+ [a-z]+ [0-9]+/",
                                    "/^$/",
                                    "/^zz$/",
                                    "/[^a]b/",
                                    "/isk|meout/",
                                    "/dis[^x]*timeout/",
                                    "-/disk/",
                                    "/disk/ timeout",
                                    "/[^q]*refused/",
                                    "x=5",
                                    "unfindable",
                                    "/unfindable/",
                                    "/a b a b/",
                                    R"(/\bb\b/)",
                                    "/(?s)zz.yy/",
                                    "/yy$/",
                                    "/./"};

class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {}

  Record next() {
    std::string text;
    for (size_t i = below(8); i > 0; --i) {
      text += kWords[below(std::size(kWords))];
      if (i > 1) text += ' ';
    }
    // Some that make blocks of their own.
    if (below(400) == 0) text += std::string(20'000, 'q');
    Record out = recordOf(count_++, static_cast<Severity>(below(6)),
                          kLoggers[below(std::size(kLoggers))], text);
    return out;
  }
  size_t below(size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_;
  int64_t count_ = 0;
};

class SearchOfSeed : public testing::TestWithParam<uint32_t> {};

TEST_P(SearchOfSeed, FindsWhatANaiveScanFinds) {
  const LogFolder folder;
  auto opened = Archive::open(folder.options());
  ASSERT_TRUE(opened) << opened.status().text();
  Archive& log = **opened;
  Model model(GetParam());
  std::vector<Record> all;
  for (int i = 0; i < 3000; ++i) {
    all.push_back(model.next());
    log.add(all.back());
    if (model.below(150) == 0) {
      ASSERT_TRUE(log.flush());
    }
  }
  ASSERT_TRUE(log.flush());
  for (const char* query : kQueries) {
    Search search = searchFor(query, 100'000);
    if (model.below(2) == 0) search.query.since = all[model.below(all.size())].at;
    if (model.below(2) == 0) search.query.until = all[model.below(all.size())].at;
    search.oldest_first = model.below(2) == 0;
    const records::Matcher matcher(search.query);
    std::vector<RecordId> expected;
    for (size_t i = 0; i < all.size(); ++i) {
      if (matcher.matches(all[i])) expected.push_back(i + 1);
    }
    if (!search.oldest_first) std::reverse(expected.begin(), expected.end());
    const Found result = found(log, search);
    std::vector<RecordId> ids;
    for (const Hit& hit : result.hits) {
      ids.push_back(hit.kept.id);
      EXPECT_EQ(hit.kept.record.text, all[hit.kept.id - 1].text);
      EXPECT_EQ(hit.kept.record.logger, all[hit.kept.id - 1].logger);
    }
    EXPECT_EQ(ids, expected) << query << " of seed " << GetParam();
    EXPECT_EQ(result.stop, Found::Stop::kEnd);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SearchOfSeed, testing::Range(1u, 9u));

class SearchOfALog : public testing::Test {
 protected:
  void SetUp() override {
    ArchiveOptions options = folder_.options();
    options.block_bytes = 4096;  // several of each level
    log_ = Archive::open(options).value();
    for (int i = 1; i <= 2000; ++i) {
      const auto level = static_cast<Severity>(i % 6);
      log_->add(
          recordOf(i, level, "web",
                   "line " + std::to_string(i) + (i % 10 == 0 ? " tenth" : " other") + " of them"));
      if (i % 300 == 0) {
        ASSERT_TRUE(log_->flush());
      }
    }
    ASSERT_TRUE(log_->flush());
  }

  const LogFolder folder_;
  std::unique_ptr<Archive> log_;
};

TEST_F(SearchOfALog, PagesFollowOneAnotherWithoutAGap) {
  for (const bool oldest_first : {false, true}) {
    Search search = searchFor("tenth", 7);
    search.oldest_first = oldest_first;
    std::vector<RecordId> ids;
    for (int page = 0; page < 100; ++page) {
      const Found result = found(*log_, search);
      for (const Hit& hit : result.hits) ids.push_back(hit.kept.id);
      if (!result.next) break;
      search.behind = result.next;
    }
    ASSERT_EQ(ids.size(), 200u);
    for (size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(ids[i], oldest_first ? (i + 1) * 10 : 2000 - i * 10);
    }
  }
}

TEST_F(SearchOfALog, ContextIsWhatCameBeforeAndAfterOfAnyLevel) {
  Search search = searchFor("1000");
  search.context = 3;
  const Found result = found(*log_, search);
  ASSERT_EQ(result.hits.size(), 1u);
  std::string around;
  for (const KeptRecord& kept : result.hits[0].before) around += std::to_string(kept.id) + " ";
  around += "| ";
  for (const KeptRecord& kept : result.hits[0].after) around += std::to_string(kept.id) + " ";
  EXPECT_EQ(around, "997 998 999 | 1001 1002 1003 ");
}

TEST_F(SearchOfALog, ContextEndsWhereTheLogDoes) {
  Search search = searchFor("\"line 2000\"");
  search.context = 2;
  const Found result = found(*log_, search);
  ASSERT_EQ(result.hits.size(), 1u);
  EXPECT_EQ(result.hits[0].before.size(), 2u);
  EXPECT_TRUE(result.hits[0].after.empty());
  search.context = limits::kMaxContextLines + 1;
  EXPECT_FALSE(log_->search(search));
}

TEST_F(SearchOfALog, StopsWhereItMustAndGoesOnFromThere) {
  // A byte allows one block at a time.
  Search search = searchFor("/tenth of/", 1000);
  search.max_bytes = 1;
  size_t hits = 0;
  size_t parts = 0;
  for (; parts < 1000; ++parts) {
    const Found result = found(*log_, search);
    hits += result.hits.size();
    if (!result.next) break;
    EXPECT_EQ(result.stop, Found::Stop::kBytes);
    search.behind = result.next;
  }
  EXPECT_EQ(hits, 200u);
  EXPECT_GT(parts, 3u);
  std::atomic<bool> cancelled{true};
  const auto stopped = log_->search(searchFor("tenth"), &cancelled);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->stop, Found::Stop::kCancelled);
  Search hurried = searchFor("tenth");
  hurried.max_time = Duration{0};
  EXPECT_EQ(found(*log_, hurried).stop, Found::Stop::kTime);
}

TEST_F(SearchOfALog, AWordThatIsNowhereCostsNoBlock) {
  EXPECT_EQ(found(*log_, "nowhere").blocks_read, 0u);
  EXPECT_EQ(found(*log_, "/nowhere/").blocks_read, 0u);
  EXPECT_EQ(found(*log_, "logger=nowhere").blocks_read, 0u);
  EXPECT_GT(found(*log_, "/[0-9]{9}/").blocks_read, 0u);
}

TEST_F(SearchOfALog, EachGivesAllAndEndsWhenItIsTold) {
  size_t count = 0;
  ASSERT_TRUE(log_->each(searchFor("tenth", 1), [&](const MatchView&) { return ++count > 0; }));
  EXPECT_EQ(count, 200u);
  count = 0;
  ASSERT_TRUE(log_->each(searchFor("tenth"), [&](const MatchView&) { return ++count < 5; }));
  EXPECT_EQ(count, 5u);
}

TEST_F(SearchOfALog, ListenersHearWhatComes) {
  std::vector<std::string> heard;
  auto listening = log_->listen([&](const std::vector<KeptRecord>& records) {
    for (const KeptRecord& kept : records) heard.push_back(kept.record.text);
  });
  log_->add(recordOf(1, Severity::kInfo, "web", "one"));
  ASSERT_TRUE(log_->flush());
  listening.reset();
  log_->add(recordOf(1, Severity::kInfo, "web", "two"));
  ASSERT_TRUE(log_->flush());
  EXPECT_EQ(heard, std::vector<std::string>{"one"});
}

}  // namespace
}  // namespace muster::archive
