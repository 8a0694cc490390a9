#include "libcontrol/node/kept_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <QCoreApplication>
#include <filesystem>
#include <fstream>

#include "libcontrol/base/file.h"
#include "libcontrol/base/limits.h"
#include "muster/log.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeptLogTest : public testing::Test {
 protected:
  KeptLogTest() {
    char name[] = "/tmp/kept-log-XXXXXX";
    folder_ = mkdtemp(name);
    options_.keep = true;
    options_.folder = folder_ / "logs";
  }
  ~KeptLogTest() override {
    log_.reset();
    fs::remove_all(folder_);
  }

  Status make() {
    auto log = KeptLog::make(options_);
    if (!log) return log.status();
    log_ = std::move(log).value();
    log_->openSearches();
    return Status::ok();
  }

  static LogRecord record(const std::string& text, LogLevel level = LogLevel::kInfo) {
    return {std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'000)),
            level, "web", text};
  }
  Status offer(const std::vector<std::string>& texts,
               std::optional<LogPosition> position = std::nullopt) {
    std::vector<LogRecord> records;
    for (const std::string& text : texts) records.push_back(record(text));
    const Status taken = log_->offer(std::move(records), std::move(position), {});
    log_->flush();
    return taken;
  }

  Result<v1::LogsReply> search(v1::LogsRequest request) {
    if (!request.has_limit()) request.set_limit(50);
    std::optional<Result<v1::LogsReply>> found;
    log_->search(request, [&](Result<v1::LogsReply> reply) { found = std::move(reply); });
    // The answer comes by the event loop.
    while (!found) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    return *found;
  }
  std::vector<std::string> texts(const v1::LogsRequest& request) {
    const auto reply = search(request);
    EXPECT_TRUE(reply.isOk()) << reply.status().text();
    std::vector<std::string> out;
    if (!reply) return out;
    for (const auto& line : reply->lines()) out.push_back(line.match() + line.text());
    return out;
  }
  static v1::LogsRequest query(const std::string& text) {
    v1::LogsRequest request;
    request.set_query(text);
    return request;
  }

  fs::path folder_;
  LogOptions options_;
  std::unique_ptr<KeptLog> log_;
};

TEST_F(KeptLogTest, FindsWhatWasOfferedTheNewestFirst) {
  ASSERT_TRUE(make().isOk());
  ASSERT_TRUE(offer({"one timeout", "two", "three Timeout"}).isOk());
  EXPECT_THAT(texts(query("timeout")), ElementsAre("three Timeout", "one timeout"));
  v1::LogsRequest oldest = query("");
  oldest.set_oldest(true);
  EXPECT_THAT(texts(oldest), ElementsAre("one timeout", "two", "three Timeout"));
}

TEST_F(KeptLogTest, SecretsAreMaskedBeforeAnybodySeesThem) {
  options_.masks.push_back({"customer", "customer=(\\w+)", "<customer>"});
  ASSERT_TRUE(make().isOk());
  ASSERT_TRUE(offer({"login password=hunter2 customer=ann"}).isOk());
  EXPECT_THAT(texts(query("")), ElementsAre("login password=*** customer=<customer>"));
  EXPECT_THAT(texts(query("hunter2")), IsEmpty());
}

TEST_F(KeptLogTest, PagesGoOnWhereTheOneBeforeEnded) {
  ASSERT_TRUE(make().isOk());
  ASSERT_TRUE(offer({"a", "b", "c"}).isOk());
  v1::LogsRequest request;
  request.set_limit(2);
  auto page = search(request);
  ASSERT_TRUE(page.isOk());
  EXPECT_EQ(page->lines_size(), 2);
  request.set_before(page->older());
  EXPECT_THAT(texts(request), ElementsAre("a"));
  EXPECT_EQ(search(request)->older(), "") << "that was all";
  v1::LogsRequest onward;
  onward.set_after(page->newer());
  EXPECT_THAT(texts(onward), IsEmpty());
  ASSERT_TRUE(offer({"d", "e"}).isOk());
  EXPECT_THAT(texts(onward), ElementsAre("d", "e"));
  onward.set_limit(1);
  page = search(onward);
  ASSERT_TRUE(page.isOk());
  onward.set_after(page->newer());
  EXPECT_THAT(texts(onward), ElementsAre("e"));
}

TEST_F(KeptLogTest, LinesAroundAHitAreShownOnceAndTold) {
  ASSERT_TRUE(make().isOk());
  ASSERT_TRUE(offer({"a", "hit 1", "b", "hit 2", "c", "d"}).isOk());
  v1::LogsRequest request = query("hit");
  request.set_context(1);
  EXPECT_THAT(texts(request), ElementsAre(" c", "*hit 2", " b", "*hit 1", " a"));
}

TEST_F(KeptLogTest, LevelLoggerAndTimesNarrowItDown) {
  ASSERT_TRUE(make().isOk());
  log_->add(record("low", LogLevel::kDebug));
  log_->add(record("high", LogLevel::kError));
  log_->flush();
  v1::LogsRequest request;
  request.set_level(v1::LOG_LEVEL_WARN);
  EXPECT_THAT(texts(request), ElementsAre("high"));
  request.set_logger("db*");
  EXPECT_THAT(texts(request), IsEmpty());
  request.set_logger("w*");
  request.set_since("2023-11-14T22:13:20Z");
  request.set_until("2023-11-14T22:13:20Z");
  EXPECT_THAT(texts(request), ElementsAre("high")) << "both ends belong to it";
  request.set_since("2023-11-14T22:13:21Z");
  request.clear_until();
  EXPECT_THAT(texts(request), IsEmpty());
}

