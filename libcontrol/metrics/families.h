// Metrics as Prometheus takes them: names with the prefix muster_, base units, a help text each.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// What happened so often, by how long it took: a histogram of Prometheus.
struct Durations {
  // The upper bounds in seconds, rising; what is above the last is only in `count`.
  std::vector<double> bounds;
  std::vector<uint64_t> counts;  // of each bound, those above the one before; as many as bounds
  uint64_t count = 0;
  double sum_seconds = 0;
};

// Collects one scrape's worth of metrics. A plain value for one thread.
//
// A scrape is refused by Prometheus as a whole for one series that is in it twice or one label that
// isn't UTF-8, so neither can get in. It is bounded (limits::kMaxMetricSeries): what comes later is
// left out and counted, so the important comes first.
class Families {
 public:
  void gauge(const std::string& name, const std::string& help, const Labels& labels, double value);
  // `name` ends in _total.
  void counter(const std::string& name, const std::string& help, const Labels& labels,
               double value);
  void histogram(const std::string& name, const std::string& help, const Labels& labels,
                 const Durations& durations);
  // One series of each of the states, with the label `label`: 1 for the present one, else 0.
  void states(const std::string& name, const std::string& help, const Labels& labels,
              const std::string& label, const std::vector<std::string>& all,
              const std::string& present);

  size_t series() const { return series_; }
  // All of it, and muster_metrics_series_dropped.
  std::vector<prometheus::MetricFamily> take();

 private:
  // Null if the series is there already, or one too many.
  prometheus::ClientMetric* add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const Labels& labels, size_t cost);

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t, std::less<>> index_;
  std::set<std::string, std::less<>> seen_;
  size_t series_ = 0;
  size_t dropped_ = 0;
};

// As it is scraped: the text format 0.0.4.
std::string textOf(const std::vector<prometheus::MetricFamily>& families);

}  // namespace muster::metrics
