// What systemd is told of the coordinator (sd_notify(3)), if it was started by a unit with
// Type=notify. On the thread of the event loop, whose turning is the sign of life.
#pragma once

#include <QTimer>
#include <string>

namespace muster::coordinator {

class ServiceManager {
 public:
  // Says that it is ready, and from then on that it lives, at half of the time after which systemd
  // would kill it (WATCHDOG_USEC).
  void ready();
  void stopping();
  void reloading();
  // Ends reloading(): what is shown beside the unit says what came of it.
  void reloaded(const std::string& status);

 private:
  QTimer alive_;
};

}  // namespace muster::coordinator
