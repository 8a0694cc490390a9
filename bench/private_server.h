// A private XMPP server for one run of a benchmark, configured as `muster up` configures it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/local/cluster_info.h"
#include "coordinator/local/process.h"
#include "libcontrol/base/status.h"

namespace muster::bench {

// Prosody as a child process on free loopback ports, with all its files in a folder of its own
// under the system's temporary folder. Ends with this object or with the thread that started it;
// the folder goes with the object.
class PrivateServer {
 public:
  // Blocks until the server takes connections. Errors: kNotFound (prosody or openssl is not
  // installed), kTimeout, kUnavailable, kInternal (files).
  static Result<std::unique_ptr<PrivateServer>> start(const std::vector<local::Account>& accounts);
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  uint16_t clientPort() const { return info_.c2s_port; }
  std::string caFile() const;

 private:
  PrivateServer() = default;
  Status prepare(const std::vector<local::Account>& accounts);
  Status spawn(const std::filesystem::path& prosody);
  Status awaitPorts() const;

  local::ClusterInfo info_;
};

}  // namespace muster::bench
