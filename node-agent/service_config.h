// How a service is judged, as tables of the agent's configuration say it.
#pragma once

#include <string>

#include "libcontrol/config/config_file.h"
#include "muster/service.h"

namespace muster::agent {

// objective, window, period, min_events, noun, worse_for, better_for.
ServiceOptions readServiceOptions(ConfigTable& table);
// A service's name; what it says is wrong goes to the table.
std::string readServiceName(ConfigTable& table, const std::string& key);

}  // namespace muster::agent
