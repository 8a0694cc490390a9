// The time that stands in a log line, in the layouts that logging libraries write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::records {

// What a time without a zone is taken for. For one thread, since it remembers what it has found.
class Zone {
 public:
  // UTC.
  Zone() = default;
  // "UTC", "local" (the machine's, TZ) or an offset such as "+02:00".
  static Result<Zone> parse(const std::string& text);

  // The instant at which clocks there show `local_ms`, the milliseconds that it would be in UTC. Of
  // an hour that a change of summer time repeats, the machine's library chooses.
  WallTime toUtc(int64_t local_ms) const;
  // What clocks there show at that instant, as milliseconds likewise.
  int64_t toLocal(WallTime at) const;

 private:
  bool is_local_ = false;
  int64_t offset_ms_ = 0;
  // Zones change at quarters of an hour; asking the library for each line would take a microsecond.
  mutable int64_t quarter_ = INT64_MIN;
  mutable int64_t quarter_offset_ms_ = 0;
};

// How a time is written.
class TimeLayout {
 public:
  enum class Kind { kIso, kUnix, kUnixMs, kSyslog, kClock, kPattern };

  // "iso8601" (also RFC 3339, and what spdlog, log4j and Spring write), "unix" (seconds, with a
  // fraction or not), "unix-ms", "syslog" ("Nov 23 19:00:01"), "clock" ("19:00:01.123"), or a
  // pattern of strptime's %Y %y %m %d %e %b %H %I %p %M %S %z %s %T %F %j %% and %f, a fraction of
  // a second of one to nine digits.
  static Result<TimeLayout> parse(const std::string& text, Zone zone = {});

  // Nothing if the whole text is no time in this layout. What is missing of the date (the year of
  // syslog, the day of a clock) is chosen so that the time is nearest to `arrival`.
  std::optional<WallTime> read(std::string_view text, WallTime arrival) const;
  // The same at the beginning of the text, which is taken off. Of all but patterns.
  std::optional<WallTime> take(std::string_view& text, WallTime arrival) const;

 private:
  Kind kind_ = Kind::kIso;
  std::string pattern_;
  Zone zone_;
};

// By its size: seconds, milliseconds, microseconds or nanoseconds since 1970, as JSON loggers write
// them. Nothing if it is not within the years 1970 to 9999.
std::optional<WallTime> fromUnixNumber(double number);

// "2026-01-01T14:03:00.123+01:00" at the beginning, which is taken off: 'T' or a space, a fraction
// behind '.' or ',' or none, and Z, an offset or no zone, which is then the given one.
std::optional<WallTime> takeIsoTime(std::string_view& text, const Zone& zone);
// "14:03:00.123", the fraction likewise, on the day that is nearest to `arrival`.
std::optional<WallTime> takeClockTime(std::string_view& text, const Zone& zone, WallTime arrival);
// "Nov 23 19:00:01" or "Nov  3 19:00:01", in the year that is nearest.
std::optional<WallTime> takeSyslogTime(std::string_view& text, const Zone& zone, WallTime arrival);

}  // namespace muster::records
