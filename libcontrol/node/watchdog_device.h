// The machine's watchdog as a file: /dev/watchdog and its ioctls.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "libcontrol/base/status.h"

namespace muster {

// One thread at a time. Every error names the device and says what is wrong with it.
class WatchdogDevice {
 public:
  virtual ~WatchdogDevice() = default;

  virtual bool isOpen() const = 0;
  // From here on it counts, by whatever timeout it has, and one process alone has it. Fails if it
  // can't do all that is needed here; then it is as it was before.
  virtual Status open() = 0;
  // Only while it is open. In whole seconds; what the device made of it, which may be more or less.
  // Most devices are fed by it.
  virtual Result<int> setTimeout(int seconds) = 0;
  virtual Result<int> timeout() = 0;
  virtual Status feed() = 0;
  // Stops and closes it. If that can't be done it stays open and goes on counting.
  virtual Status disarm() = 0;

  // For people: the path and, once it has been open, what the device calls itself.
  virtual std::string name() const = 0;
};

std::unique_ptr<WatchdogDevice> makeLinuxWatchdog(const std::filesystem::path& path);

}  // namespace muster
