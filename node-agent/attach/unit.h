// An application that is a unit of systemd's.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "node-agent/attach/control_group.h"
#include "node-agent/attach/process_mark.h"
#include "node-agent/attach/sighting.h"
#include "node-agent/attach/unit_manager.h"
#include "node-agent/limits.h"

namespace muster::agent {

class Unit : public Watched {
 public:
  Unit(std::string unit, UnitManager& manager,
       std::filesystem::path control_groups = kControlGroups)
      : unit_(std::move(unit)), manager_(manager), control_groups_(std::move(control_groups)) {}

  const std::string& unit() const { return unit_; }

  std::string name() const override { return "unit " + unit_; }
  // Up is "active" or "reloading". Gone is "inactive" or "failed" with an empty control group: a
  // unit that systemd is about to start again is "activating", and so not gone.
  Sighting look() override;
  Duration interval() const override { return limits::kUnitLook; }
  int handle() const override { return main_ ? main_->handle.get() : -1; }
  Status kill() override { return manager_.kill(unit_); }

 private:
  void follow(pid_t pid);

  const std::string unit_;
  UnitManager& manager_;
  const std::filesystem::path control_groups_;
  std::mutex mutex_;
  std::optional<ProcessMark> main_;
  // The last that it had: once it has stopped systemd tells none.
  std::string control_group_;
};

}  // namespace muster::agent
