// What the private XMPP servers of tests have in common: a child process on loopback with
// everything under one folder of its own, which goes with it.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::testing {

struct ServerAccount {
  std::string host;
  std::string user;
  std::string password;
};

// Not copied, one owner, any thread. Functions return false, with error() saying why, rather than
// throw; nothing waits longer than a hundred seconds. The process is killed on destruction, and by
// the kernel if the test dies before.
class ServerProcess {
 public:
  virtual ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

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

 protected:
  // `program` is for messages and the folder's name.
  ServerProcess(std::string program, std::vector<std::string> hosts, bool has_component);

  // Once, when there are a folder, ports and certificates: HOST.crt and HOST.key for each host.
  virtual bool configure() = 0;
  virtual std::vector<std::string> command() const = 0;
  // Besides listening.
  virtual bool isReady() const { return true; }

  static bool isOnPath(const std::string& program);
  static void write(const std::string& path, const std::string& text);
  static std::string read(const std::string& path);
  bool fail(std::string error);

 private:
  bool prepare();
  bool makeCertificates();
  bool makeCertificate(const std::string& host);
  bool spawn();
  bool waitForPorts();

  const std::string program_;
  const std::vector<std::string> hosts_;
  const bool has_component_;
  std::string dir_;
  std::string error_;
  uint16_t client_port_ = 0;
  uint16_t component_port_ = 0;
  pid_t pid_ = 0;
  bool prepared_ = false;
};

}  // namespace muster::testing
