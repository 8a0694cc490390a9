#include "libcontrol/base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace muster {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
// From the largest down, as formatDuration writes them.
constexpr Unit kUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr int64_t kMaxDurationMs = 10'000LL * 86'400'000;

Status badDuration(std::string_view text) {
  return {Code::kInvalidArgument, "'" + singleLine(text, 40) +
                                      "' is not a duration; write a number with its unit, such as "
                                      "250ms, 90s, 10m, 2h or 1d"};
}

// The length in bytes of the UTF-8 sequence that starts at text[i], 0 if it is invalid.
size_t sequenceLength(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(i);
  if (lead < 0x80) return 1;
  size_t length = 0;
  uint32_t point = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
    point = lead & 0x1f;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    point = lead & 0x0f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    point = lead & 0x07;
  } else {
    return 0;
  }
  if (i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i + k) & 0x3f);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool excluded = (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff;
  return overlong || excluded ? 0 : length;
}

std::string clean(std::string_view text, size_t max_bytes, bool keep_line_feeds) {
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequenceLength(text, i);
    std::string_view piece =
        length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(i, length);
    const auto first = static_cast<unsigned char>(piece[0]);
    const bool c1 =
        piece.size() == 2 && first == 0xc2 && static_cast<unsigned char>(piece[1]) < 0xa0;
    const bool not_xml = piece == "\xef\xbf\xbe" || piece == "\xef\xbf\xbf";
    if ((first < 0x20 && !(keep_line_feeds && piece == "\n")) || first == 0x7f || c1) piece = " ";
    // Marks that turn the reading order round can make a line say something else than it does.
    const bool turns = (piece >= "\xe2\x80\xaa" && piece <= "\xe2\x80\xae") ||
                       (piece >= "\xe2\x81\xa6" && piece <= "\xe2\x81\xa9");
    if (turns) piece = "\xef\xbf\xbd";
    if (not_xml) piece = "\xef\xbf\xbd";
    if (out.size() + piece.size() > max_bytes) {
      static constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
      while (!out.empty() && out.size() + kEllipsis.size() > max_bytes) {
        while (out.size() > 1 && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) {
          out.pop_back();
        }
        out.pop_back();
      }
      if (out.size() + kEllipsis.size() <= max_bytes) out += kEllipsis;
      return out;
    }
    out += piece;
    i += std::max<size_t>(length, 1);
  }
  return out;
}

// Levenshtein distance with transposition of neighbours counted as one slip.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

std::string join(const std::vector<std::string>& items, std::string_view last) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += i + 1 == items.size() ? last : ", ";
    out += items[i];
  }
  return out;
}

}  // namespace

Result<Duration> parseDuration(std::string_view text) {
  int64_t total_ms = 0;
  std::string_view rest = text;
  if (rest.empty()) return badDuration(text);
  while (!rest.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || number < 0 || rest[0] == '-') return badDuration(text);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const size_t unit_length = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view unit = rest.substr(0, unit_length);
    const auto* found = std::find_if(std::begin(kUnits), std::end(kUnits),
                                     [&](const Unit& u) { return u.name == unit; });
    if (found == std::end(kUnits)) return badDuration(text);
    if (number > kMaxDurationMs / found->ms) {
      return Status(Code::kInvalidArgument,
                    "'" + singleLine(text, 40) + "' is too long; at most 10000d");
    }
    total_ms += number * found->ms;
    if (total_ms > kMaxDurationMs) {
      return Status(Code::kInvalidArgument,
                    "'" + singleLine(text, 40) + "' is too long; at most 10000d");
    }
    rest.remove_prefix(unit_length);
  }
  return Duration::millis(total_ms);
}

std::string formatDuration(Duration duration) {
  int64_t ms = duration.toMillis();
  if (ms == 0) return "0s";
  std::string out = ms < 0 ? "-" : "";
  ms = std::abs(ms);
  for (const Unit& unit : kUnits) {
    if (ms >= unit.ms) {
      out += std::to_string(ms / unit.ms) + std::string(unit.name);
      ms %= unit.ms;
    }
  }
  return out;
}

