// The table [agent.attach] of the configuration file.
#pragma once

#include <string>

#include "libcontrol/config/config_file.h"

namespace muster::agent {

// One of the two is set.
struct AttachConfig {
  std::string unit;      // of systemd's, a service
  std::string pid_file;  // absolute
};

AttachConfig readAttach(ConfigTable& table);

}  // namespace muster::agent