TEST_F(KeptLogTest, WhatIsWrongWithAQueryIsSaid) {
  ASSERT_TRUE(make().isOk());
  std::optional<Status> refused;
  v1::LogsRequest request = query("/a(/");
  log_->search(request, [&](const auto& reply) { refused = reply.status(); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->field(), "query");
  request = query("");
  request.set_before("here");
  log_->search(request, [&](const auto& reply) { refused = reply.status(); });
  EXPECT_EQ(refused->field(), "before");
}

TEST_F(KeptLogTest, APageIsNoLargerThanAStanzaTakes) {
  ASSERT_TRUE(make().isOk());
  const std::vector<std::string> long_lines(60, std::string(4000, 'x'));
  ASSERT_TRUE(offer(long_lines).isOk());
  v1::LogsRequest request;
  request.set_limit(60);
  size_t seen = 0;
  for (;;) {
    const auto page = search(request);
    ASSERT_TRUE(page.isOk());
    EXPECT_LE(page->ByteSizeLong(), limits::kMaxReplyPartBytes);
    seen += static_cast<size_t>(page->lines_size());
    if (page->older().empty()) break;
    request.set_before(page->older());
  }
  EXPECT_EQ(seen, long_lines.size());
}

TEST_F(KeptLogTest, TopErrorsAreGroupedByTemplate) {
  ASSERT_TRUE(make().isOk());
  for (int i = 0; i < 5; ++i) {
    log_->add(record("disk " + std::to_string(i) + " is full", LogLevel::kError));
  }
  log_->add(record("other", LogLevel::kError));
  log_->add(record("disk 7 is full", LogLevel::kInfo));
  log_->flush();
  v1::TopErrorsRequest request;
  request.set_level(v1::LOG_LEVEL_ERROR);
  request.set_limit(10);
  request.set_since("2023-11-14T22:00:00Z");
  request.set_until("2023-11-14T22:30:00Z");
  std::optional<Result<v1::TopErrorsReply>> found;
  log_->topErrors(request, [&](Result<v1::TopErrorsReply> reply) { found = std::move(reply); });
  while (!found) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
  ASSERT_TRUE(found->isOk()) << found->status().text();
  const v1::TopErrorsReply& reply = **found;
  EXPECT_EQ(reply.records(), 6u);
  EXPECT_EQ(reply.kinds(), 2u);
  ASSERT_EQ(reply.groups_size(), 2);
  EXPECT_EQ(reply.groups(0).template_(), "disk <n> is full");
  EXPECT_EQ(reply.groups(0).count(), 5u);
  EXPECT_EQ(reply.groups(0).logger(), "web");
  EXPECT_EQ(reply.groups(0).parts(static_cast<int>(limits::kLogChartParts) * 13 / 30), 5u)
      << "13 min. 20 s of 30 min.";
}

TEST_F(KeptLogTest, APlaceOutlivesTheProcess) {
  ASSERT_TRUE(make().isOk());
  ASSERT_TRUE(offer({"a"}, LogPosition{"file", "17"}).isOk());
  ASSERT_TRUE(offer({}, LogPosition{"other", "3"}).isOk());
  log_.reset();
  ASSERT_TRUE(make().isOk());
  EXPECT_EQ(log_->place("file"), "17");
  EXPECT_EQ(log_->place("other"), "3");
  EXPECT_EQ(log_->place("none"), std::nullopt);
  EXPECT_THAT(texts(query("")), ElementsAre("a"));
}

TEST_F(KeptLogTest, KeepsWhatThisProcessLogs) {
  ASSERT_TRUE(make().isOk());
  log_->start();
  logger("kept.log.test")->warn("from a logger, token=abc123def456");
  log_->stop();
  logger("kept.log.test")->warn("after the end");
  log_->flush();
  v1::LogsRequest request;
  request.set_logger("kept.log.*");
  EXPECT_THAT(texts(request), ElementsAre("from a logger, token=***"));
}

TEST_F(KeptLogTest, ANodeThatKeepsNothingSaysSo) {
  options_.keep = false;
  ASSERT_TRUE(make().isOk());
  std::optional<Status> refused;
  log_->search(query(""), [&](const auto& reply) { refused = reply.status(); });
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->text(), HasSubstr("[logs]"));
  EXPECT_EQ(log_->logStore().status().code(), Code::kNotFound);
  bool kept = false;
  EXPECT_TRUE(log_->offer({record("a")}, {}, [&](const Status&) { kept = true; }).isOk());
  EXPECT_TRUE(kept) << "passed on is all that can be done";
}

TEST_F(KeptLogTest, TwoCantKeepTheSameLog) {
  ASSERT_TRUE(make().isOk());
  EXPECT_EQ(KeptLog::make(options_).status().code(), Code::kConflict);
}

// As on a disk that is not mounted yet.
TEST_F(KeptLogTest, AFolderThatCantBeMadeIsTriedAgain) {
  options_.folder = folder_ / "mount" / "logs";
  std::ofstream(folder_ / "mount") << "in the way";
  ASSERT_TRUE(make().isOk()) << "the node has other work, too";
  EXPECT_EQ(log_->offer({record("a")}, {}, {}).code(), Code::kUnavailable);
  EXPECT_THAT(log_->logStore()->problem(), HasSubstr("can't be kept just now"));
  fs::remove(folder_ / "mount");
  fs::create_directory(folder_ / "mount");
  log_->housekeeping();
  log_->closeSearches();  // which waits for what it does
  log_->openSearches();
  ASSERT_TRUE(offer({"b"}).isOk());
  EXPECT_THAT(texts(query("")), ElementsAre("b"));
}

}  // namespace
}  // namespace muster
