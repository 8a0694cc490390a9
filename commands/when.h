// Instants as people type them.
#pragma once

#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::commands {

// "02:30", the next such time in UTC; or an instant as RFC 3339 has it, in UTC and to the second:
// "2026-11-24T02:30:00Z", also without the seconds and with a blank for the T. kInvalidArgument,
// with that field, if it is neither, or isn't after `now` and at most `furthest` from it.
Result<WallTime> parseWhen(const std::string& text, WallTime now, Duration furthest,
                           const std::string& field);

// A time that is over: a duration such as "1h", which is so long ago; "02:30", the last such time
// in UTC; or an instant as above, also with milliseconds. kInvalidArgument, with that field, if it
// is none of these or is after `now`.
Result<WallTime> parsePast(const std::string& text, WallTime now, const std::string& field);

}  // namespace muster::commands
