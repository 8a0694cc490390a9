#include "commands/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "commands/log_chart.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;

class FakeLog : public KeptLog {
 public:
  void search(const v1::LogsRequest& request,
              std::function<void(Result<v1::LogsReply>)> done) override {
    asked = request;
    done(found);
  }
  void topErrors(const v1::TopErrorsRequest& request,
                 std::function<void(Result<v1::TopErrorsReply>)> done) override {
    counted = request;
    done(v1::TopErrorsReply());
  }
  Result<v1::LogStoreReply> logStore() override { return v1::LogStoreReply(); }

  std::optional<v1::LogsRequest> asked;
  std::optional<v1::TopErrorsRequest> counted;
  Result<v1::LogsReply> found = v1::LogsReply();
};

class LogsTest : public testing::Test {
 protected:
  LogsTest() {
    catalogue::HandlerSet handlers;
    addLogs(handlers, log_, files_, "node1");
    caller_ = std::make_unique<Caller>(
        v1::LogsRequest::descriptor()->file()->FindServiceByName("NodeCommands"), handlers);
  }
  std::string refusal() const { return caller_->outcomes.at(0).status.text(); }

  FakeLog log_;
  LogFiles files_{{[](LogFile, const std::function<void(Result<std::string>)>& done) {
                     done(std::string("https://example.org/f"));
                   },
                   [] { return ElapsedTime{}; }}};
  std::unique_ptr<Caller> caller_;
};

TEST_F(LogsTest, WhatIsLeftOpenIsFilledIn) {
  caller_->call("logs", {"timeout"});
  ASSERT_TRUE(log_.asked);
  EXPECT_EQ(log_.asked->query(), "timeout");
  EXPECT_EQ(log_.asked->limit(), 50u);
  EXPECT_FALSE(log_.asked->has_since());
  EXPECT_EQ(caller_->outcomes.at(0).note, "There are no lines that match.");
}

TEST_F(LogsTest, TopErrorsAreThoseOfTheLastHour) {
  caller_->call("top-errors", {}, {{"until", "1970-01-01T00:00:00Z"}});
  ASSERT_TRUE(log_.counted);
  EXPECT_EQ(log_.counted->level(), v1::LOG_LEVEL_ERROR);
  EXPECT_EQ(log_.counted->limit(), 10u);
  EXPECT_EQ(log_.counted->until(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(log_.counted->since(), "1970-01-01T00:00:00Z") << "nothing was before that";
}

TEST_F(LogsTest, ALevelIsOneThatARecordCanHave) {
  caller_->call("logs", {}, {{"level", "off"}});
  EXPECT_FALSE(log_.asked);
  EXPECT_THAT(refusal(), HasSubstr("one of trace, debug, info"));
}

TEST_F(LogsTest, OneWayToGoOnIsEnough) {
  caller_->call("logs", {}, {{"before", "5"}, {"after", "3"}});
  EXPECT_FALSE(log_.asked);
  EXPECT_THAT(refusal(), HasSubstr("give one of them"));
}

TEST_F(LogsTest, SaysHowToGoOn) {
  v1::LogsReply reply;
  reply.add_lines()->set_text("x");
  reply.set_older("17");
  log_.found = reply;
  caller_->call("logs", {});
  EXPECT_EQ(caller_->outcomes.at(0).note, "Older lines: before=17.");
}

TEST_F(LogsTest, SaysHowFarItCame) {
  v1::LogsReply reply;
  reply.set_older("17");
  reply.set_looked_until("2026-01-01T00:00:00Z");
  log_.found = reply;
  caller_->call("logs", {"rare"});
  EXPECT_EQ(caller_->outcomes.at(0).note,
            "There are no lines that match back to 2026-01-01T00:00:00Z so far. Older ones: "
            "before=17.");
}

TEST_F(LogsTest, AFileHasRoomForAllLines) {
  v1::LogsReply reply;
  reply.add_lines()->set_text("x");
  log_.found = reply;
  caller_->call("logs", {"timeout"}, {{"file", "yes"}});
  ASSERT_TRUE(log_.asked);
  EXPECT_EQ(log_.asked->limit(), 1000u);
  EXPECT_EQ(caller_->reply<v1::LogsReply>().url(), "https://example.org/f");
  EXPECT_EQ(caller_->outcomes.at(0).note, "");
}

TEST(LogChart, IsAsHighAsTheFullestPart) {
  v1::LogGroup group;
  for (const uint64_t part : {0, 1, 4, 8}) group.add_parts(part);
  EXPECT_EQ(chartOf(group.parts()), "·▂▅█");
  EXPECT_EQ(chartOf(v1::LogGroup().parts()), "");
}

}  // namespace
}  // namespace muster::commands
