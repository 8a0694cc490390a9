#include "commands/log_level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/node_state.h"
#include "libcontrol/base/limits.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;

class FakeLevels : public LogLevels {
 public:
  std::vector<v1::LoggerState> all() const {
    std::vector<v1::LoggerState> out;
    for (const char* name : {"root", "storage", "storage.disk", "user"}) {
      v1::LoggerState state;
      state.set_name(name);
      state.set_boot(v1::LOG_LEVEL_INFO);
      state.set_effective(set_on == name ? set_to : v1::LOG_LEVEL_INFO);
      out.push_back(state);
    }
    return out;
  }
  void list(std::function<void(Listing)> done) override { done({all(), note}); }
  void find(const std::string& name, std::function<void(Found)> done) override {
    for (const v1::LoggerState& state : all()) {
      if (state.name() == name) return done({state, note});
    }
    done({std::nullopt, note});
  }
  void set(const Change& change, ElapsedTime, WallTime, std::function<void(Status)> done) override {
    set_on = change.logger;
    set_to = change.level;
    set_for = change.duration;
    set_by = change.by;
    set_ahead = change.ahead;
    later = [this, done = std::move(done)] { done(answer); };
    if (!waits) later();
  }
  void reset(const std::string& logger, std::function<void(Status)> done) override {
    reset_on = logger;
    done(answer);
  }

  Status answer;
  std::string note;
  bool waits = false;  // until `later` is called
  std::function<void()> later;
  std::string set_on, set_by, reset_on;
  v1::LogLevel set_to = v1::LOG_LEVEL_UNSPECIFIED;
  std::optional<Duration> set_for;
  bool set_ahead = false;
};

class NoNode : public NodeState {
 public:
  v1::ServiceLevelReply services() override { return all; }
  v1::NodeInfoReply info() override { return {}; }
  v1::RoleReply roleInfo() override { return {}; }
  v1::ServiceLevelReply all;
};

class LogLevelTest : public testing::Test {
 protected:
  LogLevelTest() {
    catalogue::HandlerSet handlers;
    addLogLevel(handlers, levels_);
    addNodeState(handlers, node_);
    caller_ = std::make_unique<Caller>(
        v1::LogLevelRequest::descriptor()->file()->FindServiceByName("NodeCommands"), handlers);
  }
  const Status& status() { return caller_->outcomes.at(0).status; }

  FakeLevels levels_;
  NoNode node_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(LogLevelTest, ListsAll) {
  caller_->call("log-level", {});
  EXPECT_EQ(caller_->reply<v1::LogLevelReply>().loggers_size(), 4);
}

TEST_F(LogLevelTest, ListsOne) {
  caller_->call("log-level", {"storage"});
  ASSERT_EQ(caller_->reply<v1::LogLevelReply>().loggers_size(), 1);
  EXPECT_EQ(caller_->reply<v1::LogLevelReply>().loggers(0).name(), "storage");
}

TEST_F(LogLevelTest, Sets) {
  caller_->call("log-level", {"storage", "debug"}, {{"for", "10m"}});
  ASSERT_TRUE(status().isOk()) << status().text();
  EXPECT_EQ(levels_.set_on, "storage");
  EXPECT_EQ(levels_.set_to, v1::LOG_LEVEL_DEBUG);
  EXPECT_EQ(levels_.set_for, Duration::seconds(600));
  EXPECT_EQ(levels_.set_by, "ann@example.org");
  EXPECT_EQ(caller_->outcomes[0].note, "Logger storage is at debug.");
}

TEST_F(LogLevelTest, AnswersOnceTheApplicationHas) {
  levels_.waits = true;
  caller_->call("log-level", {"storage", "debug"});
  EXPECT_TRUE(caller_->outcomes.empty());
  levels_.later();
  ASSERT_EQ(caller_->outcomes.size(), 1u);
  EXPECT_EQ(caller_->outcomes[0].note, "Logger storage is at debug.");
}

TEST_F(LogLevelTest, AFailureOfTheApplicationIsTold) {
  levels_.answer = {Code::kUnavailable, "the application can't be reached"};
  caller_->call("log-level", {"storage", "debug"});
  EXPECT_EQ(status().code(), Code::kUnavailable);
}

TEST_F(LogLevelTest, WhatIsMissingFromAListIsSaid) {
  levels_.note = "The application's loggers can't be listed: no answer.";
  caller_->call("log-level", {});
  EXPECT_EQ(caller_->outcomes[0].note, levels_.note);
  EXPECT_EQ(caller_->reply<v1::LogLevelReply>().loggers_size(), 4);
}

TEST_F(LogLevelTest, ForeverIsNotTheSameAsNothingSaid) {
  caller_->call("log-level", {"storage", "debug"}, {{"for", "forever"}});
  EXPECT_EQ(levels_.set_for, limits::kForever);
  caller_->call("log-level", {"storage", "debug"});
  EXPECT_EQ(levels_.set_for, std::nullopt);
  EXPECT_FALSE(levels_.set_ahead);
  caller_->call("log-level", {"storage", "debug"}, {{"ahead", "yes"}});
  EXPECT_TRUE(levels_.set_ahead);
}

TEST_F(LogLevelTest, Resets) {
  caller_->call("log-level", {"storage", "reset"});
  ASSERT_TRUE(status().isOk());
  EXPECT_EQ(levels_.reset_on, "storage");
  EXPECT_TRUE(levels_.set_on.empty());
}

TEST_F(LogLevelTest, RefusesWhatMakesNoSense) {
  caller_->call("log-level", {}, {{"level", "debug"}});
  caller_->call("log-level", {"storage", "reset"}, {{"for", "10m"}});
  caller_->call("log-level", {"storage"}, {{"for", "10m"}});
  caller_->call("log-level", {"storag"});
  for (const auto& outcome : caller_->outcomes) EXPECT_FALSE(outcome.status.isOk());
  EXPECT_THAT(caller_->outcomes[3].status.text(), HasSubstr("did you mean 'storage'?"));
  EXPECT_TRUE(levels_.set_on.empty());
}

TEST_F(LogLevelTest, AServiceThatIsNotThereIsNamed) {
  node_.all.add_services()->set_name("user");
  caller_->call("service-level", {"user"});
  caller_->call("service-level", {"usr"});
  EXPECT_TRUE(caller_->outcomes[0].status.isOk());
  EXPECT_EQ(caller_->reply<v1::ServiceLevelReply>().services_size(), 1);
  EXPECT_EQ(caller_->outcomes[1].status.code(), Code::kNotFound);
}

}  // namespace
}  // namespace muster::commands
