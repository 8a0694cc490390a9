#include "libcontrol/node/application_levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "libcontrol/base/limits.h"

namespace muster {
namespace {

using testing::HasSubstr;

// An application with hierarchical loggers, as far as it can be told of.
class FakeApplication : public LogLevelDriver {
 public:
  FakeApplication() { restart(); }
  void restart() {
    own = {{"root", LogLevel::kInfo}, {"com", {}}, {"com.db", {}}, {"com.web", LogLevel::kWarn}};
  }

  std::string describe() const override { return "the fake"; }
  bool knowsNames() const override { return tells; }
  Result<std::vector<ApplicationLogger>> list() override {
    ++lists;
    if (!up) return Status(Code::kUnavailable, "nobody is there");
    std::vector<ApplicationLogger> out;
    if (!tells) return out;
    for (const auto& [name, level] : own) out.push_back({name, level, effective(name)});
    return out;
  }
  Status set(const std::string& logger, std::optional<LogLevel> level) override {
    ++tries;
    if (!up) return {Code::kUnavailable, "nobody is there"};
    if (!answer) return answer;
    own[logger] = level;
    ++sets;
    return Status::ok();
  }
  std::optional<LogLevel> effective(const std::string& name) const {
    const auto it = own.find(name);
    if (it != own.end() && it->second) return it->second;
    const size_t dot = name.rfind('.');
    if (name == "root") return std::nullopt;
    return effective(dot == std::string::npos ? "root" : name.substr(0, dot));
  }

  std::map<std::string, std::optional<LogLevel>> own;
  bool up = true;
  bool tells = true;
  Status answer;
  int tries = 0;
  int sets = 0;
  int lists = 0;
};

class ApplicationLevelsTest : public testing::Test {
 protected:
  ApplicationLevelsTest() { startAgent(); }

  // As after an agent that was killed: what it kept is all that is left of it.
  void startAgent() { levels_ = std::make_unique<ApplicationLevels>(application_, store_, clock_); }
  Status set(const std::string& name, LogLevel level, std::optional<Duration> lasts = {},
             bool ahead = false) {
    return levels_->set({name, level, lasts, "ann@example.org", ahead});
  }
  ApplicationLoggerState state(const std::string& name) {
    for (const ApplicationLoggerState& each : levels_->list().loggers) {
      if (each.name == name) return each;
    }
    ADD_FAILURE() << "no logger " << name;
    return {};
  }
  void pass(Duration time) {
    const ElapsedTime end = clock_.elapsed() + time;
    while (clock_.elapsed() < end) {
      clock_.advance(Duration::seconds(1));
      levels_->tick();
    }
  }

  std::shared_ptr<FakeApplication> application_ = std::make_shared<FakeApplication>();
  store::MemoryLevelOverrides store_;
  ManualClock clock_;
  std::unique_ptr<ApplicationLevels> levels_;
};

TEST_F(ApplicationLevelsTest, SetsAndReadsBack) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug).isOk());
  EXPECT_EQ(application_->own["com.db"], LogLevel::kDebug);
  const ApplicationLoggerState db = state("com.db");
  EXPECT_EQ(db.boot, LogLevel::kInfo);
  EXPECT_EQ(db.effective, LogLevel::kDebug);
  EXPECT_EQ(db.by, "ann@example.org");
  EXPECT_EQ(levels_->list().loggers[0].name, "root");
}

TEST_F(ApplicationLevelsTest, MoreVerboseEndsByItself) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug).isOk());
  EXPECT_EQ(state("com.db").until->unix_ms,
            clock_.wall().unix_ms + limits::kOverrideDefault.toMillis());
  pass(limits::kOverrideDefault - Duration::seconds(1));
  EXPECT_EQ(application_->own["com.db"], LogLevel::kDebug);
  pass(Duration::seconds(1));
  EXPECT_EQ(application_->own["com.db"], std::nullopt);
  EXPECT_TRUE(store_.rows.empty());
}

TEST_F(ApplicationLevelsTest, LessVerboseStaysUntilReset) {
  ASSERT_TRUE(set("com.db", LogLevel::kError).isOk());
  EXPECT_EQ(state("com.db").until, std::nullopt);
  pass(limits::kOverrideDefault * 2);
  EXPECT_EQ(application_->own["com.db"], LogLevel::kError);
  ASSERT_TRUE(levels_->reset("com.db").isOk());
  EXPECT_EQ(application_->own["com.db"], std::nullopt);
  EXPECT_FALSE(state("com.db").overridden);
}

