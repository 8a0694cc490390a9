// The site's hooks around a change of the active role, and how commands of the site are configured.
#pragma once

#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/config/config_file.h"

namespace muster::coordinator {

// Program and words each; empty: there is none.
struct HookConfig {
  std::vector<std::string> pre_failover;  // anything but exit code 0 is a veto
  std::vector<std::string> on_demote;
  std::vector<std::string> on_promote;
  std::vector<std::string> post_failover;
  Duration pre_failover_timeout = Duration::seconds(10);
  Duration timeout = Duration::seconds(30);  // of each of the others
};

HookConfig readHooks(ConfigTable table);

// Program and words. A program that isn't an executable file, or can't be found, fails the key.
std::vector<std::string> readCommand(ConfigTable& table, const std::string& key);

}  // namespace muster::coordinator
