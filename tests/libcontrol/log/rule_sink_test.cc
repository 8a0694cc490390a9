#include "libcontrol/log/rule_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libcontrol/log/level_control.h"
#include "libcontrol/rules/rule_file.h"
#include "muster/log.h"

namespace muster::log {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

// What the rules said: counts by service, and what came of blindness.
class Heard : public EffectTarget {
 public:
  void apply(const rules::Rule& rule, const rules::Hit& hit, const RecordRing::Record&) override {
    if (before_apply) before_apply();
    const std::lock_guard lock(mutex_);
    counts_[rule.name] += hit.count;
    values_.push_back(hit.value);
  }
  void blind(bool is_blind) override {
    const std::lock_guard lock(mutex_);
    blind_.push_back(is_blind);
  }

  uint64_t count(const std::string& rule) const {
    const std::lock_guard lock(mutex_);
    const auto it = counts_.find(rule);
    return it == counts_.end() ? 0 : it->second;
  }
  std::vector<bool> blindness() const {
    const std::lock_guard lock(mutex_);
    return blind_;
  }

  std::function<void()> before_apply;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> counts_;
  std::vector<double> values_;
  std::vector<bool> blind_;
};

std::shared_ptr<ActiveRules> rulesOf(const std::string& text, std::shared_ptr<Heard> heard) {
  auto file = rules::parseRuleFile(text, "rules.toml");
  EXPECT_TRUE(file.isOk()) << file.status().text();
  auto set = rules::RuleSet::make(std::move(file).value());
  EXPECT_TRUE(set.isOk()) << set.status().text();
  return std::make_shared<ActiveRules>(*set, std::move(heard));
}

constexpr char kDropped[] = R"(
[[rule]]
name = "dropped"
logger = "user*"
level = "warn"
text = 'dropped (\d+)'
effect = "bad"
count = "$1"
service = "user"
)";

std::shared_ptr<spdlog::logger> loggerOn(const std::shared_ptr<RuleSink>& sink,
                                         const std::string& name) {
  auto logger = std::make_shared<spdlog::logger>(name, sink);
  logger->set_level(spdlog::level::trace);
  return logger;
}

TEST(RuleSink, LevelAndLoggerAreDecidedBeforeTheQueue) {
  const auto sink = std::make_shared<RuleSink>();
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  EXPECT_EQ(sink->level(), spdlog::level::warn);
  const auto user = loggerOn(sink, "user.web");
  const auto storage = loggerOn(sink, "storage");
  user->info("dropped 1");
  storage->error("dropped 2");
  user->warn("dropped 4");
  user->error("dropped 8");
  user->error("well");
  const auto active = sink->current();
  sink->stop();
  EXPECT_EQ(heard->count("dropped"), 12u);
  EXPECT_EQ(sink->handled(), 3u);
  EXPECT_EQ(sink->dropped(), 0u);
  EXPECT_EQ(active->count(0).hits, 2u);
  EXPECT_GT(active->count(0).last_unix_ms, 0);
  EXPECT_THAT(heard->blindness(), testing::IsEmpty());
}

TEST(RuleSink, RecordsOfOthersAreMatchedAsThoseOfLoggers) {
  const auto sink = std::make_shared<RuleSink>();
  EXPECT_FALSE(sink->wants(rules::Severity::kCritical, "user")) << "there are no rules";
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  EXPECT_TRUE(sink->wants(rules::Severity::kWarn, "user.web"));
  EXPECT_FALSE(sink->wants(rules::Severity::kInfo, "user.web"));
  EXPECT_FALSE(sink->wants(rules::Severity::kError, "storage"));
  sink->push(rules::Severity::kWarn, "user", "dropped 1");
  sink->submit(rules::Severity::kError, "user", "dropped 2");
  sink->submit(rules::Severity::kError, "storage", "dropped 4");
  sink->stop();
  EXPECT_EQ(heard->count("dropped"), 3u);
}

TEST(RuleSink, WhoeverCanWaitLosesNothingToAFullQueue) {
  const auto sink = std::make_shared<RuleSink>();
  sink->setQueueBytes(128 * 1024);
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  const std::string text = "dropped 1 " + std::string(4000, 'x');
  for (int i = 0; i < 500; ++i) sink->submit(rules::Severity::kWarn, "user", text);
  sink->stop();
  EXPECT_EQ(heard->count("dropped"), 500u);
  EXPECT_EQ(sink->dropped(), 0u);
}

TEST(RuleSink, AHitThatCannotBeReadHasNoEffectAndIsCounted) {
  const auto sink = std::make_shared<RuleSink>();
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  loggerOn(sink, "user")->warn("dropped 99999999999999999999");
  const auto active = sink->current();
  sink->stop();
  EXPECT_EQ(heard->count("dropped"), 0u);
  EXPECT_EQ(active->count(0).hits, 1u);
  EXPECT_EQ(active->count(0).unreadable, 1u);
}

TEST(RuleSink, AClonedLoggerIsJudgedByItsOwnName) {
  const auto sink = std::make_shared<RuleSink>();
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  const auto storage = loggerOn(sink, "storage");
  storage->warn("dropped 1");
  storage->clone("user")->warn("dropped 2");
  sink->stop();
  EXPECT_EQ(heard->count("dropped"), 2u);
}

