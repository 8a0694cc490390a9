// `muster rules check FILE` and `muster rules test FILE < app.log`: a rule is written against
// yesterday's log before it goes live. Needs no cluster.
#pragma once

#include <istream>
#include <string>

#include "coordinator/cli/report.h"

namespace muster::cli {

struct RulesArguments {
  std::string action;  // "check" or "test"
  std::string file;
};
// `log` is read to its end for a test.
Exit runRules(bool json, const RulesArguments& arguments, std::istream& log);

}  // namespace muster::cli
