// Where Prometheus scrapes: http://ADDRESS:PORT/metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/metrics/families.h"
#include "libcontrol/metrics/metrics_config.h"

namespace prometheus {
class Exposer;
}

namespace muster::metrics {

class Handover;

// Serves /metrics, and nothing else, on threads of its own, which no signal reaches. Made and
// destroyed on one thread; destroying it waits for scrapes that are under way, none of which waits
// for the loop any longer.
class Exposition {
 public:
  // `ask` and `clock`: see Handover. kInvalidArgument: as checkListen(); kUnavailable: the address
  // can't be listened on, with the reason.
  static Result<std::unique_ptr<Exposition>> open(const MetricsConfig& config,
                                                  std::function<void()> ask, Clock& clock);
  ~Exposition();
  Exposition(const Exposition&) = delete;
  Exposition& operator=(const Exposition&) = delete;

  // From the event loop, after it was asked.
  void publish(Families families);
  // That it listens on: the one it was given, unless that was 0.
  uint16_t port() const;

 private:
  Exposition(std::shared_ptr<Handover> handover, std::unique_ptr<prometheus::Exposer> server);

  // The server knows it weakly.
  const std::shared_ptr<Handover> handover_;
  std::unique_ptr<prometheus::Exposer> server_;
};

}  // namespace muster::metrics
