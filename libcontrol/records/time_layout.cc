#include "libcontrol/records/time_layout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::records {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kQuarterMs = 15 * kMinuteMs;
// Of numbers that may mean something else, such as how long something took: the year 2000.
constexpr double kFirstUnixMs = 946'684'800'000;
// The year 10000.
constexpr double kEndMs = 253'402'300'800'000;
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kConversions = "YymdebHIpMSfzsTFj%";

struct Fields {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  bool has_year = false;
  bool has_date = false;
  bool afternoon = false;
  std::optional<int64_t> offset_ms;
  std::optional<int64_t> unix_ms;
};

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// A number of exactly so many digits.
bool takeNumber(std::string_view& text, size_t digits, int& out) {
  if (text.size() < digits) return false;
  int number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!isDigit(text[i])) return false;
    number = number * 10 + (text[i] - '0');
  }
  out = number;
  text.remove_prefix(digits);
  return true;
}

// One to nine digits.
bool takeFraction(std::string_view& text, int& ms) {
  int weight = 100;
  size_t length = 0;
  ms = 0;
  while (length < text.size() && isDigit(text[length])) {
    ms += (text[length] - '0') * weight;
    weight /= 10;
    ++length;
  }
  if (length == 0 || length > 9) return false;
  text.remove_prefix(length);
  return true;
}

bool takeMonth(std::string_view& text, int& month) {
  const auto* const found = std::find(std::begin(kMonths), std::end(kMonths), text.substr(0, 3));
  if (found == std::end(kMonths)) return false;
  month = static_cast<int>(found - std::begin(kMonths)) + 1;
  text.remove_prefix(3);
  return true;
}

// Of one or two digits, perhaps with a space before it.
bool takeDay(std::string_view& text, int& day) {
  take(text, ' ');
  if (text.size() >= 2 && isDigit(text[1])) return takeNumber(text, 2, day);
  return takeNumber(text, 1, day);
}

// "Z", "+01:00", "+0100", "+01".
bool takeOffset(std::string_view& text, int64_t& offset_ms) {
  offset_ms = 0;
  if (take(text, 'Z') || take(text, 'z')) return true;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int64_t sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!takeNumber(text, 2, hours)) return false;
  std::string_view behind = text;
  take(behind, ':');
  if (takeNumber(behind, 2, minutes)) text = behind;
  if (hours > 23 || minutes > 59) return false;
  offset_ms = sign * (hours * 60 + minutes) * kMinuteMs;
  return true;
}

bool takeClock(std::string_view& text, Fields& out) {
  return takeNumber(text, 2, out.hour) && take(text, ':') && takeNumber(text, 2, out.minute) &&
         take(text, ':') && takeNumber(text, 2, out.second);
}

bool takeDate(std::string_view& text, Fields& out) {
  out.has_year = out.has_date = true;
  return takeNumber(text, 4, out.year) && take(text, '-') && takeNumber(text, 2, out.month) &&
         take(text, '-') && takeNumber(text, 2, out.day);
}

bool isInRange(const Fields& f) {
  return f.year >= 1970 && f.year <= 9999 && f.month >= 1 && f.month <= 12 && f.day >= 1 &&
         f.day <= 31 && f.hour <= 23 && f.minute <= 59 && f.second <= 60;
}

