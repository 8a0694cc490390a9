#include "libcontrol/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <limits>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"

namespace muster::metrics {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric* Families::add(const std::string& name, const std::string& help, MetricType type,
                            const Labels& labels, size_t cost) {
  ClientMetric metric;
  std::string key = name;
  for (const auto& [label, value] : labels) {
    metric.label.push_back({label, singleLine(value, limits::kMaxLabelBytes)});
    // No name and no value has a line feed in it by now.
    key += "\n" + label + "\n" + metric.label.back().value;
  }
  if (!seen_.insert(std::move(key)).second) return nullptr;
  if (series_ + cost > limits::kMaxMetricSeries) {
    dropped_ += cost;
    return nullptr;
  }
  series_ += cost;
  const auto [at, is_new] = index_.emplace(name, families_.size());
  if (is_new) families_.push_back({name, help, type, {}});
  std::vector<ClientMetric>& metrics = families_[at->second].metric;
  metrics.push_back(std::move(metric));
  return &metrics.back();
}

void Families::gauge(const std::string& name, const std::string& help, const Labels& labels,
                     double value) {
  if (ClientMetric* metric = add(name, help, MetricType::Gauge, labels, 1)) {
    metric->gauge.value = value;
  }
}

void Families::counter(const std::string& name, const std::string& help, const Labels& labels,
                       double value) {
  if (ClientMetric* metric = add(name, help, MetricType::Counter, labels, 1)) {
    metric->counter.value = value;
  }
}

void Families::histogram(const std::string& name, const std::string& help, const Labels& labels,
                         const Durations& durations) {
  // A series of each bound, of infinity, of the sum and of the count.
  ClientMetric* metric =
      add(name, help, MetricType::Histogram, labels, durations.bounds.size() + 3);
  if (metric == nullptr) return;
  uint64_t so_far = 0;
  for (size_t i = 0; i < durations.bounds.size(); ++i) {
    so_far += durations.counts[i];
    metric->histogram.bucket.push_back({so_far, durations.bounds[i]});
  }
  metric->histogram.bucket.push_back({durations.count, std::numeric_limits<double>::infinity()});
  metric->histogram.sample_count = durations.count;
  metric->histogram.sample_sum = durations.sum_seconds;
}

void Families::states(const std::string& name, const std::string& help, const Labels& labels,
                      const std::string& label, const std::vector<std::string>& all,
                      const std::string& present) {
  for (const std::string& state : all) {
    Labels with_state = labels;
    with_state.emplace_back(label, state);
    gauge(name, help, with_state, state == present ? 1 : 0);
  }
}

std::vector<MetricFamily> Families::take() {
  MetricFamily dropped{"muster_metrics_series_dropped",
                       "Series left out of this scrape since there were too many.",
                       MetricType::Gauge,
                       {}};
  dropped.metric.emplace_back().gauge.value = static_cast<double>(dropped_);
  families_.push_back(std::move(dropped));
  return std::move(families_);
}

std::string textOf(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace muster::metrics
