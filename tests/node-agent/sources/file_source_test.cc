#include "node-agent/sources/file_source.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libcontrol/base/limits.h"
#include "tests/node-agent/sources/memory_intake.h"
#include "tests/node-agent/sources/temp_folder.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

// A source whose time is moved by hand, so that it looks at everything at each step.
class FileSourceTest : public testing::Test {
 protected:
  FileSourceTest() {
    config_.name = "app";
    config_.kind = SourceKind::kFile;
    config_.path = folder_ / "app.log";
    config_.from_beginning = true;
    config_.format.name = "spdlog";
    config_.format.zone = "UTC";
  }

  void start() {
    source_.reset();
    poller_ = std::make_unique<Poller>();
    source_ = std::move(FileSource::make(config_, intake_, clock_)).value();
    ASSERT_TRUE(source_->start(*poller_).isOk());
  }
  // As after SIGKILL: what is not in the intake is forgotten.
  void restart() { start(); }
  Texts step(Duration by = Duration::seconds(3)) {
    for (int i = 0; i < 6; ++i) {
      clock_.advance(by / 6);
      source_->tick(clock_.elapsed());
    }
    return intake_.texts();
  }
  static std::string line(int number) {
    return "[2026-01-01 14:03:00.123] [a] [info] line " + std::to_string(number) + "\n";
  }
  static std::string lines(int first, int last) {
    std::string out;
    for (int i = first; i <= last; ++i) out += line(i);
    return out;
  }
  static Texts texts(int first, int last) {
    Texts out;
    for (int i = first; i <= last; ++i) out.push_back("line " + std::to_string(i));
    return out;
  }
  void write(const std::string& text) { folder_.append("app.log", text); }
  void rename(const std::string& from, const std::string& to) {
    fs::rename(folder_ / from, folder_ / to);
  }
  void compress(const std::string& name) {
    std::ifstream in(folder_ / name, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    const auto changed = fs::last_write_time(folder_ / name);
    gzFile out = gzopen((folder_ / (name + ".gz")).c_str(), "wb");
    gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(out);
    fs::remove(folder_ / name);
    // As gzip(1) and logrotate(8) leave it.
    fs::last_write_time(folder_ / (name + ".gz"), changed);
  }
  // Files in the order in which they were written to, also where the machine is fast.
  void age(const std::string& name, int minutes) {
    fs::last_write_time(folder_ / name,
                        fs::file_time_type::clock::now() - std::chrono::minutes(minutes));
  }

  TempFolder folder_;
  SourceConfig config_;
  ManualClock clock_;
  MemoryIntake intake_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<FileSource> source_;
};

TEST_F(FileSourceTest, FollowsAFileThatGrows) {
  write(lines(1, 3));
  start();
  EXPECT_EQ(step(), texts(1, 3));
  write(line(4));
  EXPECT_EQ(step(), texts(4, 4));
  EXPECT_EQ(step(), Texts{});
  const LogRecord record = intake_.records()[0];
  EXPECT_EQ(record.logger, "a");
  EXPECT_EQ(record.level, LogLevel::kInfo);
  EXPECT_EQ(record.at.time_since_epoch(), std::chrono::milliseconds(1'767'276'180'123));
}

TEST_F(FileSourceTest, AFileThatIsThereAlreadyIsReadFromItsEnd) {
  config_.from_beginning = false;
  write(lines(1, 3));
  start();
  EXPECT_EQ(step(), Texts{});
  // Also if nothing has come by the next start.
  write(line(4));
  restart();
  EXPECT_EQ(step(), texts(4, 4));
}

TEST_F(FileSourceTest, AFileThatComesLaterIsReadFromItsBeginning) {
  config_.from_beginning = false;
  start();
  EXPECT_EQ(step(), Texts{});
  write(lines(1, 2));
  EXPECT_EQ(step(), texts(1, 2));
}

TEST_F(FileSourceTest, LinesAndRecordsAreGivenOutWhole) {
  start();
  write("[2026-01-01 14:03:00.123] [a] [error] bro");
  EXPECT_EQ(step(), Texts{});
  write("ken\n  at x\n");
  // Held back for as long as more may follow.
  EXPECT_EQ(step(Duration::millis(900)), Texts{});
  write("  at y\n" + line(1));
  EXPECT_EQ(step(Duration::millis(900)), (Texts{"broken\n  at x\n  at y"}));
  EXPECT_EQ(step(), texts(1, 1));
}

TEST_F(FileSourceTest, WhatIsHeldBackAtAnEndIsReadAgain) {
  start();
  write(lines(1, 2));
  EXPECT_EQ(step(Duration::millis(30)), texts(1, 1));
  source_->finish();
  restart();
  write("  more\n" + line(3));
  EXPECT_EQ(step(), (Texts{"line 2\n  more", "line 3"}));
}

TEST_F(FileSourceTest, ARefusalLosesNothing) {
  start();
  step();
  intake_.refuse(5);
  write(lines(1, 100));
  Texts all;
  for (int i = 0; i < 20; ++i) {
    for (std::string& text : step()) all.push_back(std::move(text));
  }
  EXPECT_EQ(all, texts(1, 100));
  EXPECT_EQ(source_->counts().refused, 5u);
  // It is not asked again at once.
  intake_.refuse(1);
  write(lines(101, 102));
  clock_.advance(Duration::seconds(3));
  const ElapsedTime due = source_->tick(clock_.elapsed());
  EXPECT_GT(due, clock_.elapsed());
}

TEST_F(FileSourceTest, RenamedAndMadeAnew) {
  start();
  write(lines(1, 2));
  EXPECT_EQ(step(), texts(1, 2));
  write(line(3));
  rename("app.log", "app.log.1");
  // Its writer goes on there for a while.
  folder_.append("app.log.1", line(4));
  write(lines(5, 6));
  EXPECT_EQ(step(), texts(3, 6));
  folder_.append("app.log.1", line(7));
  EXPECT_EQ(step(), texts(7, 7));
  write(line(8));
  EXPECT_EQ(step(), texts(8, 8));
}

TEST_F(FileSourceTest, MissingForAWhile) {
  start();
  write(lines(1, 2));
  EXPECT_EQ(step(), texts(1, 2));
  rename("app.log", "gone");
  folder_.append("gone", line(3));
  EXPECT_EQ(step(), texts(3, 3));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(step(), Texts{});
  write(line(4));
  EXPECT_EQ(step(), texts(4, 4));
}

TEST_F(FileSourceTest, CutAfterItWasCopied) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  write(lines(4, 5));
  fs::copy_file(folder_ / "app.log", folder_ / "app.log.1");
  fs::resize_file(folder_ / "app.log", 0);
  write(line(6));
  EXPECT_EQ(step(), texts(4, 6));
  EXPECT_EQ(step(), Texts{});
}

