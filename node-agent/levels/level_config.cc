#include "node-agent/levels/level_config.h"

#include <re2/re2.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "node-agent/levels/actuator_levels.h"
#include "node-agent/levels/http_levels.h"
#include "node-agent/levels/level_template.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

const std::vector<std::pair<std::string, int>>& signalNames() {
  static const std::vector<std::pair<std::string, int>> kNames = {
      {"HUP", SIGHUP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}};
  return kNames;
}

int readSignal(ConfigTable& table) {
  const std::string text = table.string("signal");
  if (text.empty()) return 0;
  std::vector<std::string> names;
  for (const auto& [name, number] : signalNames()) {
    if (text == name || text == "SIG" + name) return number;
    names.push_back(name);
  }
  table.fail("signal", "must be " + joinWithOr(names) + ", not '" + singleLine(text, 40) + "'");
  return 0;
}

// names = { debug = "FINE", ... }
LevelNames readNames(ConfigTable& table) {
  LevelNames names;
  ConfigTable own = table.table("names");
  for (size_t i = 0; i < kLevels; ++i) {
    const auto level = static_cast<LogLevel>(i);
    const std::string name = own.string(levelName(level), names.name(level));
    if (name.empty() || name.size() > limits::kMaxNameBytes || escapedForLine(name) != name) {
      own.fail(levelName(level), "must be 1 to " + std::to_string(limits::kMaxNameBytes) +
                                     " bytes without control characters");
    } else {
      names.set(level, name);
    }
  }
  return names;
}

std::vector<std::string> readLoggers(ConfigTable& table) {
  std::vector<std::string> out = table.strings("loggers");
  if (out.size() > limits::kMaxOverrides) {
    table.fail("loggers", "must have at most " + std::to_string(limits::kMaxOverrides) + " names");
  }
  for (const std::string& name : out) {
    if (name.empty() || name.size() > limits::kMaxLoggerNameBytes || !isValidUtf8(name)) {
      table.fail("loggers", "has a name that is empty or longer than " +
                                std::to_string(limits::kMaxLoggerNameBytes) + " bytes");
    }
  }
  return out;
}

void requireLevel(ConfigTable& table, const std::string& key, const std::string& text) {
  if (mentions(text, "{level}")) return;
  table.fail(key, "must have {level} where the level goes");
}

LevelConfig readActuator(ConfigTable& table) {
  HttpPlace place = readHttpPlace(table);
  while (place.url.ends_with('/')) place.url.pop_back();
  return {"actuator",
          [place](const LevelPorts&) { return std::make_shared<ActuatorLevels>(place); }};
}

LevelConfig readHttp(ConfigTable& table) {
  HttpLevelOptions options;
  options.place = readHttpPlace(table);
  options.method = table.string("method", options.method);
  if (options.method != "GET" && options.method != "POST" && options.method != "PUT" &&
      options.method != "PATCH" && options.method != "DELETE") {
    table.fail("method", "must be GET, POST, PUT, PATCH or DELETE");
  }
  options.headers = readHttpHeaders(table);
  options.body = table.string("body");
  if (!mentions(options.place.url, "{level}") && !mentions(options.body, "{level}") &&
      std::none_of(options.headers.begin(), options.headers.end(),
                   [](const std::string& line) { return mentions(line, "{level}"); })) {
    table.fail("body", "or url must have {level} where the level goes");
  }
  options.names = readNames(table);
  options.loggers = readLoggers(table);
  options.reset_level = table.string("reset_level");
  options.read_url = table.string("read_url");
  options.read_pointer = table.string("read_pointer");
  if (!options.read_url.empty()) {
    const std::string problem = problemOfUrl(options.read_url, /*allow_remote=*/true);
    // The password goes there as well.
    const size_t host = options.read_url.find('/', 8);
    if (!problem.empty()) {
      table.fail("read_url", problem);
    } else if (options.read_url.substr(0, host) != options.place.url.substr(0, host)) {
      table.fail("read_url", "must be of the same server as url");
    }
    if (options.loggers.empty()) table.fail("loggers", "is needed with read_url: whom to ask for");
  } else if (options.reset_level.empty()) {
    table.fail("reset_level",
               "is needed without read_url: what takes the place of {level} to give back what a "
               "logger had before");
  }
  if (!options.read_pointer.empty() && !options.read_pointer.starts_with('/')) {
    table.fail("read_pointer", "must be a JSON pointer, such as /level");
  }
  return {"http", [options](const LevelPorts&) { return std::make_shared<HttpLevels>(options); }};
}

