#include "libcontrol/records/tokens.h"

#include <array>

namespace muster::records {
namespace {

constexpr std::array<bool, 256> makeTable() {
  std::array<bool, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 0x80; c <= 0xff; ++c) table[c] = true;
  table['_'] = true;
  return table;
}
constexpr std::array<bool, 256> kIsTokenByte = makeTable();

}  // namespace

bool isTokenByte(char byte) {
  return kIsTokenByte[static_cast<unsigned char>(byte)];
}

std::string_view nextToken(std::string_view text, size_t& from) {
  while (from < text.size() && !isTokenByte(text[from])) ++from;
  const size_t begin = from;
  while (from < text.size() && isTokenByte(text[from])) ++from;
  return text.substr(begin, from - begin);
}

}  // namespace muster::records
