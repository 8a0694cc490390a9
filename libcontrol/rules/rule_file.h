// Rules as people write them: TOML.
//
//   [[rule]]
//   name = "dropped"                        # default: "rule 1", by its place
//   logger = "user*"                        # glob; default: every logger
//   level = "warn"                          # the least; default: trace, which is every level
//   text = 'dropped (\d+) requests'         # RE2, anywhere in the text; default: any text
//   effect = "bad"                          # good, bad, outage-begin, outage-end or gauge=$1
//   count = "$1"                            # of good and bad: how many; default: 1
//   service = "user"
//
//   [[service]]                             # only where the defaults don't suit
//   name = "user"
//   objective = 99.9
//   window = "10m"
//   period = "30d"
//   min_events = 1                          # of requests
//   noun = "dropped"                        # of requests
//   at_least = 0.0                          # of a gauge: its bounds, at least one of them
//   at_most = 80.0
#pragma once

#include <filesystem>
#include <string>

#include "libcontrol/base/status.h"
#include "libcontrol/rules/rule.h"

namespace muster::rules {

// The whole file or nothing. kNotFound if it can't be read; kInvalidArgument names every mistake, a
// line each: file, line, key, what is wrong and what would be right. A file without rules is in
// order: it reports on nothing.
Result<RuleFile> loadRuleFile(const std::filesystem::path& file);
Result<RuleFile> parseRuleFile(const std::string& text, const std::filesystem::path& file);

}  // namespace muster::rules
