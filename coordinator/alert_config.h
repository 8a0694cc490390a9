// The part of the configuration that says whom incidents are taken to: [alerts].
#pragma once

#include <vector>

#include "coordinator/channels.h"
#include "libcontrol/config/config_file.h"
#include "libcontrol/incident/types.h"

namespace muster::coordinator {

struct AlertConfig {
  incident::Policy policy;  // its address and component are left empty
  std::vector<ChannelConfig> channels;
};

// Mistakes are collected in the file.
AlertConfig readAlerts(ConfigTable table);

}  // namespace muster::coordinator
