#include "bench/failover/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "libcontrol/base/text.h"

namespace muster::bench {
namespace {

constexpr double kShares[] = {0.5, 0.9, 0.99, 1};

using Value = std::function<double(const Sample&)>;

double measured(const Sample& sample) {
  return sample.measured;
}

double beyond(const Sample& sample) {
  return sample.measured - sample.minimum;
}

double gap(const Sample& sample) {
  return sample.gap;
}

// Nearest rank; milliseconds.
std::vector<double> percentiles(const std::vector<Sample>& samples, const Value& value) {
  std::vector<double> values;
  for (const Sample& each : samples) values.push_back(value(each) * 1e3);
  std::sort(values.begin(), values.end());
  std::vector<double> out;
  for (const double share : kShares) {
    const double rank = std::ceil(share * static_cast<double>(values.size()));
    out.push_back(values[static_cast<size_t>(std::max(rank, 1.0)) - 1]);
  }
  return out;
}

std::string line(const std::string& what, const std::vector<double>& values,
                 const std::string& more = "") {
  char text[160];
  std::snprintf(text, sizeof text, "  %-34s %9.1f %9.1f %9.1f %9.1f%s\n", what.c_str(), values[0],
                values[1], values[2], values[3], more.c_str());
  return text;
}

std::string timesMusters(const Samples& samples, Kind kind, const std::vector<double>& values) {
  const auto found = samples.find({kind, System::kMuster});
  if (found == samples.end()) return "";
  char text[40];
  std::snprintf(text, sizeof text, "  %8.2f",
                values[0] / percentiles(found->second, measured).front());
  return text;
}

long overlaps(const std::vector<Sample>& samples) {
  return std::count_if(samples.begin(), samples.end(),
                       [](const Sample& each) { return each.overlap; });
}

// Whose rules say from when on another one may act.
bool hasMinimum(Kind kind, System system) {
  return system == System::kMuster || (system == System::kEtcd && !isInOrder(kind));
}

bool hasGap(Kind kind, System system) {
  return isInOrder(kind) && system != System::kSentinel;
}

std::string section(const Samples& samples, Kind kind) {
  std::string out;
  for (const System system : kSystems) {
    const auto found = samples.find({kind, system});
    if (found == samples.end()) continue;
    const auto& own = found->second;
    const std::string name = systemName(system);
    const auto whole = percentiles(own, measured);
    out += line(name + ", until the next may act", whole, timesMusters(samples, kind, whole));
    if (hasMinimum(kind, system)) {
      out += line(name + ", beyond the minimum", percentiles(own, beyond));
    }
    if (hasGap(kind, system)) {
      out += line(name + ", nobody active", percentiles(own, gap));
    }
    if (const long count = overlaps(own); count > 0) {
      out += "  " + name + ": the old one had not stopped in " + std::to_string(count) +
             " rounds when the next began\n";
    }
  }
  if (out.empty()) return out;
  char heading[160];
  std::snprintf(heading, sizeof heading, "%-36s %9s %9s %9s %9s  %8s\n", kindName(kind), "p50",
                "p90", "p99", "max", "p50/ours");
  return heading + out;
}

constexpr char kPromises[] =
    "muster    at most one holder of a lease while clocks keep within 1 %; a fencing token with "
    "each\n"
    "etcd      at most one key is the oldest; the lease's end is etcd's, so a leader has to check "
    "its\n"
    "          own clock; the key's revision can serve as a fencing token\n"
    "sentinel  no mutual exclusion and no token: a master that is cut off goes on taking writes, "
    "and\n"
    "          writes that it has acknowledged may be lost\n";

}  // namespace

std::string failoverTable(const Samples& samples, Duration lease) {
  std::string out =
      "milliseconds; lease, etcd's TTL and down-after-milliseconds: " + formatDuration(lease) +
      "; rounds of each: " + std::to_string(samples.begin()->second.size()) + "\n";
  for (const Kind kind : kKinds) out += section(samples, kind);
  return out + "\n" + kPromises;
}

std::string failoverJson(const Samples& samples, Duration lease) {
  nlohmann::ordered_json out = {{"lease_ms", lease.toMillis()}};
  for (const auto& [of, own] : samples) {
    nlohmann::ordered_json rounds = nlohmann::ordered_json::array();
    for (const Sample& each : own) {
      rounds.push_back({{"measured_ms", each.measured * 1e3},
                        {"minimum_ms", each.minimum * 1e3},
                        {"gap_ms", each.gap * 1e3},
                        {"overlap", each.overlap}});
    }
    const auto [kind, system] = of;
    auto& entry = out[kindName(kind)][systemName(system)];
    entry = {{"measured_ms", percentiles(own, measured)}};
    if (hasMinimum(kind, system)) entry["beyond_minimum_ms"] = percentiles(own, beyond);
    if (hasGap(kind, system)) entry["nobody_active_ms"] = percentiles(own, gap);
    entry["overlaps"] = overlaps(own);
    entry["rounds"] = std::move(rounds);
  }
  return out.dump(2) + "\n";
}

}  // namespace muster::bench
