// The sidecar socket, composed: hub, server, and what speaks through them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "node-agent/sidecar/sidecar_hub.h"
#include "node-agent/sidecar/sidecar_options.h"
#include "node-agent/sidecar/sidecar_role.h"
#include "node-agent/sidecar/sidecar_server.h"

namespace muster::agent {

// Made before the node is started, and ended after it has been stopped.
class Sidecar {
 public:
  // A clause on why the program can take no role; empty: it can. Any thread.
  using Unfit = std::function<void(const std::string& why)>;

  Sidecar(const SidecarOptions& options, SidecarHub::Facts facts, Node& node, Unfit unfit,
          Clock& clock);

  // Begins to listen; before the program is started, which is told where by MUSTER_SIDECAR.
  Status start();

  RoleChannel& role() { return role_; }
  std::shared_ptr<LogLevelDriver> levels() const { return levels_; }

 private:
  void onControl(bool connected);

  const SidecarOptions options_;
  const bool roles_;
  Node& node_;
  const Unfit unfit_;
  Clock& clock_;
  SidecarHub hub_;
  SidecarRole role_;
  std::shared_ptr<SidecarLevels> levels_;
  std::unique_ptr<SidecarServer> server_;
};

}  // namespace muster::agent
