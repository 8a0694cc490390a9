#include "bench/rule_corpus.h"

#include <cstdio>
#include <cstdlib>

#include "libcontrol/rules/rule_file.h"

namespace muster::bench {
namespace {

constexpr const char* kNouns[] = {"request", "session",     "order", "payment", "upload",
                                  "job",     "replication", "query", "message", "backup"};
constexpr const char* kTroubles[] = {
    " [0-9a-f]+ failed: (timeout|refused)",
    "s? dropped after [0-9]+ retries",
    ".*latency [0-9]{4,} ms",
    " queue is (full|[0-9]{3}% over)",
    " .*: (connection reset|broken pipe)",
};

}  // namespace

const std::vector<std::string>& rulePatterns() {
  static const std::vector<std::string> kPatterns = [] {
    std::vector<std::string> out;
    for (const char* noun : kNouns) {
      for (const char* trouble : kTroubles) out.push_back(std::string(noun) + trouble);
    }
    return out;
  }();
  return kPatterns;
}

std::shared_ptr<const rules::RuleSet> fiftyRules(const std::string& level) {
  std::string text;
  for (const std::string& pattern : rulePatterns()) {
    text += "[[rule]]\nlevel = '" + level + "'\ntext = '" + pattern +
            "'\neffect = 'bad'\nservice = 'user'\n";
  }
  auto file = rules::parseRuleFile(text, "rules.toml");
  auto set = file ? rules::RuleSet::make(std::move(file).value())
                  : Result<std::shared_ptr<const rules::RuleSet>>(file.status());
  if (set) return *set;
  std::fprintf(stderr, "the rules of the benchmark are wrong: %s\n", set.status().text().c_str());
  std::exit(1);
}

std::string LogTexts::next() {
  const std::string noun = kNouns[random_() % std::size(kNouns)];
  char digits[24];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(random_()));
  const std::string id = digits;
  const std::string number = std::to_string(random_() % 1000);
  if (random_() % 20 == 0) {
    switch (random_() % 3) {
      case 0:
        return noun + " " + id + " failed: timeout talking to db" + number + ".example.org:5432";
      case 1:
        return noun + "s dropped after " + number + " retries, client " + id;
      default:
        return noun + " " + id + " to 10.1.4." + number + ": connection reset by peer";
    }
  }
  switch (random_() % 4) {
    case 0:
      return noun + " " + id + " accepted from 10.1.4." + number + ", 3 items, priority normal";
    case 1:
      return noun + " " + id + " done in " + number + " ms, 2048 bytes sent, cache hit rate 97%";
    case 2:
      return "checkpoint " + id + " written, " + number + " segments, oldest is 12 s old";
    default:
      return "GET /api/v2/" + noun + "/" + id + "?page=" + number + " 200 1834 bytes in 3 ms";
  }
}

}  // namespace muster::bench
