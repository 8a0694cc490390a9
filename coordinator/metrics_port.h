// The coordinator's /metrics.
#pragma once

#include <QObject>
#include <functional>
#include <memory>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/metrics/exposition.h"

namespace muster::coordinator {

// Has the event loop describe itself whenever somebody scrapes. Made and destroyed on the loop's
// thread; the clock must outlive it.
class MetricsPort : public QObject {
 public:
  using Describe = std::function<metrics::Families()>;
  // Errors: those of Exposition::open().
  static Result<std::unique_ptr<MetricsPort>> open(const metrics::MetricsConfig& config,
                                                   Describe describe, Clock& clock);

  uint16_t port() const { return exposition_->port(); }

 protected:
  void customEvent(QEvent* event) override;

 private:
  explicit MetricsPort(Describe describe) : describe_(std::move(describe)) {}

  const Describe describe_;
  std::unique_ptr<metrics::Exposition> exposition_;
};

}  // namespace muster::coordinator
