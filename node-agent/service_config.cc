#include "node-agent/service_config.h"

#include <algorithm>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::agent {
namespace {

std::chrono::seconds wholeSeconds(ConfigTable& table, const std::string& key,
                                  std::chrono::seconds fallback, Duration min, Duration max) {
  const Duration given = table.duration(key, Duration::seconds(fallback.count()), min, max);
  return std::chrono::seconds(given.toMillis() / 1000);
}

}  // namespace

ServiceOptions readServiceOptions(ConfigTable& table) {
  ServiceOptions options;
  options.objective_percent = table.number("objective", options.objective_percent, 0, 100);
  if (options.objective_percent <= 0 || options.objective_percent >= 100) {
    table.fail("objective", "must be above 0 and below 100");
  }
  options.window = wholeSeconds(table, "window", options.window, limits::kMinServiceWindow,
                                limits::kMaxServiceWindow);
  options.period =
      wholeSeconds(table, "period", options.period, limits::kMinPeriod, limits::kMaxPeriod);
  options.min_events =
      static_cast<uint64_t>(table.integer("min_events", static_cast<int64_t>(options.min_events), 1,
                                          static_cast<int64_t>(limits::kMaxMinEvents)));
  options.bad_noun = table.string("noun", options.bad_noun);
  options.worse_for =
      wholeSeconds(table, "worse_for", options.worse_for, Duration{}, limits::kMaxStateFor);
  options.better_for =
      wholeSeconds(table, "better_for", options.better_for, Duration{}, limits::kMaxStateFor);
  return options;
}

std::string readServiceName(ConfigTable& table, const std::string& key) {
  std::string name = table.requiredString(key);
  const bool fits =
      name.size() <= limits::kMaxNameBytes && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (!fits) {
    table.fail(key, "must be 1 to " + std::to_string(limits::kMaxNameBytes) +
                        " letters, digits, '-', '_' and '.', not '" + singleLine(name, 80) + "'");
  }
  return name;
}

}  // namespace muster::agent
