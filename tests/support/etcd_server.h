// A private etcd of one member for tests, by default without TLS and without users.
#pragma once

#include <string>

#include "tests/support/server_process.h"

namespace muster::testing {

struct EtcdServerConfig {
  bool tls = false;  // as "localhost", with client certificates asked for
};

// Its data goes with it, but not with kill() and stop().
class EtcdServer final : public ServerProcess {
 public:
  explicit EtcdServer(EtcdServerConfig config = {});

  static bool isInstalled();
  // For clients; once it has started.
  std::string url() const;

 private:
  bool configure() override { return true; }
  std::vector<std::string> command() const override;
  bool isReady() const override;

  const EtcdServerConfig config_;
};

}  // namespace muster::testing
