#include "libcontrol/log/level_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <latch>
#include <thread>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/include/muster/log.h"
#include "libcontrol/log/keep_sink.h"
#include "libcontrol/log/rule_sink.h"

namespace muster::log {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<spdlog::logger> nullLogger(const std::string& name) {
  return std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::null_sink_mt>());
}

// A registry of spdlog's as at a process's start, whatever the tests before left there.
class LevelControlTest : public testing::Test {
 protected:
  LevelControlTest() {
    spdlog::drop_all();
    default_logger_ = nullLogger("");
    default_logger_->set_level(spdlog::level::info);
    spdlog::set_default_logger(default_logger_);
    control_ = std::make_unique<LevelControl>();
  }
  ~LevelControlTest() override { spdlog::drop_all(); }

  Status set(std::string_view name, Level level, std::optional<Duration> duration = {}) {
    return control_->set(name, level, duration, "ann@example.org", clock_.elapsed(), clock_.wall());
  }
  std::shared_ptr<spdlog::logger> foreign(const std::string& name,
                                          spdlog::level::level_enum level) {
    auto logger = nullLogger(name);
    logger->set_level(level);
    spdlog::register_logger(logger);
    return logger;
  }

  ManualClock clock_;
  std::shared_ptr<spdlog::logger> default_logger_;
  std::unique_ptr<LevelControl> control_;
};

TEST(LogLevel, NamesRoundTrip) {
  for (const Level level : {Level::kTrace, Level::kDebug, Level::kInfo, Level::kWarn, Level::kError,
                            Level::kCritical, Level::kOff}) {
    EXPECT_EQ(parseLevel(levelName(level)).value(), level);
  }
  const Status status = parseLevel("debgu").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.field(), "level");
  EXPECT_THAT(status.text(), HasSubstr("did you mean 'debug'?"));
}

TEST_F(LevelControlTest, ALoggerIsMadeOnceWithTheDefaultsSinks) {
  const auto disk = control_->logger("storage.disk");
  EXPECT_EQ(disk->name(), "storage.disk");
  EXPECT_EQ(disk, control_->logger("storage.disk"));
  EXPECT_EQ(disk, spdlog::get("storage.disk"));
  // And those of the log rules and of whoever keeps records.
  std::vector<spdlog::sink_ptr> sinks = default_logger_->sinks();
  sinks.push_back(RuleSink::instance());
  sinks.push_back(KeepSink::instance());
  EXPECT_EQ(disk->sinks(), sinks);
  EXPECT_EQ(disk->level(), spdlog::level::info);
  EXPECT_EQ(control_->logger(""), default_logger_);
}

TEST_F(LevelControlTest, ALoggerOfTheApplicationsIsTakenAsItIs) {
  const auto storage = foreign("storage", spdlog::level::warn);
  EXPECT_EQ(control_->logger("storage"), storage);
  EXPECT_EQ(storage->level(), spdlog::level::warn);
  EXPECT_EQ(control_->logger("storage.disk")->level(), spdlog::level::warn);
}

TEST_F(LevelControlTest, ALevelReachesTheLoggersBelow) {
  const auto disk = control_->logger("storage.disk");
  const auto storages = control_->logger("storages");
  const auto user = control_->logger("user");
  ASSERT_TRUE(set("storage", Level::kDebug).isOk());
  EXPECT_EQ(disk->level(), spdlog::level::debug);
  EXPECT_EQ(control_->logger("storage.net")->level(), spdlog::level::debug);
  EXPECT_EQ(storages->level(), spdlog::level::info);
  EXPECT_EQ(user->level(), spdlog::level::info);
  ASSERT_TRUE(set("storage.disk", Level::kError).isOk());
  EXPECT_EQ(disk->level(), spdlog::level::err);
  ASSERT_TRUE(control_->reset("storage.disk").isOk());
  EXPECT_EQ(disk->level(), spdlog::level::debug);
  ASSERT_TRUE(control_->reset("storage").isOk());
  EXPECT_EQ(disk->level(), spdlog::level::info);
}

