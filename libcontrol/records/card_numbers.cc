#include <algorithm>
#include <array>

#include "libcontrol/records/mask.h"

namespace muster::records {
namespace {

constexpr size_t kMinDigits = 13;
constexpr size_t kMaxDigits = 19;

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

// What may stand within a number with its separators.
bool isPart(char c) {
  return isDigit(c) || c == ' ' || c == '-';
}

bool isWord(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The check digit by Luhn's formula.
bool hasRightCheckDigit(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (size_t i = digits.size(); i-- > 0;) {
    const int digit = digits[i] - '0';
    sum += !doubled ? digit : digit < 5 ? 2 * digit : 2 * digit - 9;
    doubled = !doubled;
  }
  return sum % 10 == 0;
}

// Whether an issuer of payment cards has numbers of that length that begin so.
bool isOfAnIssuer(std::string_view digits) {
  const int two = (digits[0] - '0') * 10 + (digits[1] - '0');
  const int four = two * 100 + (digits[2] - '0') * 10 + (digits[3] - '0');
  const size_t n = digits.size();
  if (digits[0] == '4') return n == 13 || n == 16 || n == 19;
  if (two == 34 || two == 37) return n == 15;
  if (two == 30 || two == 36 || two == 38 || two == 39) return n >= 14;
  if (four >= 3528 && four <= 3589) return n >= 16;
  if (two >= 51 && two <= 55) return n == 16;
  if (four >= 2221 && four <= 2720) return n == 16;
  return two == 50 || (two >= 56 && two <= 69);
}

// As cards are printed: 4-4-4-4, with up to three more, 4-6-5 or 4-6-4.
bool areUsualGroups(const std::array<size_t, kMaxDigits>& groups, size_t count) {
  if (count == 1) return true;
  if (count == 3) return groups[0] == 4 && groups[1] == 6 && (groups[2] == 5 || groups[2] == 4);
  if (count < 4 || count > 5) return false;
  for (size_t i = 0; i < 4; ++i) {
    if (groups[i] != 4) return i == 3 && groups[i] == 1 && count == 4;
  }
  return count == 4 || groups[4] <= 3;
}

// The length of the card number that begins at the text's beginning; 0: none does.
size_t cardLength(std::string_view text) {
  std::array<char, kMaxDigits> digits;
  std::array<size_t, kMaxDigits> groups{};
  size_t count = 0;
  size_t group = 0;
  char separator = '\0';
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (isDigit(c)) {
      if (count == kMaxDigits) return 0;
      digits[count++] = c;
      ++groups[group];
      continue;
    }
    const bool goes_on = (c == ' ' || c == '-') && i + 1 < text.size() && isDigit(text[i + 1]);
    if (!goes_on || (separator != '\0' && c != separator)) break;
    // A number by itself may be followed by another.
    if (group == 0 && count >= kMinDigits) break;
    separator = c;
    ++group;
  }
  if (i < text.size() && isWord(text[i])) return 0;
  // "4111.5" is a number, "4111." ends a sentence; so does a date behind a dash end no card.
  if (i + 1 < text.size() && (text[i] == '.' || text[i] == '-') && isWord(text[i + 1])) return 0;
  const std::string_view number(digits.data(), count);
  const bool is_card = count >= kMinDigits && areUsualGroups(groups, group + 1) &&
                       isOfAnIssuer(number) && hasRightCheckDigit(number);
  return is_card ? i : 0;
}

}  // namespace

bool maskCardNumbers(std::string& text) {
  bool any = false;
  for (size_t i = 0; i + kMinDigits <= text.size();) {
    // Most texts have no stretch as long as that: looking at every 13th byte is enough.
    size_t back = kMinDigits;
    while (back > 0 && isPart(text[i + back - 1])) --back;
    if (back > 0) {
      i += back;
      continue;
    }
    size_t end = i;
    while (end < text.size() && isPart(text[end])) ++end;
    for (size_t begin = i; begin < end;) {
      const char before = begin > 0 ? text[begin - 1] : ' ';
      const bool is_begin = isDigit(text[begin]) && !isWord(before) && before != '.' &&
                            (before != '-' || begin < 2 || !isWord(text[begin - 2]));
      const size_t length = is_begin ? cardLength(std::string_view(text).substr(begin)) : 0;
      if (length == 0) {
        ++begin;
        continue;
      }
      text.replace(begin, length, "***");
      any = true;
      end -= length - 3;
      begin += 3;
    }
    i = end;
  }
  return any;
}

}  // namespace muster::records
