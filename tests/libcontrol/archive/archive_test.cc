// A log that is kept and found again, by the real thing in a folder of its own.
#include "libcontrol/archive/archive.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/archive/limits.h"
#include "tests/libcontrol/archive/log_folder.h"

namespace muster::archive {
namespace {

TEST(Archive, FindsWhatWasKeptBeforeAndAfterItStandsInABlock) {
  const LogFolder folder;
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  for (int i = 0; i < 5000; ++i) {
    (*log)->add(recordOf(i, i % 100 == 7 ? Severity::kError : Severity::kInfo, "web",
                         "request " + std::to_string(i) + " took " + std::to_string(i % 97) +
                             " ms, a line of some length so that there are blocks"));
    if (i % 500 == 0) {
      ASSERT_TRUE((*log)->flush());
    }
  }
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ(textsOf(found(**log, "4321")).size(), 1u);
  EXPECT_EQ(textsOf(found(**log, "level>=error")).size(), 50u);
  EXPECT_EQ(textsOf(found(**log, "request took")).size(), 1000u);
  EXPECT_EQ(textsOf(found(**log, "/est 17[0-9]+ took/")).size(), 110u);
  EXPECT_EQ((*log)->state().lines, 5000u);
}

uint64_t bytesBelow(const std::filesystem::path& folder) {
  uint64_t out = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) out += entry.file_size();
  return out;
}

// Text that hardly can be compressed.
std::string noise(std::mt19937_64& random, size_t words) {
  std::string out;
  for (size_t i = 0; i < words; ++i) out += std::to_string(random()) + " ";
  return out;
}

TEST(Archive, DropsWholeSegmentsWhenAClassHasTooManyBytesAndNoOther) {
  const LogFolder folder;
  ArchiveOptions options = folder.options();
  constexpr uint64_t kMaxBytes = 16 * 1024 * 1024;
  options.retention = ArchiveOptions::sharesOf(kMaxBytes);
  options.block_bytes = 64 * 1024;
  auto log = Archive::open(options);
  ASSERT_TRUE(log) << log.status().text();
  std::mt19937_64 random(1);
  (*log)->add(recordOf(0, Severity::kError, "web", "the first trouble"));
  (*log)->add(recordOf(0, Severity::kInfo, "web", "the first line"));
  for (int i = 0; i < 60'000; ++i) {
    (*log)->add(recordOf(i, Severity::kInfo, "web", noise(random, 20)));
    if (i % 500 == 0) {
      ASSERT_TRUE((*log)->flush());
      ASSERT_LE(bytesBelow(folder.path()), kMaxBytes);
    }
  }
  (*log)->add(recordOf(60'000, Severity::kInfo, "web", "the last line"));
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ(textsOf(found(**log, "\"the first\"")), std::vector<std::string>{"the first trouble"});
  EXPECT_EQ(textsOf(found(**log, "\"the last\"")).size(), 1u);
  const ArchiveState state = (*log)->state();
  EXPECT_GT(state.segments, 5u);
  EXPECT_LT(state.lines, 60'000u);
  EXPECT_EQ(state.lines_of[static_cast<size_t>(Severity::kError)], 1u);
  EXPECT_GT(state.bytes, kMaxBytes / 4);
}

TEST(Archive, DropsWhatIsTooOldByLevel) {
  const LogFolder folder;
  ManualClock clock;
  clock.setWall(WallTime{kBegin});
  ArchiveOptions options = folder.options();
  options.clock = &clock;
  options.retention[static_cast<size_t>(Severity::kDebug)].max_age = Duration::seconds(3600);
  options.retention[static_cast<size_t>(Severity::kError)].max_age = Duration::seconds(86'400);
  auto log = Archive::open(options);
  ASSERT_TRUE(log) << log.status().text();
  for (int i = 0; i < 600; ++i) {
    const auto level = i % 2 == 0 ? Severity::kDebug : Severity::kError;
    (*log)->add(recordOf(i, level, "web", "line " + std::to_string(i) + " which is long enough"));
  }
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ((*log)->state().lines, 600u);
  clock.advance(Duration::seconds(2 * 3600));
  (*log)->add({clock.wall(), Severity::kInfo, "", "later"});
  ASSERT_TRUE((*log)->flush());
  (*log)->add({clock.wall(), Severity::kInfo, "", "and again"});
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ((*log)->state().lines_of[static_cast<size_t>(Severity::kDebug)], 0u);
  EXPECT_EQ((*log)->state().lines_of[static_cast<size_t>(Severity::kError)], 300u);
  // Not after a start either.
  log->reset();
  log = Archive::open(options);
  ASSERT_TRUE(log) << log.status().text();
  EXPECT_EQ((*log)->state().lines_of[static_cast<size_t>(Severity::kDebug)], 0u);
  clock.advance(Duration::seconds(86'400));
  ASSERT_TRUE((*log)->flush());
  (*log)->add({clock.wall(), Severity::kInfo, "", "and again"});
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ((*log)->state().lines_of[static_cast<size_t>(Severity::kError)], 0u);
}

TEST(Archive, NeighbouringLevelsAreKeptByThemselves) {
  const LogFolder folder;
  ManualClock clock;
  clock.setWall(WallTime{kBegin});
  ArchiveOptions options = folder.options();
  options.clock = &clock;
  options.retention[static_cast<size_t>(Severity::kTrace)].max_age = Duration::seconds(3600);
  options.retention[static_cast<size_t>(Severity::kWarn)].max_age = Duration::seconds(3600);
  auto log = Archive::open(options);
  ASSERT_TRUE(log) << log.status().text();
  for (const auto level : {Severity::kTrace, Severity::kDebug, Severity::kInfo, Severity::kWarn,
                           Severity::kError, Severity::kCritical}) {
    (*log)->add(recordOf(0, level, "web", "a line"));
  }
  ASSERT_TRUE((*log)->flush());
  EXPECT_EQ(found(**log, "level=warn line").hits.size(), 1u);
  clock.advance(Duration::seconds(2 * 3600));
  // What is dropped leaves with the commits that follow.
  for (int i = 0; i < 2; ++i) {
    (*log)->add({clock.wall(), Severity::kInfo, "", "later"});
    ASSERT_TRUE((*log)->flush());
  }
  EXPECT_EQ((*log)->state().lines_of, (std::array<uint64_t, kLevels>{0, 1, 3, 0, 1, 1}));
  EXPECT_TRUE(found(**log, "level=warn line").hits.empty());
  EXPECT_EQ(found(**log, "level>=warn line").hits.size(), 2u);
}

TEST(Archive, SegmentsAreNamedByTheirLevel) {
  const SegmentName name{Severity::kWarn, 12};
  EXPECT_EQ(name.file(), "warn-00000012.sqlite");
  EXPECT_EQ(SegmentName::parse("warn-00000012.sqlite"), name);
  for (const char* other : {"warning-00000012.sqlite", "WARN-00000012.sqlite", "warn-12.sqlite",
                            "warn-00000012.sqlite-wal", "warn-.sqlite", "warn", "-00000012.sqlite",
                            "off-00000012.sqlite", "warn-00000012.sqlite.damaged"}) {
    EXPECT_FALSE(SegmentName::parse(other)) << other;
  }
}

TEST(Archive, WritesASegmentFurtherAfterAStart) {
  const LogFolder folder;
  for (int start = 1; start <= 5; ++start) {
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    for (int i = 0; i < 100; ++i) {
      (*log)->add(recordOf(i, Severity::kInfo, "web",
                           "line " + std::to_string(i) + ", " + std::string(100, 'x')));
    }
    ASSERT_TRUE((*log)->flush());
    EXPECT_EQ((*log)->state().segments, 1u);
    EXPECT_EQ(found(**log, "line").hits.size(), 100u * static_cast<size_t>(start));
    EXPECT_EQ(found(**log, "17").hits.size(), static_cast<size_t>(start));
  }
}

// Segments are made and dropped under the searches.
TEST(Archive, IsSearchedWhileItIsWritten) {
  const LogFolder folder;
  ArchiveOptions options = folder.options();
  options.retention = ArchiveOptions::sharesOf(limits::kMinArchiveBytes);
  options.block_bytes = 32 * 1024;
  options.batch_every = Duration::millis(1);
  auto log = Archive::open(options);
  ASSERT_TRUE(log) << log.status().text();
  std::atomic<bool> done{false};
  std::vector<std::thread> searchers;
  std::atomic<size_t> searches{0};
  for (const char* query : {"even", "/[13579] odd/", "level=info"}) {
    searchers.emplace_back([&, query] {
      for (bool last = false; !last; ++searches) {
        last = done;
        RecordId before = ~RecordId{0};
        const auto all = (*log)->each(searchFor(query), [&](const MatchView& match) {
          EXPECT_LT(match.id, before) << "a record came twice or out of order";
          before = match.id;
          return !testing::Test::HasFailure();
        });
        ASSERT_TRUE(all);
        EXPECT_EQ(all->damaged, 0u);
      }
    });
  }
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<Record> one = {
        recordOf(i, i % 7 == 0 ? Severity::kWarn : Severity::kInfo, "web",
                 std::to_string(i) + (i % 2 == 0 ? " even " : " odd ") + noise(random, 30))};
    while (!(*log)->offer(std::move(one))) std::this_thread::yield();
  }
  ASSERT_TRUE((*log)->flush());
  done = true;
  for (std::thread& searcher : searchers) searcher.join();
  EXPECT_GE(searches, 3u);
  EXPECT_LT((*log)->state().lines, 20'000u) << "nothing was dropped meanwhile";
  EXPECT_TRUE((*log)->state().problems.empty());
}

TEST(Archive, KeepsHostileRecordsAsTheyAre) {
  const LogFolder folder;
  std::vector<Record> records = {
      recordOf(1, Severity::kInfo, "", ""),
      recordOf(2, Severity::kInfo, std::string("a\0b", 3), std::string("nul\0inside", 10)),
      recordOf(3, Severity::kInfo, "\n", "\xff\xfe\xc3"),
      recordOf(4, Severity::kWarn, "web", std::string(limits::kMaxKeptTextBytes, 'x') + "cut"),
      recordOf(5, Severity::kNone, "web", "above all levels"),
  };
  {
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    ASSERT_TRUE((*log)->offer(std::vector<Record>(records)));
    ASSERT_TRUE((*log)->flush());
  }
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  Search search = searchFor("");
  search.oldest_first = true;
  const Found all = found(**log, search);
  ASSERT_EQ(all.hits.size(), 5u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all.hits[i].kept.record.text, records[i].text);
    EXPECT_EQ(all.hits[i].kept.record.logger, records[i].logger);
  }
  EXPECT_EQ(all.hits[3].kept.record.text, std::string(limits::kMaxKeptTextBytes, 'x'));
  EXPECT_EQ(all.hits[4].kept.record.level, Severity::kCritical);
  EXPECT_EQ(found(**log, "inside").hits.size(), 1u);
}

TEST(Archive, TellsWhenRecordsAreKeptAndWhere) {
  const LogFolder folder;
  int kept = 0;
  {
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    EXPECT_FALSE((*log)->place("file"));
    ASSERT_TRUE((*log)->offer({recordOf(1, Severity::kInfo, "", "x")}, LogPosition{"file", "17"},
                              [&](Status status) { kept += status ? 1 : 100; }));
    ASSERT_TRUE((*log)->flush());
    EXPECT_EQ(kept, 1);
    EXPECT_EQ((*log)->place("file"), "17");
    const LogPosition long_place{"file", std::string(limits::kMaxPlaceBytes + 1, 'x')};
    EXPECT_EQ((*log)->offer({}, long_place).code(), Code::kInvalidArgument);
    // A place alone is kept too.
    ASSERT_TRUE((*log)->offer({}, LogPosition{"file", "18"}));
  }
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  EXPECT_EQ((*log)->place("file"), "18");
}

}  // namespace
}  // namespace muster::archive
