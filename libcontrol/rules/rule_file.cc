#include "libcontrol/rules/rule_file.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/config/config_file.h"
#include "libcontrol/rules/compile.h"
#include "libcontrol/service/service_set.h"

namespace muster::rules {
namespace {

// Figures beyond these have lost their unit.
constexpr double kMaxBound = 1e15;
constexpr size_t kMaxShownBytes = 80;

std::string inQuotes(const std::string& text) {
  return "'" + singleLine(text, kMaxShownBytes) + "'";
}

// The 2 of "$2"; nullopt if it is nothing of that kind.
std::optional<int> groupNumber(std::string_view text) {
  if (text.size() != 2 || text[0] != '$' || text[1] < '1' || text[1] > '9') return std::nullopt;
  return text[1] - '0';
}

// Reads the tables of one file. Mistakes collect in the ConfigFile.
class Reader {
 public:
  explicit Reader(ConfigTable root) : root_(std::move(root)) {}

  RuleFile read() {
    std::vector<ConfigTable> tables = root_.tables("rule");
    for (ConfigTable& table : tables) readRule(table);
    if (out_.services.size() > limits::kMaxServices) {
      root_.fail("rule", "the rules name " + std::to_string(out_.services.size()) +
                             " services; at most " + std::to_string(limits::kMaxServices));
    }
    for (ConfigTable& table : root_.tables("service")) readService(table);
    checkGauges(tables);
    return std::move(out_);
  }

 private:
  void readRule(ConfigTable& table) {
    Rule rule;
    rule.name = table.string("name", "rule " + std::to_string(out_.rules.size() + 1));
    if (rule.name.empty() || rule.name.size() > limits::kMaxNameBytes ||
        singleLine(rule.name, rule.name.size()) != rule.name) {
      table.fail("name", "must be 1 to " + std::to_string(limits::kMaxNameBytes) +
                             " bytes of text on one line");
    } else if (!names_.insert(rule.name).second) {
      table.fail("name", "there is a rule " + inQuotes(rule.name) + " already");
    }
    readLogger(table, rule);
    const std::string level = table.string("level", "trace");
    if (const auto severity = parseSeverity(level)) {
      rule.level = *severity;
    } else {
      table.fail("level", inQuotes(level) + " is no level" + suggestion(level, levels()));
    }
    readText(table, rule);
    if (rule.logger == "*" && rule.text.empty() && rule.level == Severity::kTrace) {
      table.fail("text", "is missing: without text, level and logger the rule is for every record");
    }
    readEffect(table, rule);
    readCount(table, rule);
    rule.service = serviceOf(table, rule.effect);
    out_.rules.push_back(std::move(rule));
  }

  static void readLogger(ConfigTable& table, Rule& rule) {
    rule.logger = table.string("logger", "*");
    if (rule.logger.empty() || rule.logger.size() > limits::kMaxLoggerNameBytes) {
      table.fail("logger", "must be 1 to " + std::to_string(limits::kMaxLoggerNameBytes) +
                               " bytes, such as \"storage*\"; the one without a name is \"root\"");
    }
  }

  static void readText(ConfigTable& table, Rule& rule) {
    rule.text = table.string("text");
    if (rule.text.empty()) return;
    if (rule.text.size() > limits::kMaxRulePatternBytes) {
      table.fail("text", "is " + std::to_string(rule.text.size()) + " bytes long; at most " +
                             std::to_string(limits::kMaxRulePatternBytes));
      return;
    }
    auto expression = std::make_shared<re2::RE2>(rule.text, expressionOptions());
    if (!expression->ok()) {
      table.fail("text", expression->error_code() == re2::RE2::ErrorPatternTooLarge
                             ? "is too large when compiled; repeat less, such as x* for x{1000}"
                             : "is no RE2 pattern: " + singleLine(expression->error(), 200));
      return;
    }
    rule.expression = std::move(expression);
  }

