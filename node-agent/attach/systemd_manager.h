// systemd, by D-Bus.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "node-agent/attach/unit_manager.h"

struct sd_bus;

namespace muster::agent {

// On the system's bus, which DBUS_SYSTEM_BUS_ADDRESS may say. Starting and stopping need the right
// to (polkit's org.freedesktop.systemd1.manage-units, or root); asking needs none.
class SystemdManager : public UnitManager {
 public:
  SystemdManager() = default;
  ~SystemdManager() override;

  Result<UnitState> state(const std::string& unit) override;
  Status start(const std::string& unit, Duration limit,
               const std::function<bool()>& allowed) override;
  Status stop(const std::string& unit, Duration limit) override;
  Status kill(const std::string& unit) override;

 private:
  Result<UnitState> ask(const std::string& unit);

  std::mutex mutex_;
  sd_bus* bus_ = nullptr;  // for state(); what waits for a job has a connection of its own
};

}  // namespace muster::agent
