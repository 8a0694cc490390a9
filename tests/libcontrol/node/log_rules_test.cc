#include "libcontrol/node/log_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "libcontrol/base/limits.h"
#include "muster/log.h"
#include "tests/libcontrol/node/node_fixture.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDropped[] = R"(
[[rule]]
name = "dropped"
logger = "log_rules_test.*"
level = "warn"
text = 'dropped (\d+)'
effect = "bad"
count = "$1"
service = "user"
)";
constexpr char kFull[] = R"(
[[rule]]
name = "full"
logger = "log_rules_test.*"
text = 'disk (full|free)'
effect = "outage-begin"
service = "disk"
)";

class LogRulesTest : public testing::NodeFixture {
 protected:
  LogRulesTest() {
    char name[] = "/tmp/muster-rules-XXXXXX";
    dir_ = ::mkdtemp(name);
    file_ = dir_ / "rules.toml";
    write(kDropped);
  }
  ~LogRulesTest() override {
    stop();
    rules_.reset();
    std::filesystem::remove_all(dir_);
  }

  void write(const std::string& text) { std::ofstream(file_) << text; }
  Result<std::unique_ptr<LogRules>> load() {
    return LogRules::make({file_, limits::kRuleQueueBytes, services_, services_mutex_, clock_});
  }
  void start() {
    auto loaded = load();
    ASSERT_TRUE(loaded.isOk()) << loaded.status().text();
    rules_ = std::move(loaded).value();
    log_rules_ = rules_.get();
    ASSERT_TRUE(rules_->start().isOk());
  }
  // The rules' own thread has dealt with as many records.
  ::testing::AssertionResult hits(int rule, uint64_t expected) {
    return eventually([&] {
      const v1::LogRulesReply now = rules_->report();
      return now.rules(rule).hits() >= expected;
    });
  }

  std::filesystem::path dir_;
  std::filesystem::path file_;
  std::unique_ptr<LogRules> rules_;
};

TEST_F(LogRulesTest, RecordsCountForTheServices) {
  start();
  const auto log = logger("log_rules_test.web");
  log->warn("dropped 7 requests");
  log->warn("all is well");
  ASSERT_TRUE(hits(0, 1));
  EXPECT_EQ((*services_.addRequests("user", {}, clock_.elapsed()))->badTotal(), 7u);
  const v1::LogRulesReply reply = rules_->report();
  EXPECT_EQ(reply.rules(0).effect(), "bad ($1)");
  EXPECT_EQ(reply.rules(0).level(), v1::LOG_LEVEL_WARN);
  EXPECT_NE(reply.rules(0).last(), "");
  EXPECT_EQ(reply.dropped(), 0u);
}

TEST_F(LogRulesTest, AServiceOfTheApplicationKeepsItsOptions) {
  ServiceOptions options;
  options.objective_percent = 75;
  Requests* user = *services_.addRequests("user", options, clock_.elapsed());
  start();
  logger("log_rules_test.web")->error("dropped 2");
  ASSERT_TRUE(hits(0, 1));
  EXPECT_EQ(user->badTotal(), 2u);
  for (const service::ServiceSnapshot& service : services_.snapshot(clock_.elapsed()).services) {
    if (service.name == "user") {
      EXPECT_DOUBLE_EQ(service.objective_percent, 75);
    }
  }
}

TEST_F(LogRulesTest, AServiceOfAnotherKindIsRefusedAndNothingIsMade) {
  (void)services_.addAvailability("user", {}, clock_.elapsed());
  write(std::string(kFull) + kDropped);
  auto loaded = load();
  ASSERT_TRUE(loaded.isOk());
  const Status started = (*loaded)->start();
  EXPECT_EQ(started.code(), Code::kConflict);
  EXPECT_THAT(started.text(), HasSubstr("rules.toml: service 'user' is one of availability"));
  EXPECT_EQ(services_.names(), std::vector<std::string>{"user"});
}

TEST_F(LogRulesTest, TheRulesOwnServiceIsTaken) {
  write("[[rule]]\ntext = 'x'\neffect = 'outage-end'\nservice = 'log-rules'\n");
  auto loaded = load();
  ASSERT_TRUE(loaded.isOk());
  EXPECT_THAT((*loaded)->start().text(), HasSubstr("'log-rules' is the rules' own"));
}

TEST_F(LogRulesTest, NoMoreServicesThanANodeMayHave) {
  for (size_t i = 0; i + 1 < limits::kMaxServices; ++i) {
    (void)services_.addRequests("s" + std::to_string(i), {}, clock_.elapsed());
  }
  auto loaded = load();
  ASSERT_TRUE(loaded.isOk());
  EXPECT_EQ((*loaded)->start().code(), Code::kResourceExhausted);
  EXPECT_EQ(services_.names().size(), limits::kMaxServices - 1);
}

TEST_F(LogRulesTest, AMistakeIsToldBeforeAnythingStarts) {
  write("[[rule]]\ntext = '('\neffect = 'bad'\nservice = 'user'\n");
  EXPECT_THAT(load().status().text(), HasSubstr("rules.toml:2: rule.text: is no RE2 pattern"));
}

TEST_F(LogRulesTest, OnlyOneNodeOfAProcessHasThem) {
  start();
  EXPECT_EQ(load().status().code(), Code::kConflict);
  rules_.reset();
  EXPECT_TRUE(load().isOk());
}

