// The table [agent.levels]: how the program's log levels are changed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "libcontrol/config/config_file.h"
#include "muster/log_levels.h"
#include "node-agent/http_client.h"
#include "node-agent/levels/exec_levels.h"
#include "node-agent/levels/file_levels.h"

namespace muster::agent {

// What the drivers need of the agent.
struct LevelPorts {
  FileLevels::SignalProgram signal_program;
  RunExecutable run;
  std::shared_ptr<LogLevelDriver> sidecar;  // null: there is no socket
};

struct LevelConfig {
  std::string kind;
  std::function<std::shared_ptr<LogLevelDriver>(const LevelPorts&)> make;
};

// Mistakes go to the table.
LevelConfig readLevels(ConfigTable& table);

// url, unix_socket, ca_file, user, password_file and allow_remote, as every request of the agent
// has them.
HttpPlace readHttpPlace(ConfigTable& table);
// headers = ["Name: value", ...]
std::vector<std::string> readHttpHeaders(ConfigTable& table);
// An executable and its arguments; empty if the key is not there.
std::vector<std::string> readExecutable(ConfigTable& table, const std::string& key);

}  // namespace muster::agent
