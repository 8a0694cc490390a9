#include "commands/log_level_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/service_level_cluster.h"
#include "libcontrol/base/limits.h"
#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;

class FakeLevels : public ClusterLogLevels {
 public:
  void list(const Where& where, const std::optional<std::string>& logger, const std::string& by,
            Done done) override {
    listed = where.target + " " + logger.value_or("-") + " " + by;
    done(answer, "");
  }
  void change(const Change& change, Done done) override {
    changed = change;
    done(answer, "done");
  }

  std::string listed;
  std::optional<Change> changed;
  Result<v1::ClusterLogLevelReply> answer = v1::ClusterLogLevelReply();
};

class FakeServices : public ClusterServiceLevels {
 public:
  Result<v1::ClusterServiceLevelReply> services(const Where& where) override {
    asked = where;
    return answer;
  }
  Where asked;
  v1::ClusterServiceLevelReply answer;
};

class ClusterLevelsTest : public testing::Test {
 protected:
  ClusterLevelsTest() {
    catalogue::HandlerSet handlers;
    addClusterLogLevel(handlers, levels_);
    addClusterServiceLevel(handlers, services_);
    caller_ = std::make_unique<Caller>(
        v1::StatusRequest::descriptor()->file()->FindServiceByName("ClusterCommands"), handlers);
    for (const char* name : {"user", "mail", "user"}) {
      auto& row = *services_.answer.add_services();
      row.mutable_service()->set_name(name);
      row.mutable_service()->mutable_level()->set_text("level of " + std::string(name));
    }
    services_.answer.mutable_level()->set_text("level of all");
  }
  const Status& status(size_t i = 0) { return caller_->outcomes.at(i).status; }

  FakeLevels levels_;
  FakeServices services_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(ClusterLevelsTest, Lists) {
  caller_->call("log-level", {"all"});
  EXPECT_TRUE(status().isOk()) << status().text();
  EXPECT_EQ(levels_.listed, "all - ann@example.org");
  caller_->call("log-level", {"node1", "storage"});
  EXPECT_EQ(levels_.listed, "node1 storage ann@example.org");
  EXPECT_FALSE(levels_.changed.has_value());
}

TEST_F(ClusterLevelsTest, Changes) {
  caller_->call("log-level", {"g", "storage", "debug"}, {{"for", "10m"}});
  ASSERT_TRUE(levels_.changed.has_value());
  EXPECT_EQ(levels_.changed->where.target, "g");
  EXPECT_FALSE(levels_.changed->where.is_group) << "only a group's contact says so";
  EXPECT_EQ(levels_.changed->logger, "storage");
  EXPECT_EQ(levels_.changed->level, v1::LOG_LEVEL_DEBUG);
  EXPECT_EQ(levels_.changed->duration, Duration::seconds(600));
  EXPECT_EQ(levels_.changed->by, "ann@example.org");
  EXPECT_EQ(caller_->outcomes[0].note, "done");
  caller_->call("log-level", {"g", "storage", "debug"}, {{"for", "forever"}});
  EXPECT_EQ(levels_.changed->duration, limits::kForever);
  caller_->call("log-level", {"g", "storage", "reset"});
  EXPECT_EQ(levels_.changed->duration, std::nullopt);
}

TEST_F(ClusterLevelsTest, RefusesWhatMakesNoSense) {
  caller_->call("log-level", {"all"}, {{"level", "debug"}});
  caller_->call("log-level", {"all", "storage", "reset"}, {{"for", "10m"}});
  caller_->call("log-level", {"all", "storage"}, {{"for", "10m"}});
  caller_->call("log-level", {});
  for (const auto& outcome : caller_->outcomes) {
    EXPECT_EQ(outcome.status.code(), Code::kInvalidArgument);
  }
  EXPECT_FALSE(levels_.changed.has_value());
}

TEST_F(ClusterLevelsTest, AFailureIsToldAsItIs) {
  levels_.answer = Status(Code::kNotFound, "node1: there is no logger 'x'", "logger");
  caller_->call("log-level", {"all", "x", "debug"});
  EXPECT_EQ(status().code(), Code::kNotFound);
  EXPECT_EQ(status().field(), "logger");
}

TEST_F(ClusterLevelsTest, ServicesOfAllOrOneOfThem) {
  caller_->call("service-level", {});
  EXPECT_EQ(services_.asked.target, "");
  EXPECT_EQ(caller_->outcomes[0].note, "level of all");
  EXPECT_EQ(caller_->reply<v1::ClusterServiceLevelReply>().services_size(), 3);
  caller_->call("service-level", {"g", "user"});
  EXPECT_EQ(services_.asked.target, "g");
  EXPECT_EQ(caller_->outcomes[1].note, "level of user");
  EXPECT_EQ(caller_->reply<v1::ClusterServiceLevelReply>(1).services_size(), 2);
  caller_->call("service-level", {"g", "usr"});
  EXPECT_EQ(status(2).code(), Code::kNotFound);
  EXPECT_EQ(status(2).field(), "service");
  EXPECT_THAT(status(2).text(), HasSubstr("did you mean 'user'?"));
}

}  // namespace
}  // namespace muster::commands
