#include "tests/support/prosody_server.h"

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <utility>

namespace muster::testing {

namespace {

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

}  // namespace

ProsodyServer::ProsodyServer(ProsodyConfig config)
    : ServerProcess("prosody", {config.nodes_host, config.people_host}, !config.component.empty()),
      config_(std::move(config)) {}

bool ProsodyServer::isInstalled() {
  return isOnPath("prosody") && isOnPath("openssl");
}

bool ProsodyServer::configure() {
  std::filesystem::create_directories(dir() + "/data");
  std::filesystem::create_directories(dir() + "/modules");
  writeConfig();
  writeAccounts();
  return true;
}

std::vector<std::string> ProsodyServer::command() const {
  return {"prosody", "--config", dir() + "/prosody.cfg.lua", "-F"};
}

void ProsodyServer::writeConfig() const {
  std::ostringstream lua;
  const auto host = [&](const std::string& name, const char* modules) {
    lua << "VirtualHost " << luaString(name) << "\n  modules_enabled = { " << modules << " }\n"
        << "  ssl = { certificate = " << luaString(dir() + "/" + name + ".crt")
        << ", key = " << luaString(dir() + "/" + name + ".key") << " }\n";
  };
  lua << "run_as_root = true\n"
      << "pidfile = " << luaString(dir() + "/prosody.pid") << "\n"
      << "data_path = " << luaString(dir() + "/data") << "\n"
      << "log = { info = " << luaString(dir() + "/prosody.log") << " }\n"
      << "interfaces = { \"127.0.0.1\" }\n"
      << "component_interfaces = { \"127.0.0.1\" }\n"
      << "c2s_ports = { " << clientPort() << " }\n"
      << "component_ports = { " << componentPort() << " }\n"
      << "network_settings = { nagle = false }\n"
      << "plugin_paths = { " << luaString(dir() + "/modules") << " }\n"
      << "modules_enabled = { \"roster\", \"saslauth\", \"tls\", \"disco\", \"ping\"";
  for (const auto& module : config_.modules) {
    lua << ", " << luaString(module.name);
    write(dir() + "/modules/mod_" + module.name + ".lua", module.lua);
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
  write(dir() + "/prosody.cfg.lua", lua.str());
}

// A password in clear is hashed by the server at its first use.
void ProsodyServer::writeAccounts() const {
  for (const auto& account : config_.accounts) {
    const std::string folder = dir() + "/data/" + storageName(account.host) + "/accounts";
    std::filesystem::create_directories(folder);
    write(folder + "/" + storageName(account.user) + ".dat",
          "return { [\"password\"] = " + luaString(account.password) + " };\n");
  }
}

}  // namespace muster::testing