  static void readEffect(ConfigTable& table, Rule& rule) {
    const std::string effect = table.requiredString("effect");
    if (effect.empty()) return;
    for (const Effect each :
         {Effect::kGood, Effect::kBad, Effect::kOutageBegin, Effect::kOutageEnd}) {
      if (effect == effectName(each)) {
        rule.effect = each;
        return;
      }
    }
    const std::string_view word(effect);
    const size_t equals = word.find('=');
    if (word.substr(0, equals) != effectName(Effect::kGauge)) {
      table.fail("effect", inQuotes(effect) + " is no effect" + suggestion(effect, effects()));
      return;
    }
    rule.effect = Effect::kGauge;
    const auto group =
        equals == std::string_view::npos ? std::nullopt : groupNumber(word.substr(equals + 1));
    if (!group) {
      table.fail("effect", "a gauge takes its value from a group of the text: gauge=$1");
      return;
    }
    rule.value_group = checkedGroup(table, "effect", rule, *group);
  }

  static void readCount(ConfigTable& table, Rule& rule) {
    const std::string count = table.string("count");
    if (count.empty()) return;
    if (rule.effect != Effect::kGood && rule.effect != Effect::kBad) {
      table.fail("count", "goes with the effects good and bad only");
      return;
    }
    const auto group = groupNumber(count);
    if (!group) {
      table.fail("count", "must name a group of the text, such as \"$1\", not " + inQuotes(count));
      return;
    }
    rule.count_group = checkedGroup(table, "count", rule, *group);
  }

  // The group, if the text has it; else 0 and an error.
  static int checkedGroup(ConfigTable& table, const char* key, const Rule& rule, int group) {
    // A text that is wrong has been told of already.
    if (rule.expression == nullptr && !rule.text.empty()) return 0;
    const int groups = rule.expression == nullptr ? 0 : rule.expression->NumberOfCapturingGroups();
    if (group <= groups) return group;
    table.fail(key, "there is no $" + std::to_string(group) + ": the text has " +
                        (groups == 0 ? "no group" : std::to_string(groups) + " of them") +
                        ", written (...)");
    return 0;
  }

  size_t serviceOf(ConfigTable& table, Effect effect) {
    const std::string name = table.requiredString("service");
    if (name.empty()) return 0;
    const ServiceKind kind = kindFor(effect);
    for (size_t i = 0; i < out_.services.size(); ++i) {
      if (out_.services[i].name != name) continue;
      if (out_.services[i].kind != kind) {
        table.fail("service", inQuotes(name) + " is one of " + kindName(out_.services[i].kind) +
                                  " by an earlier rule, and " + effectName(effect) +
                                  " is for one of " + kindName(kind));
      }
      return i;
    }
    if (const Status named = service::checkService(name, {}); !named) {
      table.fail("service", named.text());
    }
    RuleService made;
    made.name = name;
    made.kind = kind;
    out_.services.push_back(std::move(made));
    return out_.services.size() - 1;
  }

  void readService(ConfigTable& table) {
    const std::string name = table.requiredString("name");
    const auto found = std::find_if(out_.services.begin(), out_.services.end(),
                                    [&](const RuleService& each) { return each.name == name; });
    RuleService unused;
    RuleService& service = found == out_.services.end() ? unused : *found;
    if (!name.empty() && found == out_.services.end()) {
      table.fail("name",
                 "no rule has the service " + inQuotes(name) + suggestion(name, serviceNames()));
    } else if (!name.empty() && !described_.insert(name).second) {
      table.fail("name", "the service " + inQuotes(name) + " has a table already");
    }
    readOptions(table, service);
  }