TEST_F(LevelControlTest, TheRootReachesAll) {
  const auto disk = control_->logger("storage.disk");
  const auto own = foreign("own", spdlog::level::err);
  for (const char* root : {"root", "all", ""}) {
    ASSERT_TRUE(set(root, Level::kTrace).isOk());
    EXPECT_EQ(disk->level(), spdlog::level::trace);
    EXPECT_EQ(own->level(), spdlog::level::trace);
    EXPECT_EQ(default_logger_->level(), spdlog::level::trace);
    ASSERT_TRUE(control_->reset(root).isOk());
    EXPECT_EQ(disk->level(), spdlog::level::info);
    EXPECT_EQ(own->level(), spdlog::level::err);
    EXPECT_EQ(default_logger_->level(), spdlog::level::info);
  }
}

TEST_F(LevelControlTest, BootLevelsAreInherited) {
  const auto disk = control_->logger("storage.disk");
  control_->setBoot("storage", Level::kWarn);
  EXPECT_EQ(disk->level(), spdlog::level::warn);
  EXPECT_EQ(control_->logger("storage")->level(), spdlog::level::warn);
  control_->setBoot("root", Level::kError);
  EXPECT_EQ(default_logger_->level(), spdlog::level::err);
  EXPECT_EQ(control_->logger("user")->level(), spdlog::level::err);
  EXPECT_EQ(disk->level(), spdlog::level::warn);
}

TEST_F(LevelControlTest, MoreVerboseEndsByItself) {
  const auto disk = control_->logger("storage.disk");
  ASSERT_TRUE(set("storage", Level::kDebug).isOk());
  EXPECT_EQ(control_->nextExpiry(), clock_.elapsed() + limits::kOverrideDefault);
  const LoggerState state = control_->state("storage").value();
  EXPECT_EQ(state.until, (WallTime{clock_.wall().unix_ms + 15 * 60 * 1000}));
  EXPECT_EQ(state.by, "ann@example.org");
  clock_.advance(limits::kOverrideDefault - Duration{1});
  EXPECT_TRUE(control_->expire(clock_.elapsed()).empty());
  EXPECT_EQ(disk->level(), spdlog::level::debug);
  clock_.advance(Duration{1});
  const std::vector<Ended> ended = control_->expire(clock_.elapsed());
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].name, "storage");
  EXPECT_EQ(ended[0].level, Level::kDebug);
  EXPECT_EQ(ended[0].effective, Level::kInfo);
  EXPECT_EQ(ended[0].by, "ann@example.org");
  EXPECT_EQ(disk->level(), spdlog::level::info);
  EXPECT_EQ(control_->nextExpiry(), std::nullopt);
}

TEST_F(LevelControlTest, LessVerboseStaysUntilReset) {
  const auto user = control_->logger("user");
  ASSERT_TRUE(set("user", Level::kError).isOk());
  EXPECT_EQ(control_->nextExpiry(), std::nullopt);
  EXPECT_EQ(control_->state("user").value().until, std::nullopt);
  EXPECT_TRUE(control_->state("user").value().overridden);
  clock_.advance(Duration::seconds(86400));
  EXPECT_TRUE(control_->expire(clock_.elapsed()).empty());
  EXPECT_EQ(user->level(), spdlog::level::err);
}

TEST_F(LevelControlTest, MoreVerboseForALoggerBelowEndsByItselfToo) {
  control_->logger("storage");
  control_->setBoot("storage.disk", Level::kError);
  control_->logger("storage.disk");
  ASSERT_TRUE(set("storage", Level::kWarn).isOk());
  EXPECT_TRUE(control_->nextExpiry().has_value());
}

TEST_F(LevelControlTest, TheTimeGivenHolds) {
  control_->logger("a");
  control_->logger("b");
  ASSERT_TRUE(set("a", Level::kError, Duration::seconds(60)).isOk());
  ASSERT_TRUE(set("b", Level::kTrace, Duration::seconds(10)).isOk());
  EXPECT_EQ(control_->nextExpiry(), clock_.elapsed() + Duration::seconds(10));
  clock_.advance(Duration::seconds(60));
  EXPECT_EQ(control_->expire(clock_.elapsed()).size(), 2u);
  for (const Duration bad : {Duration{}, Duration::millis(999), Duration::seconds(31 * 86400)}) {
    const Status status = set("a", Level::kDebug, bad);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_EQ(status.field(), "for");
  }
}

