// The part of the configuration that says whom incidents are taken to: [alerts].
#pragma once

#include <optional>
#include <vector>

#include "coordinator/alert_room.h"
#include "coordinator/channels.h"
#include "libcontrol/config/config_file.h"
#include "libcontrol/incident/types.h"

namespace muster::coordinator {

struct AlertConfig {
  incident::Policy policy;  // its address and component are left empty
  std::vector<ChannelConfig> channels;
  std::optional<AlertRoomConfig> room;
};

// Mistakes are collected in the file.
AlertConfig readAlerts(ConfigTable table);

}  // namespace muster::coordinator