// Days since 1970-01-01 of the Gregorian calendar, by counting years from March on.
int64_t dayNumber(int year, int month, int day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = y / 400;
  const int64_t of_era = y - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

int64_t asMs(const Fields& f) {
  const int64_t seconds = f.hour * 3600 + f.minute * 60 + f.second;
  return dayNumber(f.year, f.month, f.day) * kDayMs + seconds * 1000 + f.ms;
}

int yearOf(int64_t local_ms) {
  const time_t seconds = local_ms / 1000;
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  return tm.tm_year + 1900;
}

std::optional<WallTime> finish(Fields f, const Zone& zone, WallTime arrival) {
  if (f.unix_ms) return WallTime{*f.unix_ms};
  const int64_t now_ms = zone.toLocal(arrival);
  if (!f.has_date) {
    if (!isInRange(f)) return std::nullopt;
    const int64_t today = now_ms - ((now_ms % kDayMs) + kDayMs) % kDayMs;
    int64_t at = today + asMs(f);
    if (at > now_ms + kDayMs / 2) at -= kDayMs;
    if (at < now_ms - kDayMs / 2) at += kDayMs;
    return zone.toUtc(at);
  }
  if (!f.has_year) {
    f.year = yearOf(now_ms);
    if (!isInRange(f)) return std::nullopt;
    const int64_t half_year = 182 * kDayMs;
    if (asMs(f) > now_ms + half_year) --f.year;
    if (asMs(f) < now_ms - half_year) ++f.year;
  }
  if (!isInRange(f)) return std::nullopt;
  if (f.offset_ms) return WallTime{asMs(f) - *f.offset_ms};
  return zone.toUtc(asMs(f));
}

std::optional<int64_t> takeInteger(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// One conversion of a pattern.
bool takeConversion(char conversion, std::string_view& text, Fields& f) {
  switch (conversion) {
    case 'Y':
      f.has_year = true;
      return takeNumber(text, 4, f.year);
    case 'y':
      f.has_year = true;
      if (!takeNumber(text, 2, f.year)) return false;
      f.year += f.year < 70 ? 2000 : 1900;
      return true;
    case 'm':
      f.has_date = true;
      return takeNumber(text, 2, f.month);
    case 'b':
      f.has_date = true;
      return takeMonth(text, f.month);
    case 'd':
    case 'e':
      f.has_date = true;
      return takeDay(text, f.day);
    case 'j':
      // Counted from the first of January on; see readPattern().
      f.has_date = true;
      return takeNumber(text, 3, f.day) && f.day <= 366;
    case 'H':
    case 'I':
      return takeNumber(text, 2, f.hour);
    case 'p':
      f.afternoon = text.starts_with("PM") || text.starts_with("pm");
      if (!f.afternoon && !text.starts_with("AM") && !text.starts_with("am")) return false;
      text.remove_prefix(2);
      return true;
    case 'M':
      return takeNumber(text, 2, f.minute);
    case 'S':
      return takeNumber(text, 2, f.second);
    case 'f':
      return takeFraction(text, f.ms);
    case 'T':
      return takeClock(text, f);
    case 'F':
      return takeDate(text, f);
    case 'z':
      f.offset_ms = 0;
      return takeOffset(text, *f.offset_ms);
    case 's': {
      const auto seconds = takeInteger(text);
      if (seconds && *seconds < 253'402'300'800) f.unix_ms = *seconds * 1000;
      return f.unix_ms.has_value();
    }
    default:
      return take(text, conversion);
  }
}

std::optional<WallTime> readPattern(std::string_view pattern, std::string_view text,
                                    const Zone& zone, WallTime arrival) {
  Fields f;
  bool twelve_hours = false;
  bool by_day_of_year = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      if (!take(text, pattern[i])) return std::nullopt;
      continue;
    }
    const char conversion = pattern[++i];
    if (!takeConversion(conversion, text, f)) return std::nullopt;
    twelve_hours = twelve_hours || conversion == 'I';
    by_day_of_year = by_day_of_year || conversion == 'j';
  }
  if (!text.empty()) return std::nullopt;
  if (twelve_hours) {
    if (f.hour < 1 || f.hour > 12) return std::nullopt;
    f.hour = f.hour % 12 + (f.afternoon ? 12 : 0);
  }
  if (f.unix_ms) *f.unix_ms += f.ms;
  if (!by_day_of_year || f.day < 1) return finish(f, zone, arrival);
  const int day = std::exchange(f.day, 1);
  auto out = finish(f, zone, arrival);
  if (out) out->unix_ms += (day - 1) * kDayMs;
  return out;
}

std::optional<WallTime> readUnix(std::string_view text, double unit_ms) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const double ms = number * unit_ms;
  if (!(ms >= 0) || ms >= kEndMs) return std::nullopt;
  return WallTime{std::llround(ms)};
}

Status badPattern(const std::string& text, const std::string& why) {
  return {Code::kInvalidArgument, "'" + singleLine(text, 80) + "' is no layout of a time: " + why};
}

}  // namespace

Result<Zone> Zone::parse(const std::string& text) {
  Zone zone;
  const std::string lower = asciiLower(text);
  if (lower == "local") {
    zone.is_local_ = true;
    tzset();
    return zone;
  }
  if (lower == "utc") return zone;
  std::string_view rest = text;
  if (!takeOffset(rest, zone.offset_ms_) || !rest.empty()) {
    return Status(Code::kInvalidArgument,
                  "must be \"local\", \"UTC\" or an offset such as "
                  "\"+02:00\", not '" +
                      singleLine(text, 40) + "'");
  }
  return zone;
}

WallTime Zone::toUtc(int64_t local_ms) const {
  if (!is_local_) return {local_ms - offset_ms_};
  const int64_t quarter = local_ms / kQuarterMs;
  if (quarter != quarter_) {
    const time_t seconds = quarter * kQuarterMs / 1000;
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    tm.tm_isdst = -1;
    const time_t utc = mktime(&tm);
    quarter_offset_ms_ = (static_cast<int64_t>(seconds) - utc) * 1000;
    quarter_ = quarter;
  }
  return {local_ms - quarter_offset_ms_};
}

