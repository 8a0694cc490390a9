#include "coordinator/cli/config.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libcontrol/base/jid.h"
#include "libcontrol/base/text.h"
#include "libcontrol/config/config_file.h"

namespace muster::cli {
namespace {

void checkJid(ConfigTable& table, const std::string& key, const std::string& text) {
  if (text.empty()) return;
  if (const auto jid = Jid::parse(text); !jid) table.fail(key, jid.status().text());
}

LoginSettings readLogin(ConfigTable table) {
  LoginSettings login;
  login.cluster = table.path("cluster").string();
  login.as = table.string("as");
  login.jid = table.string("jid");
  login.password_file = table.path("password_file").string();
  login.password_env = table.string("password_env");
  login.password_file_checked = true;
  login.host = table.string("host");
  login.port = static_cast<int>(table.integer("port", 0, 0, 65535));
  login.ca_file = table.path("ca_file").string();
  login.coordinator = table.string("coordinator");
  checkJid(table, "jid", login.jid);
  checkJid(table, "coordinator", login.coordinator);
  if (!login.cluster.empty() && !login.jid.empty()) {
    table.fail("cluster", "a cluster's folder names the account; leave jid out, or cluster");
  }
  if (!login.as.empty() && login.cluster.empty()) {
    table.fail("as", "chooses an account of a cluster's folder; there is no cluster here");
  }
  if (!login.password_file.empty() && !login.password_env.empty()) {
    table.fail("password_env", "give password_file or password_env, not both");
  }
  return login;
}

Result<FileSettings> read(ConfigFile& file, const std::filesystem::path& path,
                          const std::string& asked_for) {
  ConfigTable root = file.root();
  FileSettings out;
  out.output = root.string("output");
  if (!out.output.empty() && out.output != "table" && out.output != "json") {
    root.fail("output", "must be \"table\" or \"json\"");
  }
  const Duration timeout = root.duration("timeout", Duration{}, kShortestTimeout, kLongestTimeout);
  if (timeout > Duration{}) out.timeout = timeout;
  const std::string by_default = root.string("default_profile");
  out.profile = asked_for.empty() ? by_default : asked_for;
  out.login = readLogin(root.table("login"));
  std::vector<std::string> names;
  for (ConfigTable& table : root.tables("profile")) {
    const std::string name = table.requiredString("name");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      table.fail("name", "there are two profiles '" + name + "'");
    }
    names.push_back(name);
    LoginSettings login = readLogin(table);
    if (name == out.profile) out.login = std::move(login);
  }
  const bool known =
      out.profile.empty() || std::find(names.begin(), names.end(), out.profile) != names.end();
  if (!known && asked_for.empty()) {
    root.fail("default_profile",
              "there is no [[profile]] named '" + by_default + "'" + suggestion(by_default, names));
  }
  if (Status status = file.finish(); !status) return status;
  if (!known) {
    return Status(Code::kInvalidArgument, "--profile: " + path.string() + " has no [[profile]] '" +
                                              asked_for + "'" + suggestion(asked_for, names));
  }
  return out;
}

}  // namespace

Result<FileSettings> loadConfig(const std::filesystem::path& path, const std::string& profile) {
  auto file = ConfigFile::load(path);
  if (!file) return Status(Code::kInvalidArgument, file.status().text());
  return read(**file, path, profile);
}

Result<FileSettings> parseConfig(const std::string& text, const std::filesystem::path& path,
                                 const std::string& profile) {
  auto file = ConfigFile::parse(text, path);
  if (!file) return file.status();
  return read(**file, path, profile);
}

}  // namespace muster::cli
