// Messages of syslog: RFC 5424, and what is left of the older ways (RFC 3164).
#pragma once

#include <string>
#include <string_view>

#include "libcontrol/base/clock.h"
#include "libcontrol/records/record.h"
#include "libcontrol/records/time_layout.h"

namespace muster::agent {

// Any bytes are a message: what can't be told from one is text, of level info, at `arrival`. The
// logger is the application's name or tag; structured data follows the text as it is written.
// Hosts, process ids and message ids are left out. Emergency, alert and critical are critical,
// notice is info.
records::Record parseSyslog(std::string_view message, WallTime arrival,
                            const records::Zone& zone = {});

}  // namespace muster::agent
