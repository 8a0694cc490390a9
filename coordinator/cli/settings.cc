#include "coordinator/cli/settings.h"

#include <cstdlib>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "coordinator/cli/config.h"
#include "coordinator/local/cluster_info.h"
#include "libcontrol/base/file.h"
#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

constexpr size_t kMaxPasswordBytes = 4096;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Status wrong(std::string text) {
  return {Code::kInvalidArgument, std::move(text)};
}

Result<Login> fromCluster(const LoginSettings& settings) {
  const auto info = local::loadClusterInfo(settings.cluster);
  if (!info) return info.status();
  const std::string as = settings.as.empty() ? "operator" : settings.as;
  const local::Account* account = as == "operator"   ? &info->operator_account
                                  : as == "observer" ? &info->observer
                                  : as == "admin"    ? &info->admin
                                  : as == "stranger" ? &info->stranger
                                                     : nullptr;
  if (account == nullptr) {
    return wrong("--as: there is no account '" + as + "' in that cluster" +
                 suggestion(as, {"operator", "observer", "admin", "stranger"}));
  }
  const auto jid = Jid::parse(account->jid);
  if (!jid) return jid.status();
  const auto coordinator = Jid::parse(info->coordinator);
  if (!coordinator) return coordinator.status();
  return Login{*jid,           account->password,      info->host,
               info->c2s_port, info->ca_file.string(), *coordinator};
}

Result<std::string> passwordOf(const LoginSettings& settings) {
  if (!settings.password_env.empty()) {
    std::string password = variable(settings.password_env.c_str());
    if (!password.empty()) return password;
    return wrong("password_env: the environment has no " + settings.password_env);
  }
  if (settings.password_file.empty()) {
    return wrong("--password-file is missing: a file whose first line is the password of " +
                 settings.jid);
  }
  struct stat info {};
  const bool readable_by_others =
      stat(settings.password_file.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0;
  if (settings.password_file_checked && readable_by_others) {
    return wrong("password_file: " + settings.password_file +
                 " may be read by everybody; chmod it to 0600");
  }
  const auto text = readFile(settings.password_file, kMaxPasswordBytes);
  if (!text) return wrong("--password-file: " + text.status().text());
  std::string line = text->substr(0, text->find_first_of("\r\n"));
  if (line.empty()) return wrong("--password-file: the first line is empty");
  return line;
}

// What a file says of a login holds for its own account: the password goes with the JID, the
// server with its domain.
LoginSettings fillFrom(LoginSettings given, const LoginSettings& file) {
  const auto given_jid = Jid::parse(given.jid);
  const auto file_jid = Jid::parse(file.jid);
  const bool same_jid =
      given.jid.empty() || (given_jid && file_jid && given_jid->bare() == file_jid->bare());
  const bool same_domain =
      same_jid || (given_jid && file_jid && given_jid->domain() == file_jid->domain());
  const auto take = [](std::string& to, const std::string& from) {
    if (to.empty()) to = from;
  };
  take(given.jid, file.jid);
  if (same_jid && given.password_file.empty()) {
    given.password_file = file.password_file;
    given.password_env = file.password_env;
    given.password_file_checked = true;
  }
  if (same_domain) {
    take(given.host, file.host);
    if (given.port == 0) given.port = file.port;
    take(given.ca_file, file.ca_file);
  }
  take(given.coordinator, file.coordinator);
  return given;
}

LoginSettings saidByFlags(const Flags& flags) {
  LoginSettings login;
  login.cluster = flags.cluster.value_or("");
  login.as = flags.as.value_or("");
  login.jid = flags.jid.value_or("");
  login.password_file = flags.password_file.value_or("");
  login.host = flags.host.value_or("");
  login.port = flags.port.value_or(0);
  login.ca_file = flags.ca_file.value_or("");
  login.coordinator = flags.coordinator.value_or("");
  return login;
}

// Without --cluster, any flag that describes a login means that none of `muster up` is meant.
bool describesLogin(const Flags& flags) {
  return flags.jid || flags.password_file || flags.host || flags.port || flags.ca_file ||
         flags.coordinator;
}

Result<LoginSettings> mergeLogin(const Flags& flags, const Environment& environment,
                                 const LoginSettings& file, std::string& source) {
  LoginSettings login = saidByFlags(flags);
  if (flags.cluster) {
    if (describesLogin(flags)) {
      return wrong("--cluster names account, server and coordinator; leave out " +
                   std::string(flags.jid             ? "--jid"
                               : flags.password_file ? "--password-file"
                               : flags.host          ? "--host"
                               : flags.port          ? "--port"
                               : flags.ca_file       ? "--ca-file"
                                                     : "--coordinator"));
    }
    source = "--cluster";
    return login;
  }
  if (!describesLogin(flags) && !flags.profile && !environment.cluster.empty()) {
    login.cluster = environment.cluster;
    source = "MUSTER_CLUSTER";
    return login;
  }
  if (!describesLogin(flags) && !file.cluster.empty()) {
    login.cluster = file.cluster;
    if (login.as.empty()) login.as = file.as;
    source = "the configuration file";
    return login;
  }
  if (flags.as) return wrong("--as chooses an account of --cluster DIR; with --jid leave it out");
  source = flags.jid ? "--jid" : "the configuration file";
  return fillFrom(std::move(login), file.cluster.empty() ? file : LoginSettings{});
}

Result<Duration> timeoutFrom(const std::string& text) {
  const auto timeout = parseDuration(text);
  if (!timeout) return wrong("--timeout: " + timeout.status().text());
  if (*timeout < kShortestTimeout || *timeout > kLongestTimeout) {
    return wrong("--timeout must be from " + formatDuration(kShortestTimeout) + " to " +
                 formatDuration(kLongestTimeout));
  }
  return *timeout;
}

}  // namespace

