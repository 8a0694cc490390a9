#include "commands/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "libcontrol/base/limits.h"

namespace muster::commands {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr WallTime kNow{1'795'000'000'123};  // 2026-11-18T11:06:40.123Z

template <typename Reply>
v1::LogLine& lineIn(Reply& reply, const std::string& at, const std::string& text) {
  v1::LogLine* line = nullptr;
  if constexpr (std::is_same_v<Reply, v1::LogsReply>) {
    line = reply.add_lines();
  } else {
    line = reply.add_lines()->mutable_line();
  }
  line->set_at(at);
  line->set_level(v1::LOG_LEVEL_WARN);
  line->set_text(text);
  return *line;
}

class LogFilesTest : public testing::Test {
 protected:
  void make(v1::LogsRequest request = {}) {
    files_.make(LogFiles::Wish<v1::LogsRequest, v1::LogsReply>{
        "node1", request, kNow,
        [this](const v1::LogsRequest& asked, std::function<void(Result<v1::LogsReply>)> done) {
          asked_.push_back(asked);
          found_.push_back(std::move(done));
        },
        [this](Result<v1::LogsReply> reply, const std::string& note) {
          reply_ = std::move(reply);
          note_ = note;
        }});
  }
  // Answers the latest page.
  void found(Result<v1::LogsReply> page) {
    ASSERT_FALSE(found_.empty());
    const auto done = std::move(found_.back());
    found_.pop_back();
    done(std::move(page));
  }
  static v1::LogsReply page(const std::vector<std::string>& texts, const std::string& older = "") {
    v1::LogsReply reply;
    for (const std::string& text : texts) lineIn(reply, "2026-11-18T11:00:00.000Z", text);
    reply.set_older(older);
    reply.set_newer("n" + older);
    return reply;
  }

