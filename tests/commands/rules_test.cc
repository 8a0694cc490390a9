#include "commands/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/commands/call.h"

namespace muster::commands {
namespace {

using testing::HasSubstr;

class FakeRules : public RuleControl {
 public:
  Result<v1::LogRulesReply> logRules() override {
    if (!has_rules) return Status(Code::kNotFound, "this node has no log rules");
    v1::LogRulesReply reply;
    reply.set_file("/etc/rules.toml");
    reply.add_rules()->set_name("rule of load " + std::to_string(loads));
    return reply;
  }
  void reloadLogRules(std::function<void(Status)> done) override { waiting = std::move(done); }

  bool has_rules = true;
  int loads = 1;
  std::function<void(Status)> waiting;
};

class RulesTest : public testing::Test {
 protected:
  RulesTest() {
    catalogue::HandlerSet handlers;
    addRules(handlers, rules_);
    caller_ = std::make_unique<Caller>(
        v1::LogRulesRequest::descriptor()->file()->FindServiceByName("NodeCommands"), handlers);
  }

  FakeRules rules_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(RulesTest, ListsWhatIsInForceWithoutReadingItAgain) {
  caller_->call("log-rules", {});
  EXPECT_EQ(caller_->reply<v1::LogRulesReply>().rules(0).name(), "rule of load 1");
  EXPECT_EQ(rules_.waiting, nullptr);
}

TEST_F(RulesTest, AReloadAnswersOnceTheRulesAreRead) {
  caller_->call("log-rules", {}, {{"reload", "yes"}});
  EXPECT_TRUE(caller_->outcomes.empty());
  ASSERT_NE(rules_.waiting, nullptr);
  rules_.loads = 2;
  rules_.waiting(Status::ok());
  EXPECT_EQ(caller_->reply<v1::LogRulesReply>().rules(0).name(), "rule of load 2");
  EXPECT_EQ(caller_->outcomes.at(0).note, "1 log rule from /etc/rules.toml is in force.");
}

TEST_F(RulesTest, ABadFileIsToldWithItsLineAndThatNothingChanged) {
  caller_->call("log-rules", {}, {{"reload", "yes"}});
  rules_.waiting({Code::kInvalidArgument, "/etc/rules.toml:3: rule.text: is no RE2 pattern"});
  const Status& status = caller_->outcomes.at(0).status;
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.text(),
              HasSubstr("the rules stay as they were: /etc/rules.toml:3: rule.text"));
}

TEST_F(RulesTest, ANodeWithoutRulesSaysSo) {
  rules_.has_rules = false;
  caller_->call("log-rules", {});
  EXPECT_EQ(caller_->outcomes.at(0).status.code(), Code::kNotFound);
}

}  // namespace
}  // namespace muster::commands