TEST_F(LevelControlTest, ForeverLastsUntilItIsReset) {
  const auto user = control_->logger("user");
  ASSERT_TRUE(set("user", Level::kTrace, limits::kForever).isOk());
  EXPECT_EQ(control_->nextExpiry(), std::nullopt);
  EXPECT_EQ(control_->state("user").value().until, std::nullopt);
  clock_.advance(limits::kMaxOverride + limits::kMaxOverride);
  EXPECT_TRUE(control_->expire(clock_.elapsed()).empty());
  EXPECT_EQ(user->level(), spdlog::level::trace);
  ASSERT_TRUE(control_->reset("user").isOk());
  EXPECT_EQ(user->level(), spdlog::level::info);
}

TEST_F(LevelControlTest, SetAheadItWaitsForTheLogger) {
  const auto ahead = [&](const std::string& name) {
    return control_->set(name, Level::kDebug, Duration::seconds(60), "ann@example.org",
                         clock_.elapsed(), clock_.wall(), /*ahead=*/true);
  };
  EXPECT_EQ(set("late", Level::kDebug).code(), Code::kNotFound);
  ASSERT_TRUE(ahead("late").isOk());
  EXPECT_EQ(control_->state("late").value().effective, Level::kDebug);
  EXPECT_EQ(control_->logger("late.disk")->level(), spdlog::level::debug);
  const auto own = foreign("late", spdlog::level::warn);
  control_->adoptForeign();
  EXPECT_EQ(own->level(), spdlog::level::debug);
  clock_.advance(Duration::seconds(60));
  EXPECT_EQ(control_->expire(clock_.elapsed()).size(), 1u);
  EXPECT_EQ(own->level(), spdlog::level::warn);
  const Status too_long = ahead(std::string(129, 'x'));
  EXPECT_EQ(too_long.code(), Code::kInvalidArgument);
  EXPECT_EQ(too_long.field(), "logger");
}

TEST_F(LevelControlTest, UnknownNamesAreRefused) {
  control_->logger("storage.disk");
  const Status status = set("storage.dsik", Level::kDebug);
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.field(), "logger");
  EXPECT_THAT(status.text(), HasSubstr("did you mean 'storage.disk'?"));
  EXPECT_EQ(control_->reset("storage.dsik").code(), Code::kNotFound);
  EXPECT_EQ(control_->state("stor").status().code(), Code::kNotFound);
  EXPECT_EQ(set("storage.disk.x", Level::kDebug).code(), Code::kNotFound);
  EXPECT_TRUE(set("storage", Level::kDebug).isOk());
}

TEST_F(LevelControlTest, OverridesAreBounded) {
  for (size_t i = 0; i <= limits::kMaxOverrides; ++i) control_->logger("l" + std::to_string(i));
  for (size_t i = 0; i < limits::kMaxOverrides; ++i) {
    ASSERT_TRUE(set("l" + std::to_string(i), Level::kDebug).isOk());
  }
  const std::string one_more = "l" + std::to_string(limits::kMaxOverrides);
  EXPECT_EQ(set(one_more, Level::kDebug).code(), Code::kResourceExhausted);
  EXPECT_TRUE(set("l0", Level::kTrace).isOk());
}

TEST_F(LevelControlTest, ListsRootFirst) {
  control_->logger("storage.disk");
  foreign("ledger", spdlog::level::warn);
  ASSERT_TRUE(set("storage", Level::kDebug).isOk());
  std::vector<std::string> lines;
  for (const LoggerState& s : control_->list()) {
    lines.push_back(s.name + " " + levelName(s.boot) + " " + levelName(s.effective) +
                    (s.overridden ? " by " + s.by : ""));
  }
  EXPECT_THAT(lines,
              ElementsAre("root info info", "ledger warn warn",
                          "storage info debug by ann@example.org", "storage.disk info debug"));
}

TEST_F(LevelControlTest, FindsWhatItListsAndNothingElse) {
  control_->logger("storage.disk");
  ASSERT_TRUE(set("storage", Level::kDebug).isOk());
  for (const LoggerState& s : control_->list()) {
    const auto found = control_->find(s.name);
    ASSERT_TRUE(found) << s.name;
    EXPECT_EQ(found->name, s.name);
    EXPECT_EQ(found->effective, s.effective);
    EXPECT_EQ(found->overridden, s.overridden);
  }
  for (const char* name : {"", "all", "Storage", "storage.disk.write", "disk"}) {
    EXPECT_FALSE(control_->find(name)) << name;
  }
}

