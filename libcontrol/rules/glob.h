// Names with wildcards.
#pragma once

#include <string_view>

namespace muster::rules {

// Whether the name is what the glob says: '*' stands for any number of bytes, dots among them, '?'
// for one, everything else for itself. Takes at most the product of both lengths.
bool globMatches(std::string_view glob, std::string_view name);

}  // namespace muster::rules