int64_t Zone::toLocal(WallTime at) const {
  if (!is_local_) return at.unix_ms + offset_ms_;
  const time_t seconds = at.unix_ms / 1000;
  std::tm tm{};
  localtime_r(&seconds, &tm);
  return at.unix_ms + static_cast<int64_t>(tm.tm_gmtoff) * 1000;
}

Result<TimeLayout> TimeLayout::parse(const std::string& text, Zone zone) {
  static constexpr std::pair<std::string_view, Kind> kNames[] = {
      {"iso8601", Kind::kIso},    {"rfc3339", Kind::kIso},   {"unix", Kind::kUnix},
      {"unix-ms", Kind::kUnixMs}, {"syslog", Kind::kSyslog}, {"clock", Kind::kClock}};
  TimeLayout layout;
  layout.zone_ = zone;
  for (const auto& [name, kind] : kNames) {
    if (name != text) continue;
    layout.kind_ = kind;
    return layout;
  }
  if (text.find('%') == std::string::npos) {
    return badPattern(text,
                      "there are iso8601, unix, unix-ms, syslog, clock and patterns such as "
                      "%d/%b/%Y:%H:%M:%S");
  }
  for (size_t i = text.find('%'); i != std::string::npos; i = text.find('%', i + 2)) {
    if (i + 1 < text.size() && kConversions.find(text[i + 1]) != std::string_view::npos) continue;
    return badPattern(text, "'" + text.substr(i, 2) + "' is not known");
  }
  layout.kind_ = Kind::kPattern;
  layout.pattern_ = text;
  return layout;
}

std::optional<WallTime> TimeLayout::take(std::string_view& text, WallTime arrival) const {
  switch (kind_) {
    case Kind::kIso:
      return takeIsoTime(text, zone_);
    case Kind::kSyslog:
      return takeSyslogTime(text, zone_, arrival);
    case Kind::kClock:
      return takeClockTime(text, zone_, arrival);
    default:
      return std::nullopt;
  }
}

std::optional<WallTime> TimeLayout::read(std::string_view text, WallTime arrival) const {
  if (kind_ == Kind::kPattern) return readPattern(pattern_, text, zone_, arrival);
  if (kind_ == Kind::kUnix) return readUnix(text, 1000);
  if (kind_ == Kind::kUnixMs) return readUnix(text, 1);
  const auto at = take(text, arrival);
  return text.empty() ? at : std::nullopt;
}

std::optional<WallTime> fromUnixNumber(double number) {
  // In milliseconds. What seconds are until the year 5138 would be 1973 in milliseconds, and so on.
  double ms = number;
  if (number < 1e11) {
    ms = number * 1e3;
  } else if (number >= 1e17) {
    ms = number * 1e-6;
  } else if (number >= 1e14) {
    ms = number * 1e-3;
  }
  if (!(ms >= kFirstUnixMs) || ms >= kEndMs) return std::nullopt;
  return WallTime{static_cast<int64_t>(ms)};
}

std::optional<WallTime> takeIsoTime(std::string_view& text, const Zone& zone) {
  Fields f;
  std::string_view rest = text;
  if (!takeDate(rest, f) || !(take(rest, 'T') || take(rest, ' ') || take(rest, 't'))) {
    return std::nullopt;
  }
  if (!takeClock(rest, f)) return std::nullopt;
  if ((take(rest, '.') || take(rest, ',')) && !takeFraction(rest, f.ms)) return std::nullopt;
  int64_t offset = 0;
  if (!rest.empty() && (rest[0] == 'Z' || rest[0] == '+' || rest[0] == '-')) {
    if (!takeOffset(rest, offset)) return std::nullopt;
    f.offset_ms = offset;
  }
  const auto at = finish(f, zone, {});
  if (at) text = rest;
  return at;
}

std::optional<WallTime> takeClockTime(std::string_view& text, const Zone& zone, WallTime arrival) {
  Fields f;
  std::string_view rest = text;
  if (!takeClock(rest, f)) return std::nullopt;
  if ((take(rest, '.') || take(rest, ',')) && !takeFraction(rest, f.ms)) return std::nullopt;
  const auto at = finish(f, zone, arrival);
  if (at) text = rest;
  return at;
}

std::optional<WallTime> takeSyslogTime(std::string_view& text, const Zone& zone, WallTime arrival) {
  Fields f;
  f.has_date = true;
  std::string_view rest = text;
  if (!takeMonth(rest, f.month) || !take(rest, ' ') || !takeDay(rest, f.day) || !take(rest, ' ') ||
      !takeClock(rest, f)) {
    return std::nullopt;
  }
  if (take(rest, '.') && !takeFraction(rest, f.ms)) return std::nullopt;
  const auto at = finish(f, zone, arrival);
  if (at) text = rest;
  return at;
}

}  // namespace muster::records