void readFileEdit(ConfigTable& table, FileLevelOptions& options) {
  options.line = table.string("line");
  options.pattern = table.string("pattern");
  if (options.line.empty() == options.pattern.empty()) {
    return table.fail("line", "or pattern must be there, and not both");
  }
  if (!options.line.empty()) {
    requireLevel(table, "line", options.line);
    const size_t logger = options.line.find("{logger}");
    if (logger == std::string::npos || logger > options.line.find("{level}")) {
      table.fail("line", "must have {logger} before {level}");
    }
    if (escapedForLine(options.line) != options.line) table.fail("line", "must be one line");
    return;
  }
  const RE2 pattern(fillIn(options.pattern, "x", "", escapedForLine), RE2::Quiet);
  if (!pattern.ok()) {
    table.fail("pattern", "is no RE2: " + pattern.error());
  } else if (pattern.NumberOfCapturingGroups() < 1) {
    table.fail("pattern", "must have a group, in parentheses, for the level");
  }
}

LevelConfig readFileKind(ConfigTable& table) {
  FileLevelOptions options;
  (void)table.requiredString("path");
  options.path = table.path("path");
  std::error_code error;
  if (!options.path.empty() && !fs::is_regular_file(options.path, error)) {
    table.fail("path", options.path.string() + " is not a file that is there");
  }
  readFileEdit(table, options);
  options.comment = table.string("comment", options.comment);
  options.names = readNames(table);
  options.loggers = readLoggers(table);
  options.signal_number = readSignal(table);
  options.pid_file = table.path("pid_file");
  if (!options.pid_file.empty() && options.signal_number == 0) {
    table.fail("signal", "is needed with pid_file, such as \"HUP\"");
  }
  return {"file", [options](const LevelPorts& ports) {
            return std::make_shared<FileLevels>(options, ports.signal_program);
          }};
}

LevelConfig readExec(ConfigTable& table) {
  ExecLevelOptions options;
  options.set = readExecutable(table, "set");
  if (options.set.empty()) table.fail("set", "is needed: the executable and its arguments");
  options.read = readExecutable(table, "read");
  options.loggers = readLoggers(table);
  options.names = readNames(table);
  if (!options.read.empty() && options.loggers.empty()) {
    table.fail("loggers", "is needed with read: whom to ask for");
  }
  return {"exec", [options](const LevelPorts& ports) {
            return std::make_shared<ExecLevels>(options, ports.run);
          }};
}

}  // namespace

std::vector<std::string> readExecutable(ConfigTable& table, const std::string& key) {
  std::vector<std::string> words = table.strings(key);
  if (words.empty()) return words;
  std::error_code error;
  if (words.size() > limits::kMaxHookWords) {
    table.fail(key, "must have at most " + std::to_string(limits::kMaxHookWords) +
                        " words; put them into a script");
  } else if (!fs::path(words[0]).is_absolute()) {
    table.fail(key, "must begin with an absolute path, not '" + singleLine(words[0], 200) + "'");
  } else if (!fs::is_regular_file(words[0], error) || access(words[0].c_str(), X_OK) != 0) {
    table.fail(key, singleLine(words[0], 200) + " is not an executable file");
  }
  return words;
}

HttpPlace readHttpPlace(ConfigTable& table) {
  HttpPlace place;
  place.url = table.requiredString("url");
  const bool allow_remote = table.boolean("allow_remote", false);
  place.unix_socket = table.path("unix_socket").string();
  place.ca_file = table.path("ca_file").string();
  place.user = table.string("user");
  if (!place.user.empty()) place.password = table.secret("password");
  if (place.url.empty()) return place;
  const bool local = allow_remote || !place.unix_socket.empty();
  const std::string problem = problemOfUrl(fillIn(place.url, "x", "x", escapedForUrl), local);
  if (!problem.empty()) table.fail("url", problem);
  return place;
}

std::vector<std::string> readHttpHeaders(ConfigTable& table) {
  std::vector<std::string> headers = table.strings("headers");
  if (headers.size() > limits::kMaxHttpHeaders) {
    table.fail("headers", "must be at most " + std::to_string(limits::kMaxHttpHeaders));
  }
  for (const std::string& line : headers) {
    if (isHttpHeader(line)) continue;
    table.fail("headers", "must each be \"Name: value\" of printable ASCII, not '" +
                              singleLine(line, 80) + "'");
  }
  return headers;
}

LevelConfig readLevels(ConfigTable& table) {
  const std::string kind = table.requiredString("kind");
  if (kind == "actuator") return readActuator(table);
  if (kind == "http") return readHttp(table);
  if (kind == "file") return readFileKind(table);
  if (kind == "exec") return readExec(table);
  if (kind == "sidecar") {
    return {kind, [](const LevelPorts& ports) { return ports.sidecar; }};
  }
  if (!kind.empty()) {
    table.fail("kind", "must be \"actuator\", \"http\", \"file\", \"exec\" or \"sidecar\", not '" +
                           singleLine(kind, 80) + "'");
  }
  return {};
}

}  // namespace muster::agent
