// How a scrape gets its figures: from a copy that the event loop hands over, never from the loop's
// own state.
#pragma once

#include <prometheus/collectable.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/metrics/families.h"

namespace muster::metrics {

// Any thread. A scrape asks the loop for a copy and waits for it; scrapes that come at once share
// one, and one that has just been made serves the next ones, so that nobody keeps the loop busy by
// scraping. Where the loop doesn't answer within limits::kMetricsWait the last copy is shown, and
// muster_metrics_age_seconds says how old it is.
class Handover : public prometheus::Collectable {
 public:
  // `ask` is called on a thread of the server's. It makes the loop call publish() soon and returns
  // at once. The clock must outlive this.
  Handover(std::function<void()> ask, Clock& clock, Duration patience);

  std::vector<prometheus::MetricFamily> Collect() const override;

  // From the loop.
  void publish(Families families);
  // Nobody waits any longer, now or later.
  void close();

 private:
  bool isFresh() const;
  std::vector<prometheus::MetricFamily> latest() const;

  const std::function<void()> ask_;
  Clock& clock_;
  const Duration patience_;
  mutable std::mutex mutex_;
  mutable std::condition_variable published_;
  mutable bool asked_ = false;
  bool closed_ = false;
  uint64_t copies_ = 0;
  std::vector<prometheus::MetricFamily> families_;
  std::optional<ElapsedTime> made_;
};

}  // namespace muster::metrics
