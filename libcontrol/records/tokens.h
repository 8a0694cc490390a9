// The words of a text, as an index of log records knows them and a query asks for them.
#pragma once

#include <cstddef>
#include <string_view>

namespace muster::records {

// Longer words are known by their beginning.
inline constexpr size_t kMaxTokenBytes = 64;

// Whether it belongs to a word: an ASCII letter or digit, '_', or any byte of a character beyond
// ASCII.
bool isTokenByte(char byte);

// The next word at or after `from`, as it is written, and moves `from` behind it; empty at the end.
std::string_view nextToken(std::string_view text, size_t& from);

}  // namespace muster::records
