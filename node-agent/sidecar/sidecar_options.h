// The table [agent.sidecar]: the socket over which the program itself speaks with the agent.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libcontrol/config/config_file.h"
#include "muster/service.h"

namespace muster::agent {

struct SidecarService {
  enum class Kind { kRequests, kAvailability, kGauge };
  std::string name;
  Kind kind = Kind::kRequests;
  ServiceOptions options;
  GaugeBounds bounds;
};

struct SidecarOptions {
  std::string path;  // of the socket, which is made with mode 0600
  // Who may connect, besides the user that the agent runs as.
  std::vector<uid_t> users;
  std::vector<SidecarService> services;
};

SidecarOptions readSidecar(ConfigTable& table);

}  // namespace muster::agent
