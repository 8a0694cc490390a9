#include "coordinator/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "libcontrol/base/text.h"

namespace muster::coordinator {
namespace {

constexpr size_t kMaxStatusBytes = 300;

void tell(const std::string& text) {
  (void)sd_notify(0, text.c_str());
}

}  // namespace

void ServiceManager::ready() {
  tell("READY=1");
  uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) <= 0) return;
  QObject::connect(&alive_, &QTimer::timeout, [] { tell("WATCHDOG=1"); });
  const uint64_t half_ms = std::max<uint64_t>(1, usec / 2000);
  alive_.start(static_cast<int>(std::min<uint64_t>(half_ms, std::numeric_limits<int>::max())));
}

void ServiceManager::stopping() {
  tell("STOPPING=1");
}

void ServiceManager::reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}

void ServiceManager::reloaded(const std::string& status) {
  tell("READY=1\nSTATUS=" + singleLine(status, kMaxStatusBytes));
}

}  // namespace muster::coordinator
