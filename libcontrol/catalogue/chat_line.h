// One line of the chat grammar: `verb [positional ...] [name=value ...]`.
#pragma once

#include <string>
#include <string_view>

#include "libcontrol/base/status.h"
#include "libcontrol/catalogue/binding.h"

namespace muster::catalogue {

struct ChatLine {
  std::string verb;  // ASCII letters in lower case; empty for an empty line
  RawArguments arguments;
};

// Words are parted by white space. Single, double and typographic quotes hold a word together
// wherever in it they stand; a backslash outside single quotes takes the next character as it is. A
// word with an unquoted '=' after a name (letters, digits, '-' and '_') is name=value, and the same
// may be written --name=value. A word that begins with a slash (or with '-' and one) and ends with
// one is a pattern, and is taken as it stands, with its white space, quotes and backslashes; a
// slash in it stands behind a backslash. Names are lower-cased, '_' read as '-'. Fails with where
// it went wrong: an open quote, a lone backslash, too long, not UTF-8, more than
// limits::kMaxArguments.
Result<ChatLine> parseChatLine(std::string_view text);

// Quoted if need be, so that parseChatLine reads it back as one word that is no name=value.
std::string quoteWord(std::string_view word);
std::string quoteNamed(std::string_view name, std::string_view value);

}  // namespace muster::catalogue