  static void readOptions(ConfigTable& table, RuleService& service) {
    ServiceOptions& options = service.options;
    options.objective_percent = table.number("objective", options.objective_percent, 0, 100);
    options.window = wholeSeconds(table, "window", options.window, limits::kMinServiceWindow,
                                  limits::kMaxServiceWindow);
    options.period =
        wholeSeconds(table, "period", options.period, limits::kMinPeriod, limits::kMaxPeriod);
    options.min_events =
        static_cast<uint64_t>(table.integer("min_events", static_cast<int64_t>(options.min_events),
                                            1, static_cast<int64_t>(limits::kMaxMinEvents)));
    const std::string noun = table.string("noun");
    if (!noun.empty()) options.bad_noun = noun;
    service.bounds.min = table.number("at_least", service.bounds.min, -kMaxBound, kMaxBound);
    service.bounds.max = table.number("at_most", service.bounds.max, -kMaxBound, kMaxBound);
    if (const Status fits = service::checkService("x", options); !fits) {
      const bool noun_is_wrong = fits.field() == "bad_noun";
      table.fail(noun_is_wrong                         ? "noun"
                 : fits.field() == "objective_percent" ? "objective"
                                                       : fits.field(),
                 fits.text().substr(fits.text().find(": ") + 2));
    }
    if (!noun.empty() && service.kind != ServiceKind::kRequests) {
      table.fail("noun", "goes with services of requests only");
    }
    if (isBounded(service) && !service.name.empty() && service.kind != ServiceKind::kGauge) {
      table.fail(std::isfinite(service.bounds.min) ? "at_least" : "at_most",
                 "goes with gauges only");
    }
    if (service.bounds.min > service.bounds.max) {
      table.fail("at_most", "must not be less than at_least");
    }
  }

  static std::chrono::seconds wholeSeconds(ConfigTable& table, const std::string& key,
                                           std::chrono::seconds fallback, Duration min,
                                           Duration max) {
    const Duration given = table.duration(key, Duration::seconds(fallback.count()), min, max);
    return std::chrono::seconds(given.toMillis() / 1000);
  }

  static bool isBounded(const RuleService& service) {
    return std::isfinite(service.bounds.min) || std::isfinite(service.bounds.max);
  }

  // A gauge without a bound would always be good.
  void checkGauges(std::vector<ConfigTable>& tables) {
    std::set<size_t> told;
    for (size_t i = 0; i < out_.rules.size() && i < tables.size(); ++i) {
      const size_t index = out_.rules[i].service;
      if (index >= out_.services.size()) continue;
      const RuleService& service = out_.services[index];
      const bool lacks = service.kind == ServiceKind::kGauge && !isBounded(service);
      if (!lacks || !told.insert(index).second) continue;
      tables[i].fail("service", "the gauge " + inQuotes(service.name) +
                                    " needs a table [[service]] with at_least or at_most");
    }
  }

  std::vector<std::string> serviceNames() const {
    std::vector<std::string> names;
    for (const RuleService& service : out_.services) names.push_back(service.name);
    return names;
  }

  static std::vector<std::string> levels() {
    return {"trace", "debug", "info", "warn", "error", "critical"};
  }
  static std::vector<std::string> effects() {
    return {"good", "bad", "outage-begin", "outage-end", "gauge=$1"};
  }

  ConfigTable root_;
  RuleFile out_;
  std::set<std::string> names_;
  std::set<std::string> described_;
};

Result<RuleFile> read(Result<std::unique_ptr<ConfigFile>> file, const std::filesystem::path& path) {
  if (!file) return file.status();
  // Before any of them is compiled.
  if (const size_t count = (*file)->root().tables("rule").size(); count > limits::kMaxRules) {
    return Status(Code::kInvalidArgument, path.string() + ": there are " + std::to_string(count) +
                                              " rules; at most " +
                                              std::to_string(limits::kMaxRules));
  }
  RuleFile rules = Reader((*file)->root()).read();
  if (Status read = (*file)->finish(); !read) return read;
  return rules;
}

}  // namespace

Result<RuleFile> loadRuleFile(const std::filesystem::path& file) {
  return read(ConfigFile::load(file), file);
}

Result<RuleFile> parseRuleFile(const std::string& text, const std::filesystem::path& file) {
  return read(ConfigFile::parse(text, file), file);
}

}  // namespace muster::rules
