// The rules of one file, compiled: which of them a log record hits.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libcontrol/base/status.h"
#include "libcontrol/rules/rule.h"

namespace muster::rules {

// Immutable; any number of threads may use it at once, each with a RuleMatcher of its own.
class RuleSet {
 public:
  // As loadRuleFile; besides, kInvalidArgument if all patterns together are too large.
  static Result<std::shared_ptr<const RuleSet>> load(const std::filesystem::path& file);
  static Result<std::shared_ptr<const RuleSet>> make(RuleFile file);
  ~RuleSet();

  const std::vector<Rule>& rules() const { return file_.rules; }
  const std::vector<RuleService>& services() const { return file_.services; }

  // The least level of any rule: a record below it is for none. kNone without rules.
  Severity leastLevel() const { return least_; }
  // The same of the rules that are for this logger; "" and "root" are one. Costs a glob a rule, so
  // whoever asks for every record remembers it.
  Severity leastLevel(std::string_view logger) const;

 private:
  friend class RuleMatcher;
  struct Patterns;
  RuleSet(RuleFile file, std::unique_ptr<const Patterns> patterns);

  const RuleFile file_;
  const std::unique_ptr<const Patterns> patterns_;
  Severity least_ = Severity::kNone;
};

// What a record says by one rule.
struct Hit {
  size_t rule = 0;
  // False: the capture that the effect needs is no number that it can have, or none; then the hit
  // has no effect.
  bool readable = true;
  uint64_t count = 1;  // good and bad; 0 is possible
  double value = 0;    // gauge; finite
};

// Matches one record after the other. For one thread; its set must outlive it.
class RuleMatcher {
 public:
  explicit RuleMatcher(const RuleSet& set) : set_(set) {}

  // The hits, in the order of the rules; valid until the next call. Level and logger are decided
  // first: a text that no rule is left for is not looked at. Of the text, the first
  // limits::kMaxRuleTextBytes count; bytes that are no UTF-8 match as U+FFFD does.
  const std::vector<Hit>& match(Severity level, std::string_view logger, std::string_view text);

 private:
  // The rules that are for one logger.
  struct Candidates {
    std::vector<Severity> least;  // by rule; kNone: not for this logger
    // By level: the rules without a text, and how many there are with one.
    std::array<std::vector<size_t>, 6> any_text;
    std::array<size_t, 6> with_text{};
  };
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  const Candidates& candidatesFor(std::string_view logger);
  void matchTexts(const Candidates& candidates, Severity level, std::string_view text);
  void add(size_t rule, std::string_view text);

  const RuleSet& set_;
  std::unordered_map<std::string, Candidates, NameHash, std::equal_to<>> by_logger_;
  std::vector<Hit> hits_;
  std::vector<int> matched_;
  std::string mended_;
};

}  // namespace muster::rules