Environment Environment::ofProcess() {
  return {variable("MUSTER_CONFIG"), variable("MUSTER_PROFILE"), variable("MUSTER_CLUSTER"),
          variable("XDG_CONFIG_HOME"), variable("HOME")};
}

ConfigPath configPath(const Flags& flags, const Environment& environment) {
  if (flags.config) return {*flags.config, true};
  if (!environment.config.empty()) return {environment.config, true};
  // The XDG base directory specification: a relative value is not valid and to be ignored.
  const std::filesystem::path home = environment.config_home;
  if (home.is_absolute()) return {home / "muster" / "cli.toml", false};
  if (environment.home.empty()) return {};
  return {std::filesystem::path(environment.home) / ".config" / "muster" / "cli.toml", false};
}

Result<Settings> resolve(const Flags& flags, const Environment& environment) {
  FileSettings file;
  const ConfigPath path = configPath(flags, environment);
  std::error_code ignored;
  const std::string profile = flags.profile.value_or(environment.profile);
  if (!path.file.empty() && (path.required || std::filesystem::exists(path.file, ignored))) {
    auto loaded = loadConfig(path.file, profile);
    if (!loaded) return loaded.status();
    file = std::move(loaded).value();
  } else if (!profile.empty()) {
    return wrong("--profile: there is no configuration file" +
                 (path.file.empty() ? std::string() : " " + path.file.string()) +
                 " that could have a profile '" + profile + "'");
  }
  Settings settings;
  settings.at = flags.at;
  const std::string output = flags.output.value_or(file.output);
  settings.json = output == "json";
  settings.csv = output == "csv";
  settings.raw = output == "raw";
  settings.timeout = file.timeout;
  if (flags.timeout) {
    const auto timeout = timeoutFrom(*flags.timeout);
    if (!timeout) return timeout.status();
    settings.timeout = *timeout;
  }
  auto login = mergeLogin(flags, environment, file.login, settings.source);
  if (!login) return login.status();
  settings.login = std::move(login).value();
  return settings;
}

Result<Login> loginFrom(const Settings& settings) {
  const LoginSettings& said = settings.login;
  if (!said.cluster.empty()) return fromCluster(said);
  if (said.jid.empty()) {
    return wrong(
        "say which cluster is meant: --cluster DIR for one made by `muster up`, or --jid with "
        "--password-file and --coordinator, or a configuration file with a [login]");
  }
  const auto jid = Jid::parse(said.jid);
  if (!jid) return wrong("--jid: " + jid.status().text());
  const auto password = passwordOf(said);
  if (!password) return password.status();
  if (said.coordinator.empty()) {
    return wrong("--coordinator is missing: the component's address, such as muster." +
                 jid->domain());
  }
  const auto coordinator = Jid::parse(said.coordinator);
  if (!coordinator) return wrong("--coordinator: " + coordinator.status().text());
  Login login;
  login.jid = jid->bare();
  login.password = *password;
  login.host = said.host;
  login.port = static_cast<uint16_t>(said.port);
  login.ca_file = said.ca_file;
  login.coordinator = *coordinator;
  return login;
}

}  // namespace muster::cli
