// The table [logs] of a node's configuration file; docs/logs.md has every key.
#pragma once

#include <filesystem>

#include "libcontrol/config/config_file.h"
#include "muster/node.h"

namespace muster {

// Without the table nothing is kept. Mistakes are told to it, each with its line and key.
LogOptions readLogOptions(ConfigTable logs, const std::filesystem::path& state_dir);

}  // namespace muster
