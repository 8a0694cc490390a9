// What a shell offers while a command line is typed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordinator/cli/report.h"
#include "coordinator/cli/verbs.h"

namespace muster::cli {

// The names of a kind ("nodes", "groups", "targets"), asked of the cluster that the flags mean;
// empty if they can't be had.
using NamesOf =
    std::function<std::vector<std::string>(const Flags& flags, const std::string& kind)>;

// A candidate that stands for "a file".
inline constexpr char kFiles[] = ":files";

// The words that may stand in place of `current` after `before` (without the program's name).
std::vector<std::string> completions(const Catalogues& catalogues,
                                     const std::vector<std::string>& before,
                                     const std::string& current, const NamesOf& names);

// kInvalidArgument for a shell that isn't known.
Result<std::string> completionScript(const std::string& shell);

// For the script: prints the candidates for the last of these words.
Exit runComplete(const Catalogues& catalogues, std::vector<std::string> words);

}  // namespace muster::cli
