#include "coordinator/local/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <QCryptographicHash>
#include <QMessageAuthenticationCode>
#include <QPasswordDigestor>
#include <cctype>
#include <cstdio>
#include <set>
#include <sstream>
#include <vector>

#include "coordinator/local/files.h"
#include "libcontrol/base/ids.h"
#include "libcontrol/base/jid.h"
#include "libcontrol/base/random.h"

namespace muster::local {
namespace {

// Prosody's own default. A random 128-bit password needs no more.
constexpr int kIterations = 10000;
constexpr int kSha1Bytes = 20;

// How Prosody's data store turns hosts and users into file names.
std::string storeName(std::string_view text) {
  std::string name;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 && c < 0x80) {
      name += static_cast<char>(c);
      continue;
    }
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02x", c);
    name += escaped;
  }
  return name;
}

QByteArray sha1Hmac(const QByteArray& key, const QByteArray& message) {
  return QMessageAuthenticationCode::hash(message, key, QCryptographicHash::Sha1);
}

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::filesystem::path serverFolder(const std::filesystem::path& dir) {
  return dir / "server";
}

std::string luaQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (const unsigned char c : text) {
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
      quoted += static_cast<char>(c);
      continue;
    }
    char escaped[5];
    std::snprintf(escaped, sizeof escaped, "\\%03u", c);
    quoted += escaped;
  }
  return quoted + "\"";
}

namespace {

std::string uploadDomain(const ClusterInfo& info) {
  return "upload." + info.domain;
}

// Files are put and fetched without TLS, since they don't leave the machine.
std::string httpPorts(const ClusterInfo& info) {
  if (info.upload_port == 0) return "";
  return "http_interfaces = { " + luaQuoted(info.host) + " }\nhttp_ports = { " +
         std::to_string(info.upload_port) + " }\nhttps_ports = {}\n";
}

std::string uploadComponent(const ClusterInfo& info) {
  if (info.upload_port == 0) return "";
  const std::string url = "http://" + info.host + ":" + std::to_string(info.upload_port) + "/";
  return "\nComponent " + luaQuoted(uploadDomain(info)) + " \"http_file_share\"\n" +
         "  http_host = " + luaQuoted(info.host) + "\n" +
         "  http_external_url = " + luaQuoted(url) + "\n" + "  http_file_share_access = { " +
         luaQuoted(info.domain) + ", " + luaQuoted(kNodeDomain) + " }\n";
}

}  // namespace

std::string serverConfig(const ClusterInfo& info, const std::string& component_secret,
                         bool run_as_root) {
  const auto folder = serverFolder(info.dir);
  const auto quotedPath = [&](const char* name) { return luaQuoted((folder / name).string()); };
  std::ostringstream out;
  out << "-- Written by `muster up`, anew each time it starts the server.\n"
      << "run_as_root = " << (run_as_root ? "true" : "false") << "\n"
      << "pidfile = " << quotedPath("prosody.pid") << "\n"
      << "data_path = " << quotedPath("data") << "\n"
      << "plugin_paths = {}\n"
      << "-- To stdout, which is the log file that `muster up` opened.\n"
      << "log = { { to = \"console\", levels = { min = \"info\" }, timestamps = true } }\n"
      << "\n"
      << "interfaces = { " << luaQuoted(info.host) << " }\n"
      << "component_interfaces = { " << luaQuoted(info.host) << " }\n"
      << "c2s_ports = { " << info.c2s_port << " }\n"
      << "component_ports = { " << info.component_port << " }\n"
      << "c2s_direct_tls_ports = {}\n"
      << httpPorts(info)
      << "-- Nagle's algorithm and small acknowledgements together cost 40 ms a round trip.\n"
      << "network_settings = { nagle = false }\n"
      << "-- The default collects garbage nearly all the time; this doubles what the server can "
         "pass on.\n"
      << "gc = { mode = \"incremental\", threshold = 150, speed = 500 }\n"
      << "c2s_stanza_size_limit = 524288\n"
      << "\n"
      << "authentication = \"internal_hashed\"\n"
      << "storage = \"internal\"\n"
      << "c2s_require_encryption = true\n"
      << "allow_registration = false\n"
      << "ssl = { certificate = " << quotedPath("certs/server.crt")
      << ", key = " << quotedPath("certs/server.key") << " }\n"
      << "modules_enabled = { \"roster\", \"saslauth\", \"tls\", \"disco\", \"ping\", \"pep\" }\n"
      << "modules_disabled = { \"s2s\" }\n"
      << "\n"
      << "VirtualHost " << luaQuoted(info.domain) << "\n"
      << "  modules_enabled = { \"smacks\", \"carbons\", \"blocklist\", \"vcard4\", \"time\" }\n"
      << "  -- A client that is gone is shown as gone, but for a short break of its connection.\n"
      << "  smacks_hibernation_time = 5\n"
      << "\n"
      << "-- Nodes have no stream management: it would show a dead node as present for minutes,\n"
      << "-- and no offline storage: a late command must not be carried out.\n"
      << "VirtualHost " << luaQuoted(kNodeDomain) << "\n"
      << "  modules_disabled = { \"offline\" }\n"
      << (info.upload_port == 0
              ? ""
              : "  disco_items = { { " + luaQuoted(uploadDomain(info)) + ", \"files\" } }\n")
      << "\n"
      << "Component " << luaQuoted(info.coordinator) << "\n"
      << (info.etcd.empty() ? ""
                            : "  -- Who leads takes the address over from one that has stopped.\n"
                              "  component_conflict_resolve = \"kick_old\"\n")
      << "  component_secret = " << luaQuoted(component_secret) << "\n";
  for (const CoordinatorInfo& coordinator : info.coordinators) {
    if (coordinator.lease_address.empty()) continue;
    out << "\nComponent " << luaQuoted(coordinator.lease_address) << "\n"
        << "  component_secret = " << luaQuoted(component_secret) << "\n";
  }
  return out.str() + uploadComponent(info);
}