// com.web is at warn of its own: info for all of com says more there, but com does not govern it.
TEST_F(ApplicationLevelsTest, MoreVerboseForALoggerBelowEndsByItselfToo) {
  ASSERT_TRUE(set("com", LogLevel::kInfo).isOk());
  EXPECT_TRUE(state("com").until.has_value());
}

TEST_F(ApplicationLevelsTest, GivesBackALevelOfItsOwn) {
  ASSERT_TRUE(set("com.web", LogLevel::kTrace, Duration::seconds(10)).isOk());
  ASSERT_TRUE(set("com.web", LogLevel::kDebug, Duration::seconds(10)).isOk());
  EXPECT_EQ(state("com.web").boot, LogLevel::kWarn);
  pass(Duration::seconds(10));
  EXPECT_EQ(application_->own["com.web"], LogLevel::kWarn);
}

TEST_F(ApplicationLevelsTest, ABootLevelIsNotAnOverrideAbove) {
  ASSERT_TRUE(set("root", LogLevel::kDebug).isOk());
  EXPECT_EQ(state("com.db").boot, LogLevel::kInfo);
  EXPECT_EQ(state("com.db").effective, LogLevel::kDebug);
}

TEST_F(ApplicationLevelsTest, AnotherAgentGivesBackInTime) {
  ASSERT_TRUE(set("com.web", LogLevel::kDebug, Duration::seconds(60)).isOk());
  clock_.advance(Duration::seconds(20));
  startAgent();
  pass(Duration::seconds(39));
  EXPECT_EQ(application_->own["com.web"], LogLevel::kDebug);
  pass(Duration::seconds(1));
  EXPECT_EQ(application_->own["com.web"], LogLevel::kWarn);
}

TEST_F(ApplicationLevelsTest, WhatEndedWhileNoAgentRanIsGivenBack) {
  ASSERT_TRUE(set("com.web", LogLevel::kDebug, Duration::seconds(60)).isOk());
  clock_.advance(Duration::seconds(600));
  startAgent();
  pass(Duration::seconds(2));
  EXPECT_EQ(application_->own["com.web"], LogLevel::kWarn);
}

TEST_F(ApplicationLevelsTest, IsKeptBeforeTheApplicationHearsOfIt) {
  store_.answer = {Code::kInternal, "the disk is full"};
  EXPECT_THAT(set("com.db", LogLevel::kDebug).text(), HasSubstr("the disk is full"));
  EXPECT_EQ(application_->sets, 0);
  EXPECT_FALSE(state("com.db").overridden);
}

TEST_F(ApplicationLevelsTest, AnApplicationThatStartedAnewGetsItAgain) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug, Duration::seconds(600)).isOk());
  application_->restart();
  application_->up = false;
  levels_->applicationStarted();
  pass(Duration::seconds(5));
  application_->up = true;
  pass(limits::kLevelRetryLast);
  EXPECT_EQ(application_->own["com.db"], LogLevel::kDebug);
}

TEST_F(ApplicationLevelsTest, ARestartThatNobodyToldOfIsNoticed) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug, Duration::seconds(600)).isOk());
  application_->restart();
  application_->own["com.db"] = LogLevel::kError;  // it is configured so by now
  pass(limits::kLevelLookEvery + Duration::seconds(2));
  EXPECT_EQ(application_->own["com.db"], LogLevel::kDebug);
  ASSERT_TRUE(levels_->reset("com.db").isOk());
  EXPECT_EQ(application_->own["com.db"], LogLevel::kError);
}

TEST_F(ApplicationLevelsTest, NobodyIsAskedWhileNothingIsSet) {
  pass(limits::kLevelLookEvery * 3);
  EXPECT_EQ(application_->lists, 0);
}

TEST_F(ApplicationLevelsTest, AFailedGiveBackIsToldAndTriedAgain) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug).isOk());
  application_->up = false;
  EXPECT_THAT(levels_->reset("com.db").text(), HasSubstr("tried again"));
  ASSERT_EQ(store_.rows.size(), 1u);
  EXPECT_TRUE(store_.rows[0].ending);
  startAgent();
  pass(Duration::seconds(30));
  application_->up = true;
  pass(limits::kLevelRetryLast);
  EXPECT_EQ(application_->own["com.db"], std::nullopt);
  EXPECT_TRUE(store_.rows.empty());
}

