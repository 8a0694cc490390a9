// Text as people write and read it: durations, mistyped names, lines fit for a chat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster {

// "90s", "10m", "2h", "1d", "250ms", "1h30m"; a number alone is refused, since its unit would be a
// guess. Not negative, at most 10,000 days.
Result<Duration> parseDuration(std::string_view text);
// The shortest form that parseDuration reads back as the same: "10m", "1h30m", "250ms", "0s".
std::string formatDuration(Duration duration);

// "64MiB", "1GB", "500kB", "100B": powers of 1024 with an 'i', of 1000 without; a number alone is
// refused. Whole numbers, at most 8 EiB.
Result<uint64_t> parseSize(std::string_view text);
// For people, to three digits or so: "1.5 GiB", "64 MiB", "812 bytes".
std::string formatSize(uint64_t bytes);

// The candidate nearest to what was typed, if it is near enough to be a slip of the hand.
std::optional<std::string> closestTo(std::string_view typed,
                                     const std::vector<std::string>& candidates);
// "; did you mean 'x'?" or, without a near one, "; there are a, b and c" (at most ten named).
std::string suggestion(std::string_view typed, const std::vector<std::string>& candidates);

// "a, b and c".
std::string joinWithAnd(const std::vector<std::string>& items);
// "a, b or c".
std::string joinWithOr(const std::vector<std::string>& items);

// ASCII letters in lower case, all else as it is; no locale.
std::string asciiLower(std::string_view text);
// Two lower-case digits a byte.
std::string hexOf(std::string_view bytes);

// One line fit to be shown: control characters replaced by spaces, invalid UTF-8 by U+FFFD, cut at
// a character's border so that at most max_bytes remain (with an ellipsis).
std::string singleLine(std::string_view text, size_t max_bytes);
// The same, but line feeds stay.
std::string cleanText(std::string_view text, size_t max_bytes);
bool isValidUtf8(std::string_view text);

// How many columns of a fixed-width terminal the text takes, roughly: one a code point.
size_t displayWidth(std::string_view text);

// 100 -> "100", 99.9 -> "99.9", 99.985 -> "99.98": at most three decimals, always rounded down, so
// that nothing short of 100 is ever shown as 100.
std::string formatPercent(double percent);

}  // namespace muster
