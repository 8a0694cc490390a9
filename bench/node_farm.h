// Many nodes in one process: their links and all that they do on the event loop, without threads of
// their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"

namespace muster::bench {

struct FarmConfig {
  int first = 0;
  int count = 0;
  std::string host;
  uint16_t port = 0;
  std::string ca_file;
  std::string password;  // of every node's account
  Jid coordinator;       // the component's address
  std::filesystem::path log_file;
  int services = 0;  // of each node, which count requests and nothing else
};

std::string farmNodeName(int index);
Jid farmNodeJid(int index);  // bare
// The same at each start, so that the other side knows the full JID.
InstanceId farmInstance(int index);
Jid farmFullJid(int index);

// Nodes `first` to `first + count - 1`, none of a group; each writes one byte to `ready` with its
// first login. Runs the event loop and returns only when something went wrong.
void runFarm(const FarmConfig& config, int ready);

}  // namespace muster::bench
