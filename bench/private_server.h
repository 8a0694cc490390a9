// A private XMPP server for one run of a benchmark: Prosody, configured as `muster up` configures
// it, or ejabberd.
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

enum class ServerKind { kProsody, kEjabberd };

// The server as a child process on free loopback ports, with all its files in a folder of its own
// under the system's temporary folder. Ends with this object or with the thread that started it;
// the folder goes with the object.
class PrivateServer {
 public:
  // Blocks until the server takes connections. Errors: kNotFound (the server or openssl is not
  // installed), kTimeout, kUnavailable, kInternal (files).
  static Result<std::unique_ptr<PrivateServer>> start(const std::vector<local::Account>& accounts,
                                                      ServerKind kind = ServerKind::kProsody);
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  uint16_t clientPort() const { return info_.c2s_port; }
  std::string caFile() const;
  // Of the component whose domain is local::kComponentDomain.
  uint16_t componentPort() const { return info_.component_port; }
  const std::string& componentSecret() const { return secret_; }
  // For files of the run; goes with this object.
  const std::filesystem::path& folder() const { return info_.dir; }

 private:
  PrivateServer() = default;
  Status prepare();
  Status configureProsody(const std::vector<local::Account>& accounts);
  Status configureEjabberd(const std::vector<local::Account>& accounts);
  Status spawn(std::vector<std::string> argv);
  Status awaitPorts() const;

  local::ClusterInfo info_;
  std::string secret_;
  std::filesystem::path ready_file_;  // there once the server is; empty: its port says so
};

}  // namespace muster::bench