TEST_F(LevelControlTest, ForeignLoggersFollow) {
  control_->adoptForeign();
  ASSERT_TRUE(set("root", Level::kDebug).isOk());
  const auto late = foreign("late", spdlog::level::warn);
  EXPECT_EQ(late->level(), spdlog::level::warn);
  control_->adoptForeign();
  EXPECT_EQ(late->level(), spdlog::level::debug);
  EXPECT_EQ(control_->state("late").value().boot, Level::kWarn);
  ASSERT_TRUE(control_->reset("root").isOk());
  EXPECT_EQ(late->level(), spdlog::level::warn);
}

TEST_F(LevelControlTest, AConfiguredBootLevelHoldsForForeignLoggers) {
  control_->setBoot("late", Level::kError);
  const auto late = foreign("late", spdlog::level::warn);
  control_->adoptForeign();
  EXPECT_EQ(late->level(), spdlog::level::err);
}

TEST_F(LevelControlTest, WhatTheApplicationSetsIsTheNewBootLevel) {
  const auto own = foreign("own", spdlog::level::warn);
  control_->adoptForeign();
  own->set_level(spdlog::level::err);
  control_->adoptForeign();
  EXPECT_EQ(own->level(), spdlog::level::err);
  EXPECT_EQ(control_->state("own").value().boot, Level::kError);
  // While an override is on, it goes on; the application's level comes after it.
  ASSERT_TRUE(set("own", Level::kDebug).isOk());
  own->set_level(spdlog::level::critical);
  control_->adoptForeign();
  EXPECT_EQ(own->level(), spdlog::level::debug);
  ASSERT_TRUE(control_->reset("own").isOk());
  EXPECT_EQ(own->level(), spdlog::level::critical);
}

TEST_F(LevelControlTest, SpdlogsOwnSetLevelReachesLoggersMadeLater) {
  control_->logger("early");
  spdlog::set_level(spdlog::level::warn);
  EXPECT_EQ(control_->logger("late")->level(), spdlog::level::warn);
  EXPECT_EQ(control_->state("early").value().boot, Level::kWarn);
}

TEST_F(LevelControlTest, DroppedForeignLoggersAreForgotten) {
  std::weak_ptr<spdlog::logger> weak = foreign("gone", spdlog::level::warn);
  control_->adoptForeign();
  spdlog::drop("gone");
  EXPECT_TRUE(weak.expired());
  control_->adoptForeign();
  EXPECT_EQ(control_->state("gone").status().code(), Code::kNotFound);
  // Those that the factory made stay what they are.
  const auto kept = control_->logger("kept");
  spdlog::drop("kept");
  control_->adoptForeign();
  EXPECT_EQ(control_->logger("kept"), kept);
}

TEST_F(LevelControlTest, WithoutADefaultLoggerThereAreStillLoggers) {
  spdlog::drop_all();
  ASSERT_NE(control_->logger("x"), nullptr);
  ASSERT_NE(control_->logger(""), nullptr);
  control_->logger("x")->info("goes nowhere");
}

TEST_F(LevelControlTest, ManyThreadsMakeLoggersWhileLevelsAreSet) {
  constexpr int kThreads = 4;
  constexpr int kNames = 50;
  control_->logger("pool");
  std::latch start(kThreads + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < kNames; ++i) {
          control_->logger("pool." + std::to_string(i))->debug("round {}", round);
        }
      }
    });
  }
  start.arrive_and_wait();
  for (int round = 0; round < 100; ++round) {
    EXPECT_TRUE(set("pool", Level::kTrace).isOk());
    EXPECT_TRUE(control_->reset("pool").isOk());
    control_->adoptForeign();
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(set("pool", Level::kTrace).isOk());
  for (int i = 0; i < kNames; ++i) {
    const auto logger = control_->logger("pool." + std::to_string(i));
    EXPECT_EQ(logger, spdlog::get(logger->name()));
    EXPECT_EQ(logger->level(), spdlog::level::trace);
  }
  ASSERT_TRUE(control_->reset("pool").isOk());
  EXPECT_EQ(control_->logger("pool.0")->level(), spdlog::level::info);
}

TEST_F(LevelControlTest, ThePublicFactoryIsTheProcesssOwn) {
  EXPECT_EQ(muster::logger("public"), LevelControl::instance().logger("public"));
}

}  // namespace
}  // namespace muster::log
