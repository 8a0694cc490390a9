// Log rules tried on a log that was written before: what they hit, and what levels result.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/log_lines.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/rules/rule_set.h"
#include "libcontrol/service/recorder.h"

namespace muster::cli {

// Pure: the time is the log's own. Records whose time is before that of an earlier one count as if
// they came with it.
class RuleTrial {
 public:
  explicit RuleTrial(std::shared_ptr<const rules::RuleSet> set);
  ~RuleTrial();

  void add(const LogRecord& record);
  // After the last record.
  void finish();

  struct Example {
    size_t line = 0;
    std::optional<WallTime> at;
    std::string text;  // one line, cut
  };
  struct RuleResult {
    uint64_t hits = 0;
    uint64_t unreadable = 0;  // of the hits
    Example first;            // where there are hits
    Example last;
  };
  // A level at some time, and the worst one since the sample before.
  struct Sample {
    WallTime at;
    std::optional<double> percent;
    service::LevelState state = service::LevelState::kNoData;
  };
  struct ServiceResult {
    service::ServiceSnapshot last;
    std::optional<Sample> worst;  // the lowest percent, where there was any
    std::vector<Sample> samples;  // in equal steps, at most kMaxSamples
  };
  static constexpr size_t kMaxSamples = 480;

  uint64_t records() const { return records_; }
  // Of the first and the last record that has a time; nothing without one, and then there are no
  // samples.
  std::optional<WallTime> from() const { return from_; }
  std::optional<WallTime> to() const { return now_; }
  const std::vector<RuleResult>& rules() const { return rules_; }
  const std::vector<ServiceResult>& services() const { return services_; }

 private:
  struct Tracked;
  void advance(WallTime to);
  void sample();
  void apply(const rules::Rule& rule, const rules::Hit& hit);
  ElapsedTime elapsed() const;

  const std::shared_ptr<const rules::RuleSet> set_;
  rules::RuleMatcher matcher_;
  uint64_t records_ = 0;
  std::optional<WallTime> from_;
  std::optional<WallTime> now_;
  WallTime next_sample_;
  std::vector<RuleResult> rules_;
  std::deque<Tracked> tracked_;
  std::vector<ServiceResult> services_;
};

// Worse first by state, then by percent.
bool isWorse(const RuleTrial::Sample& a, const RuleTrial::Sample& b);

}  // namespace muster::cli
