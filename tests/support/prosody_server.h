// A private Prosody for tests: a child process on loopback with everything under one folder of its
// own, which goes with it.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::testing {

struct ProsodyConfig {
  std::string nodes_host = "nodes.test";    // Without stream management: a dead node is seen dead.
  std::string people_host = "people.test";  // With it, as a site's own server has.
  struct Account {
    std::string host;
    std::string user;
    std::string password;
  };
  std::vector<Account> accounts;
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

// Not copied, one owner, any thread. Functions return false, with error() saying why, rather than
// throw; nothing waits longer than ten seconds. The process is killed on destruction, and by the
// kernel if the test dies before.
class ProsodyServer {
 public:
  explicit ProsodyServer(ProsodyConfig config);
  ~ProsodyServer();
  ProsodyServer(const ProsodyServer&) = delete;
  ProsodyServer& operator=(const ProsodyServer&) = delete;

  // Whether this machine has Prosody and openssl at all.
  static bool isInstalled();

  // Writes configuration, certificates and accounts at the first start; the ports stay the same.
  bool start();
  void stop();  // Politely, with the end of every stream.
  void kill();  // SIGKILL.
  bool restart() {
    stop();
    return start();
  }
  // SIGSTOP and SIGCONT: a server that is there and does not answer.
  void freeze();
  void thaw();

  bool isRunning() const { return pid_ > 0; }
  uint16_t clientPort() const { return client_port_; }
  uint16_t componentPort() const { return component_port_; }
  // The authority that signed the hosts' certificates, and one that signed nothing of it.
  std::string caFile() const { return dir_ + "/ca.pem"; }
  std::string otherCaFile() const { return dir_ + "/other-ca.pem"; }
  const std::string& dir() const { return dir_; }
  std::string log() const;
  const std::string& error() const { return error_; }

 private:
  bool prepare();
  bool makeCertificates();
  bool makeCertificate(const std::string& host);
  bool writeConfig();
  bool writeAccounts();
  bool spawn();
  bool waitForPorts();
  bool fail(std::string error);

  const ProsodyConfig config_;
  std::string dir_;
  std::string error_;
  uint16_t client_port_ = 0;
  uint16_t component_port_ = 0;
  pid_t pid_ = 0;
  bool prepared_ = false;
};

}  // namespace muster::testing
