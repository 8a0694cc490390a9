#include "libcontrol/records/plain_text.h"

#include <cstdint>
#include <cstring>

namespace muster::records {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool isContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// The length of the well-formed character that begins there (RFC 3629); 0: there is none.
size_t characterLength(std::string_view text, size_t i) {
  const auto at = [&](size_t k) { return static_cast<unsigned char>(text[i + k]); };
  const size_t left = text.size() - i;
  const unsigned char c = at(0);
  if (c < 0x80) return 1;
  if (c < 0xc2 || c > 0xf4) return 0;
  const size_t length = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  if (left < length) return 0;
  for (size_t k = 1; k < length; ++k) {
    if (!isContinuation(text[i + k])) return 0;
  }
  const unsigned char second = at(1);
  const bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
  const bool surrogate = c == 0xed && second > 0x9f;
  const bool too_large = c == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_large ? 0 : length;
}

// Behind the control sequence whose ESC is at `i`.
size_t behindSequence(std::string_view text, size_t i) {
  if (i + 1 >= text.size() || text[i + 1] != '[') return i + 1;
  size_t end = i + 2;
  while (end < text.size() && text[end] >= 0x20 && text[end] <= 0x3f) ++end;
  const bool is_whole = end < text.size() && text[end] >= 0x40 && text[end] <= 0x7e;
  return is_whole ? end + 1 : i + 1;
}

}  // namespace

bool isPlainAscii(std::string_view bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    // A byte below 0x20 borrows, 0x7f carries, a high one is seen as it is.
    const uint64_t odd = ((word - kOnes * 0x20) | (word + kOnes) | word) & kHighs;
    if (odd == 0) continue;
    for (size_t k = i; k < i + 8; ++k) {
      const auto c = static_cast<unsigned char>(bytes[k]);
      if ((c < 0x20 && c != '\t') || c >= 0x7f) return false;
    }
  }
  for (; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if ((c < 0x20 && c != '\t') || c >= 0x7f) return false;
  }
  return true;
}

void makeText(std::string& bytes) {
  if (isPlainAscii(bytes)) return;
  std::string out;
  out.reserve(bytes.size() + 16);
  for (size_t i = 0; i < bytes.size();) {
    const char c = bytes[i];
    if (c == '\x1b') {
      i = behindSequence(bytes, i);
      continue;
    }
    const size_t length = characterLength(bytes, i);
    if (length == 0 || c == '\0') {
      out += kReplacement;
      ++i;
    } else if (length == 1) {
      const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
      out += is_control && c != '\t' && c != '\n' ? ' ' : c;
      ++i;
    } else {
      out.append(bytes, i, length);
      i += length;
    }
  }
  bytes = std::move(out);
}

void cutText(std::string& text, size_t max_bytes) {
  if (text.size() <= max_bytes) return;
  size_t end = max_bytes;
  while (end > 0 && isContinuation(text[end])) --end;
  text.resize(end);
}

}  // namespace muster::records