std::string accountData(const std::string& password, const std::string& salt) {
  const QByteArray salted = QPasswordDigestor::deriveKeyPbkdf2(
      QCryptographicHash::Sha1, QByteArray::fromStdString(password),
      QByteArray::fromStdString(salt), kIterations, kSha1Bytes);
  const QByteArray client_key = sha1Hmac(salted, "Client Key");
  const QByteArray stored_key = QCryptographicHash::hash(client_key, QCryptographicHash::Sha1);
  const QByteArray server_key = sha1Hmac(salted, "Server Key");
  std::ostringstream out;
  out << "return {\n"
      << "\t[\"iteration_count\"] = " << kIterations << ";\n"
      << "\t[\"stored_key\"] = " << luaQuoted(stored_key.toHex().toStdString()) << ";\n"
      << "\t[\"server_key\"] = " << luaQuoted(server_key.toHex().toStdString()) << ";\n"
      << "\t[\"salt\"] = " << luaQuoted(salt) << ";\n"
      << "};\n";
  return out.str();
}

Status writeAccount(const std::filesystem::path& server_folder, const std::string& jid,
                    const std::string& password) {
  const auto address = Jid::parse(jid);
  if (!address) return address.status();
  std::filesystem::path folder = server_folder / "data";
  for (const std::string& name :
       {std::string(), storeName(address->domain()), std::string("accounts")}) {
    if (!name.empty()) folder /= name;
    if (Status made = makeFolder(folder, 0700); !made) return made;
  }
  SystemRandom random;
  return replaceFile(folder / (storeName(address->local()) + ".dat"),
                     accountData(password, Id128::make(random).toHex()));
}

bool isPortFree(uint16_t port) {
  const Socket socket;
  // As servers do: connections that linger from before are no obstacle, a listener is.
  const int yes = 1;
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = loopback(port);
  return bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

namespace {

Status choose(const ClusterInfo& info, const std::vector<uint16_t*>& ports) {
  constexpr uint16_t kFirst = 20000;
  constexpr uint16_t kCount = 12000;
  SystemRandom random;
  std::set<uint16_t> taken = {info.c2s_port, info.component_port};
  for (const EtcdInfo& member : info.etcd) {
    taken.insert(member.client_port);
    taken.insert(member.peer_port);
  }
  auto wanted = ports.begin();
  for (int attempt = 0; attempt < 1000 && wanted != ports.end(); ++attempt) {
    const auto port = static_cast<uint16_t>(kFirst + random.below(kCount));
    if (isPortFree(port) && taken.insert(port).second) *(*wanted++) = port;
  }
  if (wanted == ports.end()) return Status::ok();
  return {Code::kUnavailable,
          "found no " + std::to_string(ports.size()) +
              " free TCP ports on 127.0.0.1 from 20000 to 31999 for the servers"};
}

}  // namespace

Status choosePorts(ClusterInfo& info) {
  info.c2s_port = info.component_port = info.upload_port = 0;
  return choose(info, {&info.c2s_port, &info.component_port, &info.upload_port});
}

Status chooseEtcdPorts(ClusterInfo& info) {
  std::vector<uint16_t*> ports;
  for (EtcdInfo& member : info.etcd) {
    ports.push_back(&member.client_port);
    ports.push_back(&member.peer_port);
  }
  return choose(info, ports);
}

bool accepts(uint16_t port) {
  const Socket socket;
  const sockaddr_in address = loopback(port);
  return connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace muster::local
