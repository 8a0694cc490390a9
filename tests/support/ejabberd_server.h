// A private ejabberd for tests.
#pragma once

#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace muster::testing {

struct EjabberdConfig {
  std::string nodes_host = "nodes.test";
  std::string people_host = "people.test";
  std::vector<ServerAccount> accounts;
  std::string component = "muster.test";
  std::string component_secret = "component secret";
};

// Erlang runs it directly and without distribution: ejabberdctl would leave a daemon of Erlang's
// behind.
class EjabberdServer final : public ServerProcess {
 public:
  explicit EjabberdServer(EjabberdConfig config);

  // Whether this machine has ejabberd and openssl at all.
  static bool isInstalled();

 private:
  bool configure() override;
  std::vector<std::string> command() const override;
  bool isReady() const override;

  const EjabberdConfig config_;
};

}  // namespace muster::testing
