// Texts of the configuration with {logger} and {level} in them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"

namespace muster::agent {

// What is put in place of a placeholder, fit for its surroundings.
using Escape = std::function<std::string(std::string_view)>;

// As a segment of a path or a value of a query: all but RFC 3986's unreserved characters as %XX.
std::string escapedForUrl(std::string_view text);
// Inside of a JSON text's quotes.
std::string escapedForJson(std::string_view text);
// For a header or a line of a file: control characters are left out.
std::string escapedForLine(std::string_view text);

// With {logger} and {level} filled in; other braces stay, for JSON has them too.
std::string fillIn(std::string_view text, std::string_view logger, std::string_view level,
                   const Escape& escape);
bool mentions(std::string_view text, std::string_view placeholder);

}  // namespace muster::agent
