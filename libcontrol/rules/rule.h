// A log rule as plain data: which records it is for, and what each of them says of a service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/include/muster/service.h"

namespace re2 {
class RE2;
}

namespace muster::rules {

// Of a record; numbered as spdlog's levels. kNone is above all: no record has it.
enum class Severity : uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kNone };

// "trace", "debug", "info", "warn", "error", "critical", "none".
const char* severityName(Severity severity);
// One that a record can have, written as above; "warning", "err" and "fatal" are understood too,
// and any case of letters, since logs of other programs are read with it.
std::optional<Severity> parseSeverity(std::string_view text);

enum class Effect { kGood, kBad, kOutageBegin, kOutageEnd, kGauge };
// "good", "bad", "outage-begin", "outage-end", "gauge".
const char* effectName(Effect effect);

enum class ServiceKind { kAvailability, kRequests, kGauge };
// "availability", "requests", "gauge".
const char* kindName(ServiceKind kind);
ServiceKind kindFor(Effect effect);

// What the rules report on. Where the application has a service of that name, its own options
// count.
struct RuleService {
  std::string name;
  ServiceKind kind = ServiceKind::kRequests;
  ServiceOptions options;
  GaugeBounds bounds;  // of a gauge; at least one is finite
};

struct Rule {
  std::string name;  // unique in its file
  std::string logger = "*";
  Severity level = Severity::kTrace;
  std::string text;                            // empty: any text
  std::shared_ptr<const re2::RE2> expression;  // of `text`; null without one
  Effect effect = Effect::kBad;
  size_t service = 0;   // index into the file's services
  int count_group = 0;  // of good and bad: the capture that says how many; 0: each record is one
  int value_group = 0;  // of gauge: the capture that is the value
};

struct RuleFile {
  std::vector<Rule> rules;
  std::vector<RuleService> services;  // each is named by at least one rule
};

}  // namespace muster::rules