TEST_F(FileSourceTest, CutAndGrownAgainBeyondWhereItWas) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  write(lines(4, 5));
  fs::copy_file(folder_ / "app.log", folder_ / "app.log.1");
  fs::resize_file(folder_ / "app.log", 0);
  write(lines(6, 20));
  EXPECT_EQ(step(), texts(4, 20));
}

TEST_F(FileSourceTest, CutWithoutACopy) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  fs::resize_file(folder_ / "app.log", 0);
  EXPECT_EQ(step(), Texts{});
  write(line(4));
  EXPECT_EQ(step(), texts(4, 4));
}

TEST_F(FileSourceTest, AWriterThatGoesOnWhereItWasLeavesAHole) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  fs::resize_file(folder_ / "app.log", 0);
  fs::resize_file(folder_ / "app.log", 1'000'000);
  write(line(4));
  EXPECT_EQ(step(), texts(4, 4));
  restart();
  write(line(5));
  EXPECT_EQ(step(), texts(5, 5));
}

TEST_F(FileSourceTest, TwoRotationsBetweenTwoLooks) {
  start();
  write(lines(1, 2));
  EXPECT_EQ(step(), texts(1, 2));
  write(line(3));
  rename("app.log", "app.log.1");
  write(lines(4, 5));
  // What was written to just now may be a copy in the making, if it is short.
  rename("app.log.1", "app.log.2");
  rename("app.log", "app.log.1");
  write(line(6));
  age("app.log.1", -120);
  clock_.setWall({std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count() +
                  8'000'000});
  Texts all = step();
  for (std::string& text : step()) all.push_back(std::move(text));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, texts(3, 6));
}

TEST_F(FileSourceTest, RotatedWhileNobodyLooked) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  source_.reset();
  write(lines(4, 5));
  rename("app.log", "app.log.3");
  age("app.log.3", 30);
  folder_.append("app.log.2", lines(6, 7));
  age("app.log.2", 20);
  folder_.append("app.log.1", lines(8, 9));
  age("app.log.1", 10);
  folder_.append("app.log.4", "older\n");
  age("app.log.4", 40);
  write(line(10));
  restart();
  EXPECT_EQ(step(), texts(4, 10));
}

TEST_F(FileSourceTest, RotatedAndCompressedWhileNobodyLooked) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  source_.reset();
  write(lines(4, 5));
  rename("app.log", "app.log.2");
  age("app.log.2", 20);
  compress("app.log.2");
  folder_.append("app.log.1", lines(6, 7));
  age("app.log.1", 10);
  compress("app.log.1");
  write(line(8));
  restart();
  EXPECT_EQ(step(), texts(4, 8));
  restart();
  write(line(9));
  EXPECT_EQ(step(), texts(9, 9));
}

