// Bytes that a program has written, made text.
#pragma once

#include <string>
#include <string_view>

namespace muster::records {

// Whether it is printable ASCII and tabs all through, as most lines are.
bool isPlainAscii(std::string_view bytes);

// Makes it valid UTF-8: what is none, and NUL, becomes U+FFFD each; colours and other control
// sequences of terminals (ECMA-48) are taken out, other control characters but tabs and line feeds
// become spaces.
void makeText(std::string& bytes);

// Cuts it at the border of a character, so that at most max_bytes remain.
void cutText(std::string& text, size_t max_bytes);

}  // namespace muster::records
