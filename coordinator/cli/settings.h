// Who logs in where, and how answers look: flags, environment and file put together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "coordinator/cli/client.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

// The global flags as they were given; what was not said has no value.
struct Flags {
  std::optional<std::string> config;
  std::optional<std::string> profile;
  std::optional<std::string> cluster;
  std::optional<std::string> as;
  std::optional<std::string> jid;
  std::optional<std::string> password_file;
  std::optional<std::string> host;
  std::optional<int> port;
  std::optional<std::string> ca_file;
  std::optional<std::string> coordinator;
  std::optional<std::string> output;
  std::optional<std::string> timeout;
  std::string at;
};

// The variables that count. An empty one is as good as none.
struct Environment {
  std::string config;       // MUSTER_CONFIG
  std::string profile;      // MUSTER_PROFILE
  std::string cluster;      // MUSTER_CLUSTER
  std::string config_home;  // XDG_CONFIG_HOME
  std::string home;         // HOME
  static Environment ofProcess();
};

// What one [login] or [[profile]] of the file says, and what comes of it all.
struct LoginSettings {
  std::string cluster;  // a folder made by `muster up`; with it only `as` counts besides
  std::string as;
  std::string jid;
  std::string password_file;
  std::string password_env;
  bool password_file_checked = false;  // it stands in a file: others must not be able to read it
  std::string host;
  int port = 0;
  std::string ca_file;
  std::string coordinator;

  bool isEmpty() const { return cluster.empty() && jid.empty(); }
};

struct Settings {
  LoginSettings login;
  std::string at;
  bool json = false;
  bool csv = false;                 // of answers with lists; at most one of the three
  bool raw = false;                 // of log lines: their text alone
  std::optional<Duration> timeout;  // for one call; unset: the verb's own
  std::string source;               // where the login comes from, for people
};

inline constexpr Duration kShortestTimeout = Duration::millis(1);
// Whoever waits for longer has something else to look at.
inline constexpr Duration kLongestTimeout = Duration::seconds(3600);
inline constexpr Duration kDefaultTimeout = Duration::seconds(30);

// The file that counts: --config, MUSTER_CONFIG, else cli.toml in the user's folder of
// configurations, which need not exist (then nothing).
struct ConfigPath {
  std::filesystem::path file;
  bool required = false;
};
ConfigPath configPath(const Flags& flags, const Environment& environment);

// Flags before environment before file. kInvalidArgument names the flag or the file's line and key.
// A login that can't be made is no error yet: not every verb needs one.
Result<Settings> resolve(const Flags& flags, const Environment& environment);

// The login; reads the password. kInvalidArgument names what is missing or wrong.
Result<Login> loginFrom(const Settings& settings);

}  // namespace muster::cli
