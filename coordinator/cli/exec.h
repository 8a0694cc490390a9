// `muster exec`: any ad-hoc command (XEP-0050) of any entity.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cli/report.h"
#include "coordinator/cli/settings.h"
#include "coordinator/cli/verbs.h"

namespace muster::cli {

struct ExecArguments {
  std::string entity;
  std::vector<std::string> words;    // NODE, then name=value
  std::vector<std::string> actions;  // --action: one a stage
};

// Without a node lists the commands; with one carries it out, with questions at a terminal and
// without them elsewhere. A session that is not ended by its answer is cancelled.
Exit runExec(const Settings& settings, const Catalogues& catalogues,
             const ExecArguments& arguments);

// A verb that is in no catalogue here, and so of the application at --at: as `exec` of the command
// of that name. `words` are the verb and what followed it, at least one.
Exit runApplicationVerb(const Settings& settings, const Catalogues& catalogues,
                        const std::vector<std::string>& words);

}  // namespace muster::cli