TEST_F(FileSourceTest, CopiedAndCutWhileNobodyLooked) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  source_.reset();
  write(lines(4, 5));
  fs::copy_file(folder_ / "app.log", folder_ / "app.log-20260101");
  fs::resize_file(folder_ / "app.log", 0);
  age("app.log-20260101", 20);
  write(lines(6, 9));
  restart();
  EXPECT_EQ(step(), texts(4, 9));
}

TEST_F(FileSourceTest, RotatedIntoAnotherFolder) {
  fs::create_directory(folder_ / "old");
  config_.rotated = {folder_ / "old/*"};
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  source_.reset();
  write(lines(4, 5));
  rename("app.log", "old/app.log.1");
  write(line(6));
  restart();
  EXPECT_EQ(step(), texts(4, 6));
}

TEST_F(FileSourceTest, WhatIsGoneForGoodIsCounted) {
  start();
  write(lines(1, 3));
  EXPECT_EQ(step(), texts(1, 3));
  source_.reset();
  fs::remove(folder_ / "app.log");
  folder_.append("other", "so that the inode is in use\n");
  write(line(4));
  restart();
  EXPECT_EQ(step(), texts(4, 4));
  EXPECT_EQ(source_->counts().lost, 1u);
}

TEST_F(FileSourceTest, AGlobNamesSeveral) {
  config_.path = folder_ / "*.log*";
  folder_.append("a.log", line(1));
  folder_.append("b.log", line(2));
  folder_.append("b.log.1", line(100));
  folder_.append("b.log-20260101", line(101));
  start();
  EXPECT_EQ(step(), texts(1, 2));
  folder_.append("c.log", line(3));
  EXPECT_EQ(step(), texts(3, 3));
  rename("a.log", "a.log.1");
  folder_.append("a.log", line(4));
  EXPECT_EQ(step(), texts(4, 4));
  restart();
  folder_.append("c.log", line(5));
  EXPECT_EQ(step(), texts(5, 5));
}

TEST_F(FileSourceTest, ALineWithoutEndIsCut) {
  start();
  write("[2026-01-01 14:03:00.123] [a] [info] " + std::string(500'000, 'x'));
  Texts all = step();
  write(std::string(500'000, 'x') + "\n" + line(1));
  for (int i = 0; i < 3; ++i) {
    for (std::string& text : step()) all.push_back(std::move(text));
  }
  ASSERT_EQ(all.size(), 2u);
  EXPECT_LE(all[0].size(), limits::kMaxLogLineBytes);
  EXPECT_EQ(all[1], "line 1");
  EXPECT_EQ(source_->counts().cut, 1u);
}

TEST_F(FileSourceTest, WhatIsNoRegularFileIsLeftAlone) {
  fs::create_directory(folder_ / "app.log");
  start();
  EXPECT_EQ(step(), Texts{});
  fs::remove(folder_ / "app.log");
  write(line(1));
  EXPECT_EQ(step(), texts(1, 1));
}

TEST(RotatedNames, AreThoseOfLogrotate) {
  for (const char* name : {"app.log.1", "app.log.12.gz", "app.log-20261123", "app.log-20261123.gz",
                           "app-20261123.log", "app.1.log", "app.log.2026-11-23T19"}) {
    EXPECT_TRUE(isRotatedName(name, "app.log")) << name;
  }
  for (const char* name : {"app.log", "app.log.gz", "app.log.bak", "app.logs", "apple.log",
                           "app.log.x1", "other.log.1"}) {
    EXPECT_FALSE(isRotatedName(name, "app.log")) << name;
  }
}

TEST(FilePlaces, AreReadAsTheyWereWritten) {
  const std::vector<FilePlace> places = {{{1, 2}, 3, 4, 5, 6},
                                         {{7, 8}, 1024, ~uint64_t{0}, 10, -1}};
  const auto read = readPlaces(writePlaces(places));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].id, places[1].id);
  EXPECT_EQ(read[1].head_hash, places[1].head_hash);
  EXPECT_EQ(read[1].offset, 10u);
  EXPECT_EQ(read[1].changed_ns, -1);
  for (const char* text : {"", ";", "1 2 3", "1 2 3 4 5 6 7", "1 2 2000 4 5 6", "x"}) {
    EXPECT_TRUE(readPlaces(text).empty()) << text;
  }
  EXPECT_LE(
      writePlaces(
          std::vector<FilePlace>(
              100,
              FilePlace{{~uint64_t{0}, ~uint64_t{0}}, 1024, ~uint64_t{0}, ~uint64_t{0}, INT64_MIN}))
          .size(),
      4096u);
}

}  // namespace
}  // namespace muster::agent
