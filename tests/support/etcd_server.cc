#include "tests/support/etcd_server.h"

namespace muster::testing {

EtcdServer::EtcdServer(EtcdServerConfig config)
    : ServerProcess("etcd", {"localhost"}, true), config_(config) {}

bool EtcdServer::isInstalled() {
  return isOnPath("etcd") && isOnPath("openssl");
}

std::string EtcdServer::url() const {
  return (config_.tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(clientPort());
}

std::vector<std::string> EtcdServer::command() const {
  const std::string peer = "http://127.0.0.1:" + std::to_string(componentPort());
  const std::string listen =
      std::string(config_.tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(clientPort());
  std::vector<std::string> out = {"etcd",
                                  "--name=test",
                                  "--data-dir=" + dir() + "/data",
                                  "--listen-client-urls=" + listen,
                                  "--advertise-client-urls=" + listen,
                                  "--listen-peer-urls=" + peer,
                                  "--initial-advertise-peer-urls=" + peer,
                                  "--initial-cluster=test=" + peer,
                                  "--logger=zap",
                                  "--log-level=warn"};
  if (config_.tls) {
    out.push_back("--cert-file=" + dir() + "/localhost.crt");
    out.push_back("--key-file=" + dir() + "/localhost.key");
    out.push_back("--client-cert-auth");
    out.push_back("--trusted-ca-file=" + caFile());
  }
  return out;
}

// It listens to clients only once it has a leader, itself.
bool EtcdServer::isReady() const {
  return true;
}

}  // namespace muster::testing