namespace {

struct SizeUnit {
  const char* name;
  uint64_t bytes;
};
// The longer ones first: each ends with "B".
constexpr SizeUnit kSizeUnits[] = {{"KiB", uint64_t{1} << 10},
                                   {"MiB", uint64_t{1} << 20},
                                   {"GiB", uint64_t{1} << 30},
                                   {"TiB", uint64_t{1} << 40},
                                   {"kB", 1'000},
                                   {"MB", 1'000'000},
                                   {"GB", 1'000'000'000},
                                   {"TB", 1'000'000'000'000},
                                   {"B", 1}};

}  // namespace

Result<uint64_t> parseSize(std::string_view text) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (!text.ends_with(unit.name)) continue;
    std::string_view digits = text.substr(0, text.size() - std::strlen(unit.name));
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    uint64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (digits.empty() || error != std::errc() || stop != end) break;
    if (number > (uint64_t{1} << 63) / unit.bytes) break;
    return number * unit.bytes;
  }
  return Status(Code::kInvalidArgument,
                "'" + singleLine(text, 40) + "' is no size; write one such as 64MiB or 2GB");
}

std::string formatSize(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  static constexpr const char* kNames[] = {"KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (amount /= 1024; amount >= 1024 && unit + 1 < std::size(kNames); amount /= 1024) ++unit;
  char out[32];
  snprintf(out, sizeof out, amount < 10 && amount != std::floor(amount) ? "%.1f %s" : "%.0f %s",
           amount, kNames[unit]);
  return out;
}

std::optional<std::string> closestTo(std::string_view typed,
                                     const std::vector<std::string>& candidates) {
  if (typed.size() > 64) return std::nullopt;
  const size_t allowed = typed.size() <= 3 ? 1 : typed.size() <= 6 ? 2 : 3;
  std::optional<std::string> best;
  size_t best_distance = allowed + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 64) continue;
    const size_t distance = editDistance(typed, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (best) return best;
  // A beginning that only one of them has is as good as the name.
  for (const std::string& candidate : candidates) {
    if (typed.size() >= 3 && candidate.starts_with(typed)) {
      if (best) return std::nullopt;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view typed, const std::vector<std::string>& candidates) {
  if (const auto near = closestTo(typed, candidates)) return "; did you mean '" + *near + "'?";
  if (candidates.empty()) return "; there are none";
  if (candidates.size() == 1) return "; there is only " + candidates[0];
  constexpr size_t kNamed = 10;
  std::vector<std::string> named(
      candidates.begin(),
      candidates.begin() + static_cast<std::ptrdiff_t>(std::min(kNamed, candidates.size())));
  if (candidates.size() > kNamed) {
    named.push_back(std::to_string(candidates.size() - kNamed) + " more");
  }
  return "; there are " + joinWithAnd(named);
}

std::string joinWithAnd(const std::vector<std::string>& items) {
  return join(items, " and ");
}

std::string joinWithOr(const std::vector<std::string>& items) {
  return join(items, " or ");
}

std::string asciiLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::string hexOf(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string singleLine(std::string_view text, size_t max_bytes) {
  return clean(text, max_bytes, false);
}

std::string cleanText(std::string_view text, size_t max_bytes) {
  return clean(text, max_bytes, true);
}

bool isValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequenceLength(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

size_t displayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string formatPercent(double percent) {
  // A hair is added before rounding down, since 99.9 is stored as a little less than itself.
  auto thousandths = static_cast<int64_t>(std::floor(percent * 1000.0 + 1e-6));
  if (percent < 100 && thousandths == 100'000) --thousandths;
  char out[32];
  snprintf(out, sizeof out, "%lld.%03lld", static_cast<long long>(thousandths / 1000),
           static_cast<long long>(std::abs(thousandths % 1000)));
  std::string text = out;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace muster
