#include "tests/support/prosody_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace muster::testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPatience{10'000};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Free at this moment; nothing but luck keeps it so until the server binds it.
uint16_t freePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

bool isListening(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return ok;
}

// What has no quoting of its own must not need any: all names here come from tests.
std::string luaString(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Prosody's storage escapes what is not a letter or digit in folder names.
std::string storageName(const std::string& text) {
  std::string name;
  for (const unsigned char c : text) {
    char escaped[4];
    if (isalnum(c)) {
      name += static_cast<char>(c);
    } else {
      std::snprintf(escaped, sizeof escaped, "%%%02x", c);
      name += escaped;
    }
  }
  return name;
}

bool run(const std::string& command) {
  const int rc = system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(rc) && WEXITSTATUS(rc) == 0;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ProsodyServer::ProsodyServer(ProsodyConfig config) : config_(std::move(config)) {}

ProsodyServer::~ProsodyServer() {
  kill();
  std::error_code ignored;
  if (!dir_.empty()) std::filesystem::remove_all(dir_, ignored);
}

bool ProsodyServer::isInstalled() {
  return run("command -v prosody") && run("command -v openssl");
}

bool ProsodyServer::start() {
  if (pid_ > 0) return true;
  return prepare() && spawn() && waitForPorts();
}

void ProsodyServer::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + kPatience;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) return kill();
    std::this_thread::sleep_for(milliseconds(10));
  }
  ::kill(-pid_, SIGKILL);
  pid_ = 0;
}

void ProsodyServer::kill() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void ProsodyServer::freeze() {
  if (pid_ > 0) ::kill(-pid_, SIGSTOP);
}

void ProsodyServer::thaw() {
  if (pid_ > 0) ::kill(-pid_, SIGCONT);
}

std::string ProsodyServer::log() const {
  return read(dir_ + "/prosody.log");
}

bool ProsodyServer::prepare() {
  if (prepared_) return true;
  std::string dir = (std::filesystem::temp_directory_path() / "muster-prosody-XXXXXX").string();
  if (mkdtemp(dir.data()) == nullptr) return fail("no temporary folder");
  dir_ = dir;
  std::filesystem::create_directories(dir_ + "/data");
  std::filesystem::create_directories(dir_ + "/modules");
  client_port_ = freePort();
  component_port_ = freePort();
  if (client_port_ == 0 || component_port_ == 0) return fail("no free port");
  prepared_ = makeCertificates() && writeConfig() && writeAccounts();
  return prepared_;
}

bool ProsodyServer::makeCertificates() {
  for (const char* name : {"ca", "other-ca"}) {
    const std::string file = dir_ + "/" + name;
    if (!run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj '/CN=Muster test " +
             std::string(name) + "' -keyout " + file + ".key -out " + file + ".pem"))
      return fail("openssl could not make an authority");
  }
  return makeCertificate(config_.nodes_host) && makeCertificate(config_.people_host);
}

bool ProsodyServer::makeCertificate(const std::string& host) {
  const std::string file = dir_ + "/" + host;
  write(file + ".ext", "subjectAltName=DNS:" + host + "\n");
  return (run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=" +
              host + "' -keyout " + file + ".key -out " + file + ".csr") &&
          run("openssl x509 -req -days 2 -in " + file + ".csr -CA " + dir_ + "/ca.pem -CAkey " +
              dir_ + "/ca.key -CAcreateserial -extfile " + file + ".ext -out " + file + ".crt")) ||
         fail("openssl could not make a certificate for " + host);
}

bool ProsodyServer::writeConfig() {
  std::ostringstream lua;
  const auto host = [&](const std::string& name, const char* modules) {
    lua << "VirtualHost " << luaString(name) << "\n  modules_enabled = { " << modules << " }\n"
        << "  ssl = { certificate = " << luaString(dir_ + "/" + name + ".crt")
        << ", key = " << luaString(dir_ + "/" + name + ".key") << " }\n";
  };
  lua << "run_as_root = true\n"
      << "pidfile = " << luaString(dir_ + "/prosody.pid") << "\n"
      << "data_path = " << luaString(dir_ + "/data") << "\n"
      << "log = { info = " << luaString(dir_ + "/prosody.log") << " }\n"
      << "interfaces = { \"127.0.0.1\" }\n"
      << "component_interfaces = { \"127.0.0.1\" }\n"
      << "c2s_ports = { " << client_port_ << " }\n"
      << "component_ports = { " << component_port_ << " }\n"
      << "network_settings = { nagle = false }\n"
      << "plugin_paths = { " << luaString(dir_ + "/modules") << " }\n"
      << "modules_enabled = { \"roster\", \"saslauth\", \"tls\", \"disco\", \"ping\"";
  for (const auto& module : config_.modules) {
    lua << ", " << luaString(module.name);
    write(dir_ + "/modules/mod_" + module.name + ".lua", module.lua);
  }
  lua << " }\n"
      << "modules_disabled = { \"s2s\", \"offline\" }\n"
      << "authentication = \"internal_hashed\"\n"
      << "c2s_require_encryption = true\n"
      << "allow_registration = false\n"
      << config_.extra_global << "\n";
  host(config_.nodes_host, "");
  host(config_.people_host, "\"smacks\"");
  if (!config_.component.empty())
    lua << "Component " << luaString(config_.component)
        << "\n  component_secret = " << luaString(config_.component_secret) << "\n";
  lua << config_.extra_hosts << "\n";
  write(dir_ + "/prosody.cfg.lua", lua.str());
  return true;
}

// A password in clear is hashed by the server at its first use.
bool ProsodyServer::writeAccounts() {
  for (const auto& account : config_.accounts) {
    const std::string folder = dir_ + "/data/" + storageName(account.host) + "/accounts";
    std::filesystem::create_directories(folder);
    write(folder + "/" + storageName(account.user) + ".dat",
          "return { [\"password\"] = " + luaString(account.password) + " };\n");
  }
  return true;
}

bool ProsodyServer::spawn() {
  const std::string config = dir_ + "/prosody.cfg.lua";
  const std::string output = dir_ + "/output.log";
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) return fail("fork failed");
  if (pid_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    closefrom(3);
    execlp("prosody", "prosody", "--config", config.c_str(), "-F", nullptr);
    _exit(127);
  }
  setpgid(pid_, pid_);
  return true;
}

bool ProsodyServer::waitForPorts() {
  const auto deadline = steady_clock::now() + kPatience;
  while (steady_clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return fail("prosody ended at once:\n" + read(dir_ + "/output.log") + log());
    }
    if (isListening(client_port_) && (config_.component.empty() || isListening(component_port_)))
      return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  kill();
  return fail("prosody does not listen:\n" + read(dir_ + "/output.log") + log());
}

bool ProsodyServer::fail(std::string error) {
  error_ = std::move(error);
  return false;
}

}  // namespace muster::testing
