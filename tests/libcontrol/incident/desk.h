// An IncidentMachine on a clock moved by hand, with levels and people of the test's making.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libcontrol/incident/incidents.h"

namespace muster::incident {

inline Jid jid(const std::string& text) {
  return Jid::parse(text).value();
}

inline TargetLevel levelOf(const std::string& target, const std::string& group, double percent,
                           Health health) {
  TargetLevel level;
  level.target = target;
  level.group = group;
  level.percent = percent;
  level.health = health;
  level.objective = 99.9;
  level.sentence = target + " is at " + std::to_string(static_cast<int>(percent)) + "%";
  return level;
}
inline TargetLevel well(const std::string& target, const std::string& group = {}) {
  return levelOf(target, group, 100, Health::kOk);
}
inline TargetLevel broken(const std::string& target, const std::string& group = {}) {
  return levelOf(target, group, 42, Health::kBreached);
}
inline TargetLevel nobody(const std::string& group) {
  TargetLevel level = levelOf(group, group, 0, Health::kNoData);
  level.percent.reset();
  level.absent = true;
  level.sentence = group + ": no active node";
  return level;
}

class Desk : public testing::Test {
 protected:
  Desk() {
    policy_.address = jid("muster@example.org");
    policy_.component = "muster.example.org";
    policy_.gather = Duration::seconds(2);
    policy_.recovery = Duration::seconds(30);
    policy_.update_every = Duration::seconds(600);
    restart({});
  }

  Now now() { return {clock_.elapsed(), clock_.wall()}; }
  void restart(Records records) {
    machine_ = std::make_unique<IncidentMachine>(policy_, people_, std::move(records), now());
  }

  Effects step(const Event& event) {
    Effects effects = machine_->step(event, now());
    for (const Notice& notice : effects.notices) told_.push_back(notice);
    return effects;
  }
  void subscribe(const std::string& who, const std::string& target,
                 std::optional<double> below = {}, Duration for_time = Duration{},
                 Severity severity = Severity::kPage) {
    Subscription wish{jid(who), target, jid("g@muster.example.org"), below, for_time, severity, {}};
    EXPECT_TRUE(step(Subscribe{wish}).status.isOk());
  }
  void see(std::vector<TargetLevel> levels) { step(LevelsSeen{std::move(levels)}); }
  // Second by second, as the driver does.
  void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock_.advance(Duration::seconds(1));
      step(Tick{});
    }
  }
  // Past the time in which causes are gathered.
  void gather() { pass(3); }

  // What was told since the last call, as "who kind"; channels by their name.
  std::vector<std::string> told() {
    static const char* const kNames[] = {"opened", "update", "ended",   "escalated",
                                         "note",   "action", "silence", "summary"};
    std::vector<std::string> out;
    for (const Notice& notice : told_) {
      out.push_back((notice.channel.empty() ? notice.to.local() : notice.channel) + " " +
                    kNames[static_cast<int>(notice.kind)]);
    }
    texts_.clear();
    for (const Notice& notice : told_) texts_.push_back(notice.text);
    told_.clear();
    return out;
  }

  ManualClock clock_;
  Policy policy_;
  People people_;
  std::unique_ptr<IncidentMachine> machine_;
  std::vector<Notice> told_;
  std::vector<std::string> texts_;  // of what told() gave
};

}  // namespace muster::incident