TEST(RuleSink, OtherRulesComeIntoForceWhileLoggersGoOn) {
  const auto sink = std::make_shared<RuleSink>();
  const auto before = std::make_shared<Heard>();
  const auto after = std::make_shared<Heard>();
  const auto logger = loggerOn(sink, "storage");
  sink->use(rulesOf(kDropped, before));
  logger->info("dropped 1");
  sink->use(
      rulesOf("[[rule]]\nname = 'any'\ntext = 'dropped'\neffect = 'bad'\nservice = 's'\n", after));
  logger->info("dropped 1");
  loggerOn(sink, "user")->warn("dropped 1");
  sink->stop();
  EXPECT_EQ(before->count("dropped"), 0u);
  EXPECT_EQ(after->count("any"), 2u);
  // And none once they are gone.
  logger->critical("dropped 1");
  EXPECT_EQ(sink->handled(), 2u);
  EXPECT_EQ(sink->current(), nullptr);
}

TEST(RuleSink, CanBeStoppedAndUsedAgain) {
  const auto sink = std::make_shared<RuleSink>();
  const auto heard = std::make_shared<Heard>();
  const auto logger = loggerOn(sink, "user");
  for (int i = 0; i < 5; ++i) {
    sink->use(rulesOf(kDropped, heard));
    logger->warn("dropped 1");
    sink->stop();
    sink->stop();
  }
  EXPECT_EQ(heard->count("dropped"), 5u);
}

TEST(RuleSink, AFullQueueDropsAndIsToldOfWithoutHoldingUpTheLogger) {
  const auto sink = std::make_shared<RuleSink>();
  sink->setQueueBytes(128 * 1024);
  const auto heard = std::make_shared<Heard>();
  std::promise<void> go_on;
  std::promise<void> is_in;
  heard->before_apply = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    is_in.set_value();
    go_on.get_future().wait();
  };
  sink->use(rulesOf(kDropped, heard));
  const auto logger = loggerOn(sink, "user");
  logger->warn("dropped 1");
  is_in.get_future().wait();
  // The rules' thread stands still. Whoever logs does not.
  constexpr uint64_t kMore = 10'000;
  for (uint64_t i = 0; i < kMore; ++i) logger->warn("dropped 1");
  EXPECT_GT(sink->dropped(), kMore / 4);
  go_on.set_value();
  sink->stop();
  EXPECT_EQ(sink->handled() + sink->dropped(), kMore + 1);
  EXPECT_EQ(heard->count("dropped"), sink->handled());
  EXPECT_THAT(heard->blindness(), ElementsAre(true, false));
}

TEST(RuleSink, WhatManyThreadsLogIsHandledOrCountedAsDropped) {
  const auto sink = std::make_shared<RuleSink>();
  sink->setQueueBytes(128 * 1024);
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kEach = 30'000;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto logger = loggerOn(sink, "user." + std::to_string(t));
      for (uint64_t i = 0; i < kEach; ++i) {
        logger->warn("dropped 1 of {}", i);
        // Now and then the rules' thread gets to sleep.
        if (i % 10'000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  }
  // Other rules of the same kind come meanwhile.
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sink->use(rulesOf(kDropped, heard));
  }
  for (std::thread& thread : threads) thread.join();
  sink->stop();
  EXPECT_EQ(sink->handled() + sink->dropped(), kThreads * kEach);
  EXPECT_EQ(heard->count("dropped"), sink->handled());
  EXPECT_GT(sink->handled(), 0u);
}

TEST(RuleSink, ARecordWakesItAtOnce) {
  const auto sink = std::make_shared<RuleSink>();
  const auto heard = std::make_shared<Heard>();
  sink->use(rulesOf(kDropped, heard));
  const auto logger = loggerOn(sink, "user");
  for (int i = 1; i <= 5; ++i) {
    std::promise<void> applied;
    heard->before_apply = [&] { applied.set_value(); };
    // By now it sleeps; whether it does, the outcome is the same.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    logger->warn("dropped 1");
    ASSERT_EQ(applied.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  }
  sink->stop();
}

TEST(RuleSink, LoggersOfMusterHaveItFromTheStart) {
  const auto own = muster::logger("rule_sink_test.own");
  EXPECT_TRUE(areRulesAttached(*own));
  const auto heard = std::make_shared<Heard>();
  RuleSink::instance()->use(
      rulesOf("[[rule]]\nname = 'x'\nlogger = 'rule_sink_test.*'\nlevel = 'info'\ntext = 'x'\n"
              "effect = 'bad'\nservice = 's'\n",
              heard));
  own->info("x");
  // What the logger's own level rules out reaches no sink.
  own->set_level(spdlog::level::err);
  own->warn("x");
  RuleSink::instance()->stop();
  EXPECT_EQ(heard->count("x"), 1u);
  own->set_level(spdlog::level::info);
}

TEST(RuleSink, LoggersOfTheApplicationAreAttachedOnceAndTheOthersNamed) {
  std::ostringstream out;
  const auto foreign = std::make_shared<spdlog::logger>(
      "rule_sink_test.foreign", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  spdlog::register_logger(foreign);
  EXPECT_THAT(loggersWithoutRules(), Contains("rule_sink_test.foreign"));
  attachRulesToRegistered();
  attachRulesToRegistered();
  EXPECT_EQ(foreign->sinks().size(), 3u) << "its own, the rules' and the kept log's";
  EXPECT_THAT(loggersWithoutRules(), Not(Contains("rule_sink_test.foreign")));
  // A copy of one that has it doesn't get it twice.
  spdlog::drop("rule_sink_test.foreign");
  muster::watchLogger(*foreign);
  EXPECT_EQ(foreign->sinks().size(), 3u) << "its own, the rules' and the kept log's";
}

}  // namespace
}  // namespace muster::log