TEST_F(ApplicationLevelsTest, AnApplicationThatHangsIsAskedOnceARound) {
  for (const char* name : {"root", "com", "com.db", "com.web"}) {
    ASSERT_TRUE(set(name, LogLevel::kDebug, Duration::seconds(10)).isOk());
  }
  application_->answer = {Code::kTimeout, "no answer"};
  clock_.advance(Duration::seconds(10));
  application_->tries = 0;
  levels_->tick();
  EXPECT_EQ(application_->tries, 1);
  application_->answer = Status::ok();
  pass(Duration::seconds(5));
  EXPECT_TRUE(store_.rows.empty());
}

TEST_F(ApplicationLevelsTest, ASettingThatFailedLeavesNothing) {
  application_->answer = {Code::kInvalidArgument, "no such level"};
  EXPECT_EQ(set("com.db", LogLevel::kDebug).code(), Code::kInvalidArgument);
  EXPECT_TRUE(store_.rows.empty());
}

TEST_F(ApplicationLevelsTest, ASettingThatMayHaveHappenedIsGivenBack) {
  application_->answer = {Code::kTimeout, "no answer"};
  EXPECT_EQ(set("com.db", LogLevel::kDebug).code(), Code::kTimeout);
  application_->own["com.db"] = LogLevel::kDebug;  // it did happen
  application_->answer = Status::ok();
  pass(Duration::seconds(2));
  EXPECT_EQ(application_->own["com.db"], std::nullopt);
  EXPECT_TRUE(store_.rows.empty());
}

TEST_F(ApplicationLevelsTest, AfterAFailureTheEarlierOneStays) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug, Duration::seconds(600)).isOk());
  application_->answer = {Code::kTimeout, "no answer"};
  EXPECT_FALSE(set("com.db", LogLevel::kTrace).isOk());
  application_->answer = Status::ok();
  application_->own["com.db"] = LogLevel::kTrace;
  pass(Duration::seconds(2));
  EXPECT_EQ(application_->own["com.db"], LogLevel::kDebug);
}

TEST_F(ApplicationLevelsTest, UnknownNamesAreRefusedUnlessAhead) {
  EXPECT_THAT(set("com.dbx", LogLevel::kDebug).text(), HasSubstr("did you mean 'com.db'?"));
  EXPECT_EQ(levels_->reset("nobody").code(), Code::kNotFound);
  EXPECT_TRUE(set("com.dbx", LogLevel::kDebug, {}, /*ahead=*/true).isOk());
  EXPECT_TRUE(set("all", LogLevel::kError).isOk());
  EXPECT_EQ(application_->own["root"], LogLevel::kError);
}

TEST_F(ApplicationLevelsTest, TimesAndNamesAreBounded) {
  EXPECT_EQ(set("com", LogLevel::kDebug, Duration::millis(10)).field(), "for");
  EXPECT_EQ(set(std::string(500, 'x'), LogLevel::kDebug).field(), "logger");
  EXPECT_TRUE(set("com", LogLevel::kDebug, limits::kForever).isOk());
  EXPECT_EQ(state("com").until, std::nullopt);
}

TEST_F(ApplicationLevelsTest, AnApplicationThatTellsNothingIsTakenToBeAtInfo) {
  application_->tells = false;
  ASSERT_TRUE(set("anything", LogLevel::kDebug).isOk());
  EXPECT_TRUE(state("anything").until.has_value());
  EXPECT_EQ(state("anything").effective, LogLevel::kDebug);
  EXPECT_EQ(state("anything").boot, std::nullopt);
  ASSERT_TRUE(set("other", LogLevel::kError).isOk());
  EXPECT_EQ(state("other").until, std::nullopt);
}

TEST_F(ApplicationLevelsTest, WithoutTheApplicationOverridesAreListedAllTheSame) {
  ASSERT_TRUE(set("com.db", LogLevel::kDebug).isOk());
  application_->up = false;
  const ApplicationLevels::Listing listing = levels_->list();
  EXPECT_FALSE(listing.problem.isOk());
  ASSERT_EQ(listing.loggers.size(), 1u);
  EXPECT_EQ(listing.loggers[0].name, "com.db");
  EXPECT_EQ(set("com.db", LogLevel::kTrace).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace muster
