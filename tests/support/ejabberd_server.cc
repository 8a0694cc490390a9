#include "tests/support/ejabberd_server.h"

#include <filesystem>
#include <sstream>
#include <utility>

namespace muster::testing {

namespace {

// Both in YAML and in Erlang.
std::string inQuotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string binary(const std::string& text) {
  return "<<" + inQuotes(text) + ">>";
}

}  // namespace

EjabberdServer::EjabberdServer(EjabberdConfig config)
    : ServerProcess("ejabberd", {config.nodes_host, config.people_host}, true),
      config_(std::move(config)) {}

bool EjabberdServer::isInstalled() {
  return isOnPath("erl") && isOnPath("openssl") && std::filesystem::exists("/usr/sbin/ejabberdctl");
}

bool EjabberdServer::configure() {
  std::ostringstream yaml;
  yaml << "hosts: [" << inQuotes(config_.nodes_host) << ", " << inQuotes(config_.people_host)
       << "]\n"
       << "loglevel: info\ncertfiles:\n";
  for (const std::string& host : {config_.nodes_host, config_.people_host}) {
    const std::string pair = dir() + "/" + host + ".pem";
    write(pair, read(dir() + "/" + host + ".crt") + read(dir() + "/" + host + ".key"));
    yaml << "  - " << inQuotes(pair) << "\n";
  }
  yaml << "listen:\n"
       << "  - { port: " << clientPort() << ", ip: \"127.0.0.1\", module: ejabberd_c2s,\n"
       << "      starttls_required: true, max_stanza_size: 524288, access: all, shaper: none }\n"
       << "  - { port: " << componentPort() << ", ip: \"127.0.0.1\", module: ejabberd_service,\n"
       << "      access: all, max_stanza_size: 524288, shaper: none,\n"
       << "      hosts: { " << inQuotes(config_.component)
       << ": { password: " << inQuotes(config_.component_secret) << " } } }\n"
       << "auth_method: internal\nauth_password_format: scram\n"
       << "modules: { mod_caps: {}, mod_disco: {}, mod_ping: {}, mod_roster: {} }\n";
  write(dir() + "/ejabberd.yml", yaml.str());
  return true;
}

// The ports open before the accounts are there, of which the file tells.
std::vector<std::string> EjabberdServer::command() const {
  std::string made;
  for (const ServerAccount& account : config_.accounts) {
    made += "ejabberd_auth:try_register(" + binary(account.user) + "," + binary(account.host) +
            "," + binary(account.password) + "),";
  }
  std::filesystem::remove(dir() + "/ready");
  return {"env",
          "EJABBERD_CONFIG_PATH=" + dir() + "/ejabberd.yml",
          "EJABBERD_LOG_PATH=" + dir() + "/ejabberd.log",
          "HOME=" + dir(),
          "ERL_LIBS=/usr/lib/x86_64-linux-gnu",
          "ERL_CRASH_DUMP=/dev/null",
          "erl",
          "-noinput",
          "-mnesia",
          "dir",
          inQuotes(dir() + "/mnesia"),
          "-s",
          "ejabberd",
          "-eval",
          made + "file:write_file(\"ready\",<<>>)."};
}

bool EjabberdServer::isReady() const {
  return std::filesystem::exists(dir() + "/ready");
}

}  // namespace muster::testing
