// Log records on their way to the rules.
#pragma once

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/limits.h"
#include "libcontrol/log/record_ring.h"
#include "libcontrol/rules/rule_set.h"

namespace muster::log {

// What the rules act on. Called on the sink's thread alone; must not log and should be quick, since
// records wait meanwhile.
class EffectTarget {
 public:
  virtual ~EffectTarget() = default;
  // A hit whose captures could be read, of that record, which is valid during the call.
  virtual void apply(const rules::Rule& rule, const rules::Hit& hit,
                     const RecordRing::Record& record) = 0;
  // Records are being lost to a full queue, or no longer: what the rules say is too little.
  virtual void blind(bool is_blind) = 0;
};

// Rules in force, with what they have hit since they are. Any thread may read the counts.
class ActiveRules {
 public:
  ActiveRules(std::shared_ptr<const rules::RuleSet> set, std::shared_ptr<EffectTarget> target)
      : set_(std::move(set)), target_(std::move(target)), counts_(set_->rules().size()) {}

  struct Count {
    std::atomic<uint64_t> hits{0};
    std::atomic<uint64_t> unreadable{0};   // of the hits: the capture was no number; no effect
    std::atomic<int64_t> last_unix_ms{0};  // of the last hit; 0: none
  };
  const rules::RuleSet& set() const { return *set_; }
  const Count& count(size_t rule) const { return counts_[rule]; }

 private:
  friend class RuleSink;
  const std::shared_ptr<const rules::RuleSet> set_;
  const std::shared_ptr<EffectTarget> target_;
  std::deque<Count> counts_;  // by rule; atomics can't be moved
};

// An spdlog sink for any number of loggers. The thread that logs decides by level and logger, and
// copies what is left into a queue; it never waits for anything: with a full queue the record is
// dropped and counted. A thread of the sink's own matches and has the effects applied. A logger's
// own level comes first: what it rules out reaches no sink at all.
class RuleSink final : public spdlog::sinks::sink {
 public:
  // The one of all loggers of this process. Never destroyed, so that loggers work until the very
  // end; without rules it rules every record out by level.
  static const std::shared_ptr<RuleSink>& instance();

  RuleSink();
  ~RuleSink() override;

  // How much of records may wait for the rules (RecordRing). Without effect once there have been
  // rules.
  void setQueueBytes(size_t bytes);

  // These in force from now on, for records in the queue too; starts the thread. Any thread.
  void use(std::shared_ptr<ActiveRules> rules);
  // What is in the queue is still dealt with; then the thread ends and there are no rules. Not from
  // within the target.
  void stop();
  // Null without rules.
  std::shared_ptr<const ActiveRules> current() const;

  // For records that no logger of this process has written. Whether any rule may be for it.
  bool wants(rules::Severity level, std::string_view logger);
  // As log(): a record that finds the queue full is dropped and counted.
  void push(rules::Severity level, std::string_view logger, std::string_view text);
  // For a thread that may be held up: waits for room, up to limits::kRuleSubmitWait.
  void submit(rules::Severity level, std::string_view logger, std::string_view text);

  // Records dealt with, and dropped, since the sink was made.
  uint64_t handled() const { return handled_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // spdlog::sinks::sink. Nothing is formatted here, so there are no patterns.
  void log(const spdlog::details::log_msg& msg) override;
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  rules::Severity leastFor(std::string_view logger);
  bool tryPush(rules::Severity level, std::string_view logger, std::string_view text);
  void wake();

  // On the sink's thread.
  void run();
  size_t drain();
  void take(const RecordRing::Record& record);
  void watchDrops();
  void rest();

  size_t queue_bytes_ = limits::kRuleQueueBytes;
  // Made before there are rules for the first time, and there from then on: without rules nobody
  // pushes, and the memory isn't taken.
  std::unique_ptr<RecordRing> ring_;
  // Which rules are in force, unique among all sinks of the process; 0: none.
  std::atomic<uint64_t> generation_{0};
  std::atomic<int32_t> asleep_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> handled_{0};
  alignas(64) std::atomic<uint64_t> dropped_{0};

  mutable std::mutex mutex_;  // guards current_; held for moments
  std::shared_ptr<ActiveRules> current_;
  std::mutex lifecycle_mutex_;  // use(), stop() and setQueueBytes(), one at a time
  std::thread thread_;

  // Of the sink's thread.
  uint64_t seen_generation_ = 0;
  std::shared_ptr<ActiveRules> active_;
  std::unique_ptr<rules::RuleMatcher> matcher_;
  uint64_t seen_dropped_ = 0;
  bool blind_ = false;
  std::chrono::steady_clock::time_point last_drop_;
};

// Has the rules see what this logger writes, and whoever keeps records (keep_sink.h), unless they
// do already. spdlog's list of sinks has no lock: not while another thread may log through it.
void attachRules(spdlog::logger& logger);
bool areRulesAttached(const spdlog::logger& logger);
// The same for every logger that is registered with spdlog by now. Those that muster::logger()
// makes have it from the start.
void attachRulesToRegistered();
// The registered ones whose records the rules don't see, by name.
std::vector<std::string> loggersWithoutRules();

}  // namespace muster::log
