// What a trial of log rules has shown, as text and as JSON. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "coordinator/cli/rule_trial.h"
#include "libcontrol/rules/rule_set.h"

namespace muster::cli {

// A level over time in `width` columns, each the worst that was in its time: from a full block,
// nothing bad, down to a low one, more than ten times what the objective allows; a dot where there
// are no data.
std::string levelChart(const RuleTrial& trial, const RuleTrial::ServiceResult& service,
                       size_t width);

// For people; ends with a line feed. `lines` is how many the log had.
std::string trialText(const rules::RuleSet& set, const RuleTrial& trial, size_t lines,
                      size_t width);
std::string trialJson(const rules::RuleSet& set, const RuleTrial& trial, size_t lines);

}  // namespace muster::cli
