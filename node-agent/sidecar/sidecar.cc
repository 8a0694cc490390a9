#include "node-agent/sidecar/sidecar.h"

#include <stdlib.h>

#include <utility>

namespace muster::agent {

Sidecar::Sidecar(const SidecarOptions& options, SidecarHub::Facts facts, Node& node, Unfit unfit,
                 Clock& clock)
    : options_(options),
      roles_(facts.roles),
      node_(node),
      unfit_(std::move(unfit)),
      clock_(clock),
      hub_(options, std::move(facts), node),
      role_(hub_, clock),
      levels_(std::make_shared<SidecarLevels>(hub_)) {
  hub_.setCallbacks({[this] { onControl(true); }, [this] { onControl(false); }});
}

Status Sidecar::start() {
  if (roles_) unfit_("the program is not connected");
  auto server = SidecarServer::open(options_, hub_, clock_);
  if (!server) return server.status();
  server_ = std::move(server).value();
  setenv("MUSTER_SIDECAR", options_.path.c_str(), 1);
  return Status::ok();
}

// Whoever can't be told to stop must not go on: giving the role up ends in a demotion that can't be
// told, and so in the program's end.
void Sidecar::onControl(bool connected) {
  if (connected) node_.applicationStarted();
  if (!roles_) return;
  unfit_(connected ? "" : "the program is not connected");
  if (!connected) node_.resign("the program's connection was lost");
}

}  // namespace muster::agent
