// What the agent wants of a program that is connected to the sidecar socket: its role and its log
// levels.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/log_levels.h"
#include "node-agent/failover.h"
#include "node-agent/sidecar/sidecar_hub.h"

namespace muster::agent {

// The hub must outlive both.
class SidecarRole : public RoleChannel {
 public:
  SidecarRole(SidecarHub& hub, Clock& clock) : hub_(hub), clock_(clock) {}

  Status promote(const Lease& lease, Duration within) override;
  Status demote(uint64_t epoch, const std::string& cause, Duration within) override;
  void renewed(const Lease& lease) override;

 private:
  SidecarHub& hub_;
  Clock& clock_;
  ElapsedTime told_{};  // of the lease
};

class SidecarLevels : public LogLevelDriver {
 public:
  explicit SidecarLevels(SidecarHub& hub) : hub_(hub) {}

  std::string describe() const override { return "the application's own connection"; }
  bool knowsNames() const override { return true; }
  Result<std::vector<ApplicationLogger>> list() override { return hub_.loggers(); }
  Status set(const std::string& logger, std::optional<LogLevel> level) override;

 private:
  SidecarHub& hub_;
};

}  // namespace muster::agent
