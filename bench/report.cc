#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace muster::bench {
namespace {

constexpr Kind kComparedWith[] = {Kind::kEcho, Kind::kText, Kind::kPing};

double percentileOf(std::vector<double> values, double share) {
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp(
                                       rank - 1, 0.0, static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char line[160];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(line, sizeof line, pattern, arguments);
  va_end(arguments);
  return line;
}

std::string ratioLine(const Depth& depth, Kind to) {
  const Ratio value = ratio(depth.of(Kind::kCommand), depth.of(to));
  return format("%5d  command/%-7s %5.2f  (%.2f to %.2f in the middle half of the rounds)\n",
                depth.in_flight, kindName(to), value.all, value.lower_quartile,
                value.upper_quartile);
}

double rounded(double value, double steps_per_unit) {
  return std::round(value * steps_per_unit) / steps_per_unit;
}

nlohmann::ordered_json ratioJson(const Ratio& value) {
  return {{"p50", rounded(value.all, 1000)},
          {"lower_quartile", rounded(value.lower_quartile, 1000)},
          {"upper_quartile", rounded(value.upper_quartile, 1000)}};
}

nlohmann::ordered_json depthJson(const Depth& depth) {
  nlohmann::ordered_json out = {{"in_flight", depth.in_flight}};
  for (const Kind kind : kKinds) {
    const Series& series = depth.of(kind);
    out[kindName(kind)] = {{"round_trips", series.size()},
                           {"p50_us", rounded(series.percentile(0.5), 10)},
                           {"p99_us", rounded(series.percentile(0.99), 10)},
                           {"per_second", rounded(series.perSecond(), 1)}};
  }
  for (const Kind to : kComparedWith) {
    out[std::string("command_to_") + kindName(to)] =
        ratioJson(ratio(depth.of(Kind::kCommand), depth.of(to)));
  }
  return out;
}

}  // namespace

void Series::add(Batch batch) {
  round_medians_.push_back(percentileOf(batch.microseconds, 0.5));
  seconds_ += batch.seconds;
  all_.insert(all_.end(), batch.microseconds.begin(), batch.microseconds.end());
}

double Series::percentile(double share) const {
  return percentileOf(all_, share);
}

// A round's time runs from its first answer on, so the first is not among those it took.
double Series::perSecond() const {
  return static_cast<double>(all_.size() - round_medians_.size()) / seconds_;
}

Ratio ratio(const Series& of, const Series& to) {
  std::vector<double> rounds;
  for (size_t i = 0; i < of.roundMedians().size(); ++i) {
    rounds.push_back(of.roundMedians()[i] / to.roundMedians()[i]);
  }
  return {of.percentile(0.5) / to.percentile(0.5), percentileOf(rounds, 0.25),
          percentileOf(rounds, 0.75)};
}

std::string table(const Report& report) {
  std::string out =
      format("%s; %s%s: %zu bytes there, %zu back; %d rounds of %d round trips\n\n",
             report.server.c_str(), report.command.c_str(), report.wants_reply ? " with reply" : "",
             report.payload.request, report.payload.answer, report.rounds, report.per_round);
  out += "depth  kind       p50 us    p99 us   per second\n";
  for (const Depth& depth : report.depths) {
    for (const Kind kind : kKinds) {
      const Series& series = depth.of(kind);
      out += format("%5d  %-8s %8.0f  %8.0f  %11.0f\n", depth.in_flight, kindName(kind),
                    series.percentile(0.5), series.percentile(0.99), series.perSecond());
    }
  }
  out += "\ndepth  ratio of p50\n";
  for (const Depth& depth : report.depths) {
    for (const Kind to : kComparedWith) out += ratioLine(depth, to);
  }
  return out;
}

std::string json(const Report& report) {
  nlohmann::ordered_json out = {{"server", report.server},
                                {"command", report.command},
                                {"wants_reply", report.wants_reply},
                                {"rounds", report.rounds},
                                {"per_round", report.per_round},
                                {"request_bytes", report.payload.request},
                                {"answer_bytes", report.payload.answer}};
  for (const Depth& depth : report.depths) out["depths"].push_back(depthJson(depth));
  return out.dump(2) + "\n";
}

}  // namespace muster::bench
