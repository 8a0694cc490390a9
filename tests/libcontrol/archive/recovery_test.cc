// What a log survives: the end of its process at any moment, damage, a full disk.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "libcontrol/archive/sqlite.h"
#include "tests/libcontrol/archive/log_folder.h"

namespace muster::archive {
namespace {

namespace fs = std::filesystem;

// Written for ever, numbered from the place that is kept, each acknowledgement as 8 bytes to the
// pipe: all numbers below it are kept.
[[noreturn]] void writeUntilKilled(const ArchiveOptions& options, int pipe) {
  auto log = Archive::open(options);
  if (!log) _exit(2);
  const auto place = (*log)->place("source");
  uint64_t next = place ? std::stoull(*place) : 0;
  std::mt19937 random(static_cast<uint32_t>(next) + 1);
  for (;;) {
    std::vector<Record> records;
    for (size_t i = random() % 20 + 1; i > 0; --i, ++next) {
      records.push_back(recordOf(static_cast<int64_t>(next), static_cast<Severity>(random() % 6),
                                 "child", "number " + std::to_string(next) + " of a long line"));
    }
    const LogPosition position{"source", std::to_string(next)};
    const auto kept = [pipe, next](Status status) {
      if (!status || write(pipe, &next, sizeof next) != sizeof next) _exit(3);
    };
    while (!(*log)->offer(std::move(records), position, kept)) usleep(100);
  }
}

// How far the child had it acknowledged before it was killed, so many acknowledgements in.
uint64_t killAfter(const ArchiveOptions& options, int acknowledgements, unsigned more_us) {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe[0]);
    writeUntilKilled(options, pipe[1]);
  }
  close(pipe[1]);
  uint64_t acknowledged = 0;
  uint64_t number = 0;
  for (int i = 0; i < acknowledgements; ++i) {
    if (read(pipe[0], &number, sizeof number) != sizeof number) break;
    acknowledged = std::max(acknowledged, number);
  }
  usleep(more_us);
  kill(child, SIGKILL);
  while (read(pipe[0], &number, sizeof number) == sizeof number) {
    acknowledged = std::max(acknowledged, number);
  }
  close(pipe[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  return acknowledged;
}

uint64_t numberIn(std::string_view text) {
  return std::strtoull(text.data() + std::string_view("number ").size(), nullptr, 10);
}

// Every number below the place once, in order, and none beyond.
void expectWhole(const Archive& log, uint64_t acknowledged) {
  const auto place = log.place("source");
  const uint64_t end = place ? std::stoull(*place) : 0;
  EXPECT_GE(end, acknowledged);
  Search search = searchFor("number");
  search.oldest_first = true;
  uint64_t next = 0;
  const auto all = log.each(search, [&](const MatchView& match) {
    const std::string text(match.text);
    EXPECT_EQ(numberIn(text), next);
    next = numberIn(text) + 1;
    return !testing::Test::HasFailure();
  });
  ASSERT_TRUE(all);
  EXPECT_EQ(next, end);
}

TEST(Recovery, WhatWasAcknowledgedIsThereOnceAfterAKill) {
  const LogFolder folder;
  ArchiveOptions options = folder.options();
  options.batch_every = Duration::millis(1);
  std::mt19937 random(7);
  for (int round = 0; round < 12; ++round) {
    const uint64_t acknowledged =
        killAfter(options, static_cast<int>(random() % 400), random() % 5000);
    auto log = Archive::open(options);
    ASSERT_TRUE(log) << log.status().text();
    EXPECT_TRUE((*log)->state().problems.empty());
    expectWhole(**log, acknowledged);
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

// Fifty blocks' worth, in order.
void fill(Archive& log, int lines, int from = 0) {
  for (int i = from; i < from + lines; ++i) {
    std::vector<Record> one = {recordOf(i, Severity::kInfo, "web",
                                        "line " + std::to_string(i) + " of a log that has many")};
    ASSERT_TRUE(log.offer(std::move(one), LogPosition{"file", std::to_string(i + 1)}));
    if (i % 100 == 99) {
      ASSERT_TRUE(log.flush());
    }
  }
  ASSERT_TRUE(log.flush());
}

void overwrite(const fs::path& file, double at, size_t bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(static_cast<double>(fs::file_size(file)) * at));
  out << std::string(bytes, '\x5a');
}

fs::path onlySegment(const fs::path& folder) {
  fs::path out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!SegmentName::parse(entry.path().filename().string())) continue;
    EXPECT_TRUE(out.empty()) << "more than one";
    out = entry.path();
  }
  EXPECT_FALSE(out.empty());
  return out;
}

TEST(Recovery, ASegmentDamagedWithinIsToldWhenReadAndMendedAtTheNextStart) {
  const LogFolder folder;
  fill(*Archive::open(folder.options()).value(), 4000);
  const fs::path segment = onlySegment(folder.path());
  ASSERT_TRUE(Connection::openToWrite(segment, 0, 100)
                  .value()
                  ->execute("UPDATE blocks SET bytes = zeroblob(length(bytes)) WHERE row = 5"));
  size_t left = 0;
  {
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    const Found result = found(**log, searchFor("/line [0-9]/", 10'000));
    left = result.hits.size();
    EXPECT_GT(result.damaged, 0u);
    EXPECT_LT(left, 4000u);
    ASSERT_FALSE((*log)->state().problems.empty());
    // It goes on.
    fill(**log, 1000, 4000);
  }
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  const ArchiveState state = (*log)->state();
  ASSERT_EQ(state.problems.size(), 1u);
  EXPECT_NE(state.problems[0].text.find("was damaged"), std::string::npos);
  EXPECT_TRUE(fs::exists(segment.string() + ".damaged"));
  const Found result = found(**log, searchFor("line", 10'000));
  EXPECT_EQ(result.damaged, 0u);
  EXPECT_GE(result.hits.size(), left + 1000);
  EXPECT_EQ(result.hits.size(), found(**log, searchFor("/line [0-9]/", 10'000)).hits.size());
  EXPECT_EQ((*log)->place("file"), "5000");
  log->reset();
  EXPECT_TRUE(Archive::open(folder.options()).value()->state().problems.empty());
}

TEST(Recovery, AnyDamageToASegmentIsSurvived) {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    const LogFolder folder;
    fill(*Archive::open(folder.options()).value(), 2000);
    overwrite(onlySegment(folder.path()), (random() % 1000) / 1000.0, 50 + random() % 50'000);
    size_t lines = 0;
    for (int start = 0; start < 3; ++start) {
      auto log = Archive::open(folder.options());
      ASSERT_TRUE(log) << log.status().text();
      EXPECT_EQ((*log)->place("file"), std::to_string(2000 + start * 100));
      const Found all = found(**log, searchFor("/line [0-9]/", 10'000));
      // Whatever damage a search met is mended at the start behind it.
      if (start == 2) {
        EXPECT_EQ(all.damaged, 0u);
      }
      if (start > 0) {
        EXPECT_GE(all.hits.size(), lines + 100);
      }
      lines = all.hits.size();
      fill(**log, 100, 2000 + start * 100);
    }
  }
}

TEST(Recovery, ASegmentThatIsNoDatabaseAnyMoreIsSetAside) {
  const LogFolder folder;
  fill(*Archive::open(folder.options()).value(), 4000);
  const fs::path segment = onlySegment(folder.path());
  overwrite(segment, 0, 100);
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log) << log.status().text();
  EXPECT_EQ((*log)->state().problems.size(), 1u);
  EXPECT_TRUE(fs::exists(segment.string() + ".damaged"));
  fill(**log, 1000, 4000);
  EXPECT_EQ(found(**log, "\"line 4500\"").hits.size(), 1u);
}

TEST(Recovery, WithoutItsHeadALogHasWhatStandsInSegmentsAndNoPlaceBeyondIt) {
  for (const bool removed : {false, true}) {
    const LogFolder folder;
    fill(*Archive::open(folder.options()).value(), 4000);
    const fs::path head = folder.path() / "head.sqlite";
    if (removed) {
      removeDatabase(head);
    } else {
      overwrite(head, 0, 200);
    }
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    EXPECT_EQ((*log)->state().problems.size(), 1u);
    EXPECT_FALSE((*log)->place("file"));
    const size_t lines = found(**log, searchFor("line", 10'000)).hits.size();
    EXPECT_GT(lines, 3500u);
    // Ids go on behind those that are there.
    fill(**log, 1000, 4000);
    const Found all = found(**log, searchFor("line", 10'000));
    EXPECT_EQ(all.hits.size(), lines + 1000);
    EXPECT_EQ(all.hits[0].kept.record.text.substr(0, 9), "line 4999");
  }
}

TEST(Recovery, AnyDamageToTheHeadIsSurvived) {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    const LogFolder folder;
    fill(*Archive::open(folder.options()).value(), 300);
    overwrite(folder.path() / "head.sqlite", (random() % 1000) / 1000.0, 50 + random() % 3000);
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    const auto place = (*log)->place("file");
    const size_t lines = found(**log, searchFor("line", 10'000)).hits.size();
    // Never newer than what is kept.
    if (place) {
      EXPECT_GE(lines, std::stoull(*place));
    }
    fill(**log, 100, 300);
    EXPECT_EQ(found(**log, searchFor("line", 10'000)).hits.size(), lines + 100);
  }
}

// As if a page of its schema had been overwritten while it is open.
void damageUnderWriter(const fs::path& file, const std::string& table) {
  auto connection = Connection::openToWrite(file, 0, 100);
  ASSERT_TRUE(connection) << connection.status().text();
  const Status done =
      (*connection)
          ->execute(
              "PRAGMA writable_schema=1; UPDATE sqlite_schema SET rootpage=999999 WHERE name='" +
              table + "'; PRAGMA schema_version=77;");
  ASSERT_TRUE(done) << done.text();
}

TEST(Recovery, DamageUnderTheWriterLosesNothingThatIsInMemory) {
  for (const std::string table : {"chunks", "blocks"}) {
    const LogFolder folder;
    auto log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    fill(**log, 1000);
    const size_t before = found(**log, searchFor("line", 10'000)).hits.size();
    EXPECT_EQ(before, 1000u);
    damageUnderWriter(
        table == "chunks" ? folder.path() / "head.sqlite" : onlySegment(folder.path()), table);
    fill(**log, 1000, 1000);
    ASSERT_EQ((*log)->state().problems.size(), 1u);
    EXPECT_FALSE((*log)->state().stuck_since);
    log->reset();
    log = Archive::open(folder.options());
    ASSERT_TRUE(log) << log.status().text();
    EXPECT_EQ((*log)->place("file"), "2000");
    EXPECT_GE(found(**log, searchFor("line", 10'000)).hits.size(),
              table == "chunks" ? 2000u : 1000u)
        << table;
  }
}

TEST(Recovery, OneProcessAtATime) {
  const LogFolder folder;
  auto log = Archive::open(folder.options());
  ASSERT_TRUE(log);
  const auto second = Archive::open(folder.options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.status().code(), Code::kConflict);
}

// A file system of two megabytes, where this process may mount one.
class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    options_ = folder_.options();
    options_.folder = folder_.path() / "disk";
    options_.retry = Duration::millis(1);
    options_.queue_bytes = 64 * 1024;
    fs::create_directories(options_.folder);
    if (mount("tmpfs", options_.folder.c_str(), "tmpfs", 0, "size=2m") != 0) {
      GTEST_SKIP() << "no right to mount a small file system";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (!mounted_) return;
    EXPECT_EQ(umount(options_.folder.c_str()), 0);
  }

  const LogFolder folder_;
  ArchiveOptions options_;
  bool mounted_ = false;
};

TEST_F(FullDisk, IsSurvivedAndToldAndNothingAcknowledgedIsLost) {
  {
    auto log = Archive::open(options_).value();
    fill(*log, 500);
    const fs::path ballast = options_.folder / "ballast";
    std::ofstream(ballast) << std::string(4 * 1024 * 1024, 'x');
    // Until the disk is full for the log too: what was offered stays, what is added is shed.
    int kept = 500;
    for (; log->flush().isOk() && kept < 100'000; kept += 50) {
      std::vector<Record> some;
      for (int i = 0; i < 50; ++i) {
        some.push_back(recordOf(kept + i, Severity::kInfo, "web",
                                "line " + std::to_string(kept + i) + " of a log that has many"));
      }
      ASSERT_TRUE(log->offer(std::move(some), LogPosition{"file", std::to_string(kept + 50)}));
    }
    ASSERT_FALSE(log->flush());
    EXPECT_TRUE(log->state().stuck_since);
    EXPECT_FALSE(log->state().stuck_because.empty());
    for (int i = 0; i < 2000; ++i) {
      log->add(recordOf(i, i % 2 == 0 ? Severity::kDebug : Severity::kError, "web", "more of it"));
    }
    const auto shed = log->state().shed;
    EXPECT_GT(shed[static_cast<size_t>(Severity::kDebug)], 0u);
    EXPECT_GE(shed[static_cast<size_t>(Severity::kDebug)],
              shed[static_cast<size_t>(Severity::kError)]);
    EXPECT_GT(found(*log, searchFor("line", 100'000)).hits.size(), 499u);
    fs::remove(ballast);
    ASSERT_TRUE(log->flush()) << log->flush().text();
    EXPECT_FALSE(log->state().stuck_since);
    EXPECT_EQ(log->place("file"), std::to_string(kept));
    EXPECT_EQ(found(*log, searchFor("line", 100'000)).hits.size(), static_cast<size_t>(kept));
  }
  auto log = Archive::open(options_).value();
  EXPECT_TRUE(log->state().problems.empty());
  const auto place = log->place("file");
  ASSERT_TRUE(place);
  EXPECT_EQ(found(*log, searchFor("line", 100'000)).hits.size(), std::stoull(*place));
  EXPECT_GT(log->state().shed[static_cast<size_t>(Severity::kDebug)], 0u);
}

}  // namespace
}  // namespace muster::archive
