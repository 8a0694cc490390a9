// A private Prosody for tests.
#pragma once

#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace muster::testing {

struct ProsodyConfig {
  std::string nodes_host = "nodes.test";    // Without stream management: a dead node is seen dead.
  std::string people_host = "people.test";  // With it, as a site's own server has.
  std::vector<ServerAccount> accounts;
  std::string component = "muster.test";  // Empty: none.
  std::string component_secret = "component secret";
  // Lua, put into the global part and after everything else.
  std::string extra_global;
  std::string extra_hosts;
  // Modules of the test's own, loaded for all hosts.
  struct Module {
    std::string name;
    std::string lua;
  };
  std::vector<Module> modules;
};

class ProsodyServer final : public ServerProcess {
 public:
  explicit ProsodyServer(ProsodyConfig config);

  // Whether this machine has Prosody and openssl at all.
  static bool isInstalled();

 private:
  bool configure() override;
  std::vector<std::string> command() const override;
  void writeConfig() const;
  void writeAccounts() const;

  const ProsodyConfig config_;
};

}  // namespace muster::testing
