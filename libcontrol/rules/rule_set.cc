#include "libcontrol/rules/rule_set.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/rules/compile.h"
#include "libcontrol/rules/glob.h"
#include "libcontrol/rules/rule_file.h"

namespace muster::rules {
namespace {

// Loggers whose rules are remembered; an application that makes up names beyond these has them
// worked out anew.
constexpr size_t kMaxRemembered = 1024;
constexpr std::string_view kRoot = "root";

std::string_view shown(std::string_view logger) {
  return logger.empty() ? kRoot : logger;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool isAscii(std::string_view text) {
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= text.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) return false;
  }
  for (; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0x80) != 0) return false;
  }
  return true;
}

// With U+FFFD in place of each byte that belongs to no character: no pattern matches such a byte.
std::string mended(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    while (length <= 4 && !isValidUtf8(text.substr(i, length))) ++length;
    if (length > 4) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

// A figure in the text; digits only.
bool readCount(std::string_view text, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out <= limits::kMaxRuleCount;
}

bool readValue(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(out);
}

}  // namespace

// All patterns in one automaton, which reads a text once. rule_of[i] is the rule of its i-th.
struct RuleSet::Patterns {
  explicit Patterns(const re2::RE2::Options& options) : all(options, re2::RE2::UNANCHORED) {}
  re2::RE2::Set all;
  std::vector<size_t> rule_of;
};

Result<std::shared_ptr<const RuleSet>> RuleSet::load(const std::filesystem::path& file) {
  auto read = loadRuleFile(file);
  if (!read) return read.status();
  auto made = make(std::move(read).value());
  if (!made) {
    return Status(made.status().code(), file.string() + ": " + made.status().text());
  }
  return made;
}

Result<std::shared_ptr<const RuleSet>> RuleSet::make(RuleFile file) {
  re2::RE2::Options options = expressionOptions();
  options.set_max_mem(static_cast<int64_t>(limits::kMaxRuleSetMemory));
  auto patterns = std::make_unique<Patterns>(options);
  for (size_t i = 0; i < file.rules.size(); ++i) {
    if (file.rules[i].expression == nullptr) continue;
    std::string error;
    if (patterns->all.Add(file.rules[i].text, &error) < 0) {
      return Status(Code::kInvalidArgument, file.rules[i].name + ": " + singleLine(error, 200));
    }
    patterns->rule_of.push_back(i);
  }
  if (!patterns->all.Compile()) {
    return Status(Code::kInvalidArgument,
                  "all patterns together take more than " +
                      std::to_string(limits::kMaxRuleSetMemory / 1024 / 1024) +
                      " MiB when compiled; use fewer or simpler ones");
  }
  return std::shared_ptr<const RuleSet>(new RuleSet(std::move(file), std::move(patterns)));
}

RuleSet::RuleSet(RuleFile file, std::unique_ptr<const Patterns> patterns)
    : file_(std::move(file)), patterns_(std::move(patterns)) {
  for (const Rule& rule : file_.rules) least_ = std::min(least_, rule.level);
}

RuleSet::~RuleSet() = default;

Severity RuleSet::leastLevel(std::string_view logger) const {
  Severity least = Severity::kNone;
  for (const Rule& rule : file_.rules) {
    if (rule.level < least && globMatches(rule.logger, shown(logger))) least = rule.level;
  }
  return least;
}

const RuleMatcher::Candidates& RuleMatcher::candidatesFor(std::string_view logger) {
  logger = shown(logger);
  if (const auto it = by_logger_.find(logger); it != by_logger_.end()) return it->second;
  if (by_logger_.size() >= kMaxRemembered) by_logger_.clear();
  Candidates candidates;
  const std::vector<Rule>& rules = set_.rules();
  for (size_t i = 0; i < rules.size(); ++i) {
    const bool fits = globMatches(rules[i].logger, logger);
    candidates.least.push_back(fits ? rules[i].level : Severity::kNone);
    if (!fits) continue;
    for (auto level = static_cast<size_t>(rules[i].level); level < candidates.any_text.size();
         ++level) {
      if (rules[i].expression == nullptr) {
        candidates.any_text[level].push_back(i);
      } else {
        ++candidates.with_text[level];
      }
    }
  }
  return by_logger_.emplace(logger, std::move(candidates)).first->second;
}

const std::vector<Hit>& RuleMatcher::match(Severity level, std::string_view logger,
                                           std::string_view text) {
  hits_.clear();
  const auto index = static_cast<size_t>(level);
  const Candidates& candidates = candidatesFor(logger);
  if (index >= candidates.any_text.size()) return hits_;
  for (const size_t rule : candidates.any_text[index]) hits_.push_back({.rule = rule});
  if (candidates.with_text[index] == 0) return hits_;
  text = text.substr(0, limits::kMaxRuleTextBytes);
  if (!isAscii(text) && !isValidUtf8(text)) {
    mended_ = mended(text);
    text = mended_;
  }
  matchTexts(candidates, level, text);
  std::sort(hits_.begin(), hits_.end(), [](const Hit& a, const Hit& b) { return a.rule < b.rule; });
  return hits_;
}

void RuleMatcher::matchTexts(const Candidates& candidates, Severity level, std::string_view text) {
  re2::RE2::Set::ErrorInfo error{};
  if (set_.patterns_->all.Match(piece(text), &matched_, &error)) {
    for (const int pattern : matched_) {
      const size_t rule = set_.patterns_->rule_of[static_cast<size_t>(pattern)];
      if (candidates.least[rule] <= level) add(rule, text);
    }
    return;
  }
  if (error.kind == re2::RE2::Set::kNoError) return;
  // The automaton did not fit into its memory for this text. One by one they have a way without.
  for (const size_t rule : set_.patterns_->rule_of) {
    if (candidates.least[rule] > level) continue;
    if (re2::RE2::PartialMatch(piece(text), *set_.rules()[rule].expression)) add(rule, text);
  }
}

void RuleMatcher::add(size_t index, std::string_view text) {
  const Rule& rule = set_.rules()[index];
  Hit hit{.rule = index};
  const int group = std::max(rule.count_group, rule.value_group);
  if (group > 0) {
    std::array<re2::StringPiece, 10> groups;
    const bool found = rule.expression->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED,
                                              groups.data(), group + 1);
    const re2::StringPiece capture = groups[static_cast<size_t>(group)];
    const std::string_view figure(capture.data(), capture.size());
    hit.readable =
        found && !figure.empty() &&
        (rule.value_group > 0 ? readValue(figure, hit.value) : readCount(figure, hit.count));
  }
  hits_.push_back(hit);
}

}  // namespace muster::rules
