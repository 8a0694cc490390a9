#include "libcontrol/metrics/handover.h"

#include <chrono>
#include <utility>

#include "libcontrol/base/limits.h"

namespace muster::metrics {

Handover::Handover(std::function<void()> ask, Clock& clock, Duration patience)
    : ask_(std::move(ask)), clock_(clock), patience_(patience) {}

bool Handover::isFresh() const {
  return made_ && clock_.elapsed() - *made_ < limits::kMetricsFresh;
}

std::vector<prometheus::MetricFamily> Handover::latest() const {
  std::vector<prometheus::MetricFamily> out = families_;
  if (!made_) return out;
  prometheus::MetricFamily age{"muster_metrics_age_seconds",
                               "How long ago these figures were taken; more than a few seconds "
                               "say that the process is stuck.",
                               prometheus::MetricType::Gauge,
                               {}};
  age.metric.emplace_back().gauge.value = (clock_.elapsed() - *made_).toSeconds();
  out.push_back(std::move(age));
  return out;
}

std::vector<prometheus::MetricFamily> Handover::Collect() const {
  std::unique_lock lock(mutex_);
  if (closed_ || isFresh()) return latest();
  const uint64_t before = copies_;
  if (!std::exchange(asked_, true)) {
    // What it asks may be waiting for this very lock.
    lock.unlock();
    ask_();
    lock.lock();
  }
  const bool came = published_.wait_for(lock, std::chrono::nanoseconds(patience_.ns),
                                        [&] { return closed_ || copies_ != before; });
  // The question may have been lost; the next scrape asks again.
  if (!came) asked_ = false;
  return latest();
}

void Handover::publish(Families families) {
  const std::lock_guard lock(mutex_);
  families_ = families.take();
  made_ = clock_.elapsed();
  ++copies_;
  asked_ = false;
  published_.notify_all();
}

void Handover::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  published_.notify_all();
}

}  // namespace muster::metrics
