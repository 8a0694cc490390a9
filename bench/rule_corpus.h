// Fifty log rules and a log for them, made anew alike in each run.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "libcontrol/rules/rule_set.h"

namespace muster::bench {

// The patterns of the rules; both RE2 and ECMAScript (std::regex) understand them alike.
const std::vector<std::string>& rulePatterns();

// The rules, all for every logger, from that level up.
std::shared_ptr<const rules::RuleSet> fiftyRules(const std::string& level);

// Texts as services write them; about one in twenty is hit by a rule.
class LogTexts {
 public:
  explicit LogTexts(uint32_t seed) : random_(seed) {}
  std::string next();

 private:
  std::mt19937 random_;
};

}  // namespace muster::bench
