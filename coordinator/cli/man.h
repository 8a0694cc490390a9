// Manual pages, in the macros of man(7). Pure but for writing the files.
#pragma once

#include <filesystem>
#include <string>

#include "coordinator/cli/verbs.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

// muster(1). Pages have no date: the same input gives the same bytes.
std::string mainPage(const Catalogues& catalogues);
// muster-VERB(1); of a verb of both catalogues it has both. kNotFound with a suggestion.
Result<std::string> verbPage(const Catalogues& catalogues, const std::string& verb);
// muster.1 and muster-VERB.1 of every verb, into a folder that exists.
Status writePages(const Catalogues& catalogues, const std::filesystem::path& dir);

// Text as roff takes it literally.
std::string roffEscaped(std::string_view text);

}  // namespace muster::cli
