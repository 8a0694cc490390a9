#include "coordinator/cli/rules.h"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "coordinator/cli/log_lines.h"
#include "coordinator/cli/rule_report.h"
#include "coordinator/cli/rule_trial.h"
#include "coordinator/cli/terminal.h"
#include "libcontrol/base/text.h"
#include "libcontrol/rules/rule_set.h"

namespace muster::cli {
namespace {

std::string counted(size_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

void printCheck(bool json, const std::string& file, const rules::RuleSet& set) {
  if (!json) {
    std::cout << file << " is in order: " << counted(set.rules().size(), "rule") << " for "
              << counted(set.services().size(), "service") << "\n";
    return;
  }
  nlohmann::ordered_json out;
  out["file"] = file;
  out["rules"] = set.rules().size();
  out["services"] = nlohmann::ordered_json::array();
  for (const rules::RuleService& service : set.services()) {
    out["services"].push_back({{"name", service.name}, {"kind", rules::kindName(service.kind)}});
  }
  std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace

Exit runRules(bool json, const RulesArguments& arguments, std::istream& log) {
  const bool tests = arguments.action == "test";
  if (!tests && arguments.action != "check") {
    return report(json, {Code::kInvalidArgument,
                         "'" + singleLine(arguments.action, 40) +
                             "' is nothing to do with rules; write check or test",
                         "ACTION"});
  }
  const auto set = rules::RuleSet::load(arguments.file);
  if (!set) return report(json, set.status());
  if (!tests) {
    printCheck(json, arguments.file, **set);
    return Exit::kDone;
  }
  if (isTerminal(STDIN_FILENO)) {
    std::cerr << "muster: reading log lines from the terminal; Ctrl-D ends them\n";
  }
  RuleTrial trial(*set);
  LogLines lines(log);
  for (LogRecord record; lines.next(record);) trial.add(record);
  if (log.bad()) return report(json, {Code::kDataLoss, "the log could not be read to its end"});
  trial.finish();
  std::cout << (json ? trialJson(**set, trial, lines.lines())
                     : trialText(**set, trial, lines.lines(), outputWidth()));
  return Exit::kDone;
}

}  // namespace muster::cli