TEST_F(LogRulesTest, ABadFileLeavesTheRulesAsTheyAre) {
  start();
  write("[[rule]]\ntext = 'x'\nefect = 'bad'\nservice = 'other'\n");
  EXPECT_THAT(rules_->reload().text(), HasSubstr("rules.toml:3: rule.efect: is not a key"));
  logger("log_rules_test.web")->warn("dropped 3");
  ASSERT_TRUE(hits(0, 1));
  EXPECT_EQ((*services_.addRequests("user", {}, clock_.elapsed()))->badTotal(), 3u);
  EXPECT_THAT(services_.names(), Not(::testing::Contains("other")));
}

TEST_F(LogRulesTest, AGoodFileIsInForceAtOnceWithItsNewServices) {
  start();
  logger("log_rules_test.web")->warn("dropped 3");
  ASSERT_TRUE(hits(0, 1));
  write(kFull);
  ASSERT_TRUE(rules_->reload().isOk());
  EXPECT_EQ(rules_->report().rules(0).hits(), 0u);
  logger("log_rules_test.web")->info("disk full");
  ASSERT_TRUE(hits(0, 1));
  EXPECT_TRUE((*services_.addAvailability("disk", {}, clock_.elapsed()))->inOutage());
}

TEST_F(LogRulesTest, WhatALoggersLevelHidesIsTold) {
  start();
  const auto quiet = logger("log_rules_test.quiet");
  quiet->set_level(spdlog::level::err);
  EXPECT_THAT(rules_->report().rules(0).hidden(), HasSubstr("log_rules_test.quiet is at error"));
  quiet->set_level(spdlog::level::warn);
  EXPECT_THAT(rules_->report().rules(0).hidden(), Not(HasSubstr("log_rules_test.quiet")));
}

TEST_F(LogRulesTest, ALoggerMadeLaterIsNamedUntilItIsWatched) {
  start();
  const auto later = std::make_shared<spdlog::logger>(
      "log_rules_test.later", std::make_shared<spdlog::sinks::null_sink_mt>());
  spdlog::register_logger(later);
  EXPECT_THAT(rules_->report().unseen(), HasSubstr("log_rules_test.later"));
  watchLogger(*later);
  EXPECT_THAT(rules_->report().unseen(), Not(HasSubstr("log_rules_test.later")));
  later->warn("dropped 1");
  EXPECT_TRUE(hits(0, 1));
  spdlog::drop("log_rules_test.later");
}

TEST_F(LogRulesTest, AnOperatorReloadsThemAndAnObserverLists) {
  start();
  ASSERT_TRUE(make());
  EXPECT_THAT(say(olga_, "log-rules"), HasSubstr("dropped"));
  EXPECT_THAT(say(olga_, "log-rules reload=yes"), HasSubstr("operator"));
  write("[[rule]]\ntext = '['\neffect = 'bad'\nservice = 'user'\n");
  const std::string refused = say(ann_, "log-rules reload=yes");
  EXPECT_THAT(refused, HasSubstr("the rules stay as they were"));
  EXPECT_THAT(refused, HasSubstr("rules.toml:2: rule.text: is no RE2 pattern"));
  write(kFull);
  EXPECT_THAT(say(ann_, "log-rules reload=yes"), HasSubstr("1 log rule from"));
  EXPECT_THAT(say(olga_, "log-rules"), HasSubstr("full"));
}

TEST_F(LogRulesTest, ANodeWithoutAFileSaysWhereToNameOne) {
  ASSERT_TRUE(make());
  EXPECT_THAT(say(ann_, "log-rules"), HasSubstr("node.log_rules"));
  EXPECT_THAT(say(ann_, "log-rules reload=yes"), HasSubstr("node.log_rules"));
}

TEST_F(LogRulesTest, TheLastThatCountedAsBadAreKeptCutAndInOneLineEach) {
  write(std::string(kDropped) + kFull);
  start();
  const auto log = logger("log_rules_test.web");
  log->warn("dropped 0");
  for (int i = 1; i <= 5; ++i) log->warn("dropped {}\nat once", i);
  log->warn("dropped 6 {}", std::string(500, 'x'));
  log->warn("disk full");
  ASSERT_TRUE(eventually([&] { return !rules_->badLines({"disk"}).empty(); }));
  const auto lines = rules_->badLines({"user", "disk", "nobody"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].service(), "user");
  ASSERT_EQ(lines[0].lines_size(), 3);
  EXPECT_EQ(lines[0].lines(0).text(), "log_rules_test.web: dropped 4 at once");
  EXPECT_EQ(lines[0].lines(0).at_unix_ms(), clock_.wall().unix_ms);
  EXPECT_EQ(lines[0].lines(2).text().size(), limits::kMaxIncidentLogLineBytes);
  EXPECT_EQ(lines[1].lines(0).text(), "log_rules_test.web: disk full");
  clock_.advance(limits::kBadLineLife + Duration::seconds(1));
  EXPECT_TRUE(rules_->badLines({"user"}).empty()) << "that is long ago";
}

TEST_F(LogRulesTest, TheCoordinatorAloneIsToldOfThem) {
  start();
  ASSERT_TRUE(make());
  logger("log_rules_test.web")->warn("dropped 7");
  ASSERT_TRUE(eventually([&] { return !rules_->badLines({"user"}).empty(); }));
  v1::Order order;
  order.set_by("muster.test");
  order.mutable_bad_lines()->add_services("user");
  const v1::OrderReply reply = this->order(order);
  ASSERT_EQ(reply.bad_lines_size(), 1) << reply.text();
  EXPECT_EQ(reply.bad_lines(0).lines(0).text(), "log_rules_test.web: dropped 7");
  EXPECT_TRUE(ask(ann_, xmpp::writeOrder(order)).error.has_value());
  order.mutable_bad_lines()->clear_services();
  EXPECT_EQ(this->order(order).bad_lines_size(), 0);
  EXPECT_TRUE(trail().empty());
}

}  // namespace
}  // namespace muster