  ManualClock clock_;
  std::optional<LogFile> shared_;
  Result<std::string> url_ = std::string("https://example.org/f");
  LogFiles files_{{[this](LogFile file, const std::function<void(Result<std::string>)>& done) {
                     shared_ = std::move(file);
                     done(url_);
                   },
                   [this] { return clock_.elapsed(); }}};
  std::vector<v1::LogsRequest> asked_;
  std::vector<std::function<void(Result<v1::LogsReply>)>> found_;
  std::optional<Result<v1::LogsReply>> reply_;
  std::string note_;
};

TEST_F(LogFilesTest, AllPagesAreOneFile) {
  v1::LogsRequest request;
  request.set_query("timeout");
  request.set_file(true);
  make(request);
  EXPECT_EQ(asked_.back().query(), "timeout");
  EXPECT_FALSE(asked_.back().file()) << "who is asked for a page must not make a file of it";
  EXPECT_EQ(asked_.back().limit(), 1000u);
  found(page({"c", "b"}, "17"));
  EXPECT_EQ(asked_.back().before(), "17");
  found(page({"a\n  at x"}));
  ASSERT_TRUE(shared_ && reply_ && reply_->isOk());
  EXPECT_EQ(shared_->name, "node1-logs-20261118T110640Z.txt");
  EXPECT_EQ(shared_->text,
            "2026-11-18T11:00:00.000Z node1 warn root: c\n"
            "2026-11-18T11:00:00.000Z node1 warn root: b\n"
            "2026-11-18T11:00:00.000Z node1 warn root: a\n\t  at x\n");
  EXPECT_EQ((*reply_)->url(), "https://example.org/f");
  EXPECT_EQ((*reply_)->file_lines(), 3u);
  EXPECT_EQ((*reply_)->lines_size(), 0);
  EXPECT_EQ((*reply_)->looked_until(), "");
  EXPECT_EQ(note_, "");
}

TEST_F(LogFilesTest, TheOldestFirstEndsWhereItBegan) {
  v1::LogsRequest request;
  request.set_oldest(true);
  make(request);
  EXPECT_EQ(asked_.back().until(), toRfc3339(kNow));
  found(page({"a"}, "5"));
  EXPECT_EQ(asked_.back().after(), "n5");
  EXPECT_FALSE(asked_.back().oldest());
  found(page({"b"}));
  ASSERT_TRUE(shared_);
  EXPECT_THAT(shared_->text, HasSubstr(": a\n2026"));
}

TEST_F(LogFilesTest, SoManyLinesAsWereAskedFor) {
  v1::LogsRequest request;
  request.set_limit(3);
  make(request);
  EXPECT_EQ(asked_.back().limit(), 3u);
  v1::LogsReply first = page({"around", "hit"}, "5");
  first.mutable_lines(0)->set_match(" ");
  first.mutable_lines(1)->set_match("*");
  found(first);
  EXPECT_EQ(asked_.back().limit(), 2u) << "what stands around a line doesn't count";
  found(page({"b", "a"}, "3"));
  ASSERT_TRUE(shared_ && reply_ && reply_->isOk());
  EXPECT_THAT(shared_->text, StartsWith("  2026-11-18T11:00:00.000Z node1 warn root: around\n* "));
  EXPECT_EQ(note_,
            "This is not all of it: no more lines were asked for; go on with "
            "until=2026-11-18T11:00:00.000Z.");
}

TEST_F(LogFilesTest, NothingThatMatchesMakesNoFile) {
  make();
  found(page({}));
  EXPECT_FALSE(shared_);
  ASSERT_TRUE(reply_ && reply_->isOk());
  EXPECT_FALSE((*reply_)->has_url());
  EXPECT_EQ(note_, "There are no lines that match, and so no file.");
}

TEST_F(LogFilesTest, AFileHasABound) {
  make();
  const std::string text(100'000, 'x');
  for (size_t bytes = 0; bytes <= limits::kMaxLogFileBytes && !found_.empty(); bytes += 100'000) {
    found(page({text}, "5"));
  }
  ASSERT_TRUE(shared_);
  EXPECT_LE(shared_->text.size(), limits::kMaxLogFileBytes);
  EXPECT_GT(shared_->text.size(), limits::kMaxLogFileBytes - 110'000);
  EXPECT_THAT(note_, HasSubstr("a file takes at most 8388608 bytes; go on with until=2026"));
}

TEST_F(LogFilesTest, AndATime) {
  make();
  found(page({"a"}, "9"));
  clock_.advance(Duration::seconds(60));
  v1::LogsReply late = page({}, "5");
  late.set_looked_until("2026-01-01T00:00:00Z");
  found(late);
  ASSERT_TRUE(shared_ && reply_ && reply_->isOk());
  EXPECT_EQ((*reply_)->looked_until(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(note_,
            "This is not all of it: the search took longer than 1m; go on with "
            "until=2026-01-01T00:00:00Z.");
}

TEST_F(LogFilesTest, WhatIsWrongWithTheQueryIsTold) {
  make();
  found(Status(Code::kInvalidArgument, "the quote is not closed", "query"));
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().field(), "query");
  EXPECT_FALSE(shared_);
}

TEST_F(LogFilesTest, APageThatFailsLaterLeavesWhatWasFound) {
  make();
  found(page({"a"}, "5"));
  found(Status(Code::kTimeout, "no answer"));
  ASSERT_TRUE(shared_);
  EXPECT_THAT(note_, HasSubstr("a page could not be read: no answer"));
}

TEST_F(LogFilesTest, AServerThatTakesNoneIsTold) {
  url_ = Status(Code::kUnavailable, "the server offers none");
  make();
  found(page({"a"}));
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().text(), "the server offers none");
}

TEST_F(LogFilesTest, NotTooManyAtOnce) {
  for (int i = 0; i < 4; ++i) make();
  EXPECT_FALSE(reply_);
  make();
  ASSERT_TRUE(reply_);
  EXPECT_EQ(reply_->status().code(), Code::kResourceExhausted);
  EXPECT_EQ(found_.size(), 4u);
  found(page({"a"}));
  reply_.reset();
  make();
  EXPECT_FALSE(reply_) << "one has ended";
}

TEST(ClusterLogFiles, NameTheNodeOfEachLineAndWhoIsSilent) {
  ManualClock clock;
  std::string text;
  LogFiles files({[&](LogFile file, const std::function<void(Result<std::string>)>& done) {
                    text = file.name + "\n" + file.text;
                    done(std::string("u"));
                  },
                  [&] { return clock.elapsed(); }});
  std::optional<Result<v1::ClusterLogsReply>> reply;
  int pages = 0;
  v1::ClusterLogsRequest request;
  request.set_target("a/b");
  files.make(LogFiles::Wish<v1::ClusterLogsRequest, v1::ClusterLogsReply>{
      "a/b", request, kNow,
      [&](const v1::ClusterLogsRequest& asked, const auto& done) {
        EXPECT_EQ(asked.target(), "a/b");
        v1::ClusterLogsReply page;
        lineIn(page, "2026-11-18T11:00:00.000Z", "x").set_logger("storage");
        page.mutable_lines(0)->set_node("node2");
        page.add_results()->set_node("node3");
        if (++pages == 1) page.set_older("word");
        done(page);
      },
      [&](Result<v1::ClusterLogsReply> made, const std::string&) { reply = std::move(made); }});
  EXPECT_EQ(text,
            "a-b-logs-20261118T110640Z.txt\n"
            "2026-11-18T11:00:00.000Z node2 warn storage: x\n"
            "2026-11-18T11:00:00.000Z node2 warn storage: x\n");
  ASSERT_TRUE(reply && reply->isOk());
  EXPECT_EQ((*reply)->results_size(), 1);
  EXPECT_EQ((*reply)->file_lines(), 2u);
}

}  // namespace
}  // namespace muster::commands
