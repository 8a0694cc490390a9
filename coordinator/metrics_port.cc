#include "coordinator/metrics_port.h"

#include <QCoreApplication>
#include <QEvent>
#include <utility>

namespace muster::coordinator {

Result<std::unique_ptr<MetricsPort>> MetricsPort::open(const metrics::MetricsConfig& config,
                                                       Describe describe, Clock& clock) {
  std::unique_ptr<MetricsPort> port(new MetricsPort(std::move(describe)));
  // An event without anything in it may be posted from any thread.
  const auto ask = [here = port.get()] {
    QCoreApplication::postEvent(here, new QEvent(QEvent::User));
  };
  auto exposition = metrics::Exposition::open(config, ask, clock);
  if (!exposition) return exposition.status();
  port->exposition_ = std::move(exposition).value();
  return port;
}

void MetricsPort::customEvent(QEvent*) {
  exposition_->publish(describe_());
}

}  // namespace muster::coordinator
