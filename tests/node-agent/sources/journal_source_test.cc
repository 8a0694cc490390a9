#include "node-agent/sources/journal_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/node-agent/sources/memory_intake.h"
#include "tests/node-agent/sources/temp_folder.h"

namespace muster::agent {
namespace {

using Texts = std::vector<std::string>;

// Journal files as systemd-journal-remote(8) makes them of entries in the export format.
class Journal : public testing::Test {
 protected:
  Journal() {
    config_.name = "journal";
    config_.kind = SourceKind::kJournal;
    config_.directory = folder_.path() + "/j";
    config_.from_beginning = true;
    std::filesystem::create_directory(config_.directory);
  }

  void write(const std::string& file, int first, int last, const std::string& fields = {}) {
    std::string text;
    for (int i = first; i <= last; ++i) {
      text += "__REALTIME_TIMESTAMP=" + std::to_string(1'767'276'180'000'000 + i * 1000) +
              "\n__MONOTONIC_TIMESTAMP=" + std::to_string(1'000'000 + i * 1000) +
              "\n_BOOT_ID=0123456789abcdef0123456789abcdef\n" + fields + "MESSAGE=message " +
              std::to_string(i) + "\n\n";
    }
    folder_.append(file + ".export", text);
    const std::string command =
        "/usr/lib/systemd/systemd-journal-remote --output=" + config_.directory + "/" + file +
        ".journal " + (folder_ / (file + ".export")) + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void start() {
    source_.reset();
    poller_ = std::make_unique<Poller>();
    source_ = std::make_unique<JournalSource>(config_, intake_, clock_);
    const Status started = source_->start(*poller_);
    ASSERT_TRUE(started.isOk()) << started.text();
  }
  Texts step() {
    for (int i = 0; i < 5; ++i) {
      poller_->wait({});
      clock_.advance(Duration::seconds(1));
      source_->tick(clock_.elapsed());
    }
    return intake_.texts();
  }
  static Texts texts(int first, int last) {
    Texts out;
    for (int i = first; i <= last; ++i) out.push_back("message " + std::to_string(i));
    return out;
  }

  TempFolder folder_;
  SourceConfig config_;
  ManualClock clock_;
  MemoryIntake intake_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<JournalSource> source_;
};

TEST_F(Journal, EntriesAreRecords) {
  write("a", 1, 1, "PRIORITY=3\nSYSLOG_IDENTIFIER=app\n_SYSTEMD_UNIT=app.service\n");
  write("b", 2, 2, "PRIORITY=7\n_SYSTEMD_UNIT=other.service\n");
  write("c", 3, 3);
  start();
  EXPECT_EQ(step(), texts(1, 3));
  const auto records = intake_.records();
  EXPECT_EQ(records[0].level, LogLevel::kError);
  EXPECT_EQ(records[0].logger, "app");
  EXPECT_EQ(records[0].at.time_since_epoch(), std::chrono::milliseconds(1'767'276'180'001));
  EXPECT_EQ(records[1].level, LogLevel::kDebug);
  EXPECT_EQ(records[1].logger, "other.service");
  EXPECT_EQ(records[2].level, LogLevel::kInfo);
  EXPECT_EQ(records[2].logger, "journal");
}

TEST_F(Journal, ItGoesOnBehindWhatIsKept) {
  write("a", 1, 700);
  start();
  EXPECT_EQ(step(), texts(1, 700));
  source_.reset();
  write("b", 701, 703);
  start();
  EXPECT_EQ(step(), texts(701, 703));
  EXPECT_EQ(step(), Texts{});
}

TEST_F(Journal, ARefusalLosesNothing) {
  write("a", 1, 600);
  start();
  intake_.refuse(3);
  Texts all;
  for (int i = 0; i < 5; ++i) {
    for (std::string& text : step()) all.push_back(std::move(text));
  }
  EXPECT_EQ(all, texts(1, 600));
  EXPECT_EQ(source_->counts().refused, 3u);
}

TEST_F(Journal, WhatIsThereAlreadyIsLeftOut) {
  config_.from_beginning = false;
  write("a", 1, 5);
  start();
  EXPECT_EQ(step(), Texts{});
  // Also if nothing has come by the next start.
  source_.reset();
  write("b", 6, 7);
  start();
  EXPECT_EQ(step(), texts(6, 7));
}

TEST_F(Journal, OfOneUnit) {
  config_.unit = "app";
  write("a", 1, 2, "_SYSTEMD_UNIT=app.service\n");
  write("b", 3, 4, "_SYSTEMD_UNIT=other.service\n");
  start();
  EXPECT_EQ(step(), texts(1, 2));
}

}  // namespace
}  // namespace muster::agent
