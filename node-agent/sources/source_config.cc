#include "node-agent/sources/source_config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

constexpr std::pair<const char*, SourceKind> kKinds[] = {{"stdout", SourceKind::kStdout},
                                                         {"stderr", SourceKind::kStderr},
                                                         {"file", SourceKind::kFile},
                                                         {"journal", SourceKind::kJournal},
                                                         {"syslog", SourceKind::kSyslog}};

bool isPartOfName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string readName(ConfigTable& table, std::set<std::string>& names) {
  const std::string name = table.requiredString("name");
  if (name.empty()) return name;
  const bool is_good = name.size() <= limits::kMaxSourceNameBytes &&
                       std::all_of(name.begin(), name.end(), isPartOfName);
  if (!is_good) {
    table.fail("name", "must have 1 to " + std::to_string(limits::kMaxSourceNameBytes) +
                           " letters, digits, '-', '_' and '.', not '" + singleLine(name, 80) +
                           "'");
  } else if (!names.insert(name).second) {
    table.fail("name", "'" + name + "' is the name of another source");
  }
  return name;
}

std::optional<SourceKind> readKind(ConfigTable& table) {
  const std::string kind = table.requiredString("kind");
  if (kind.empty()) return std::nullopt;
  std::vector<std::string> all;
  for (const auto& [name, value] : kKinds) {
    if (name == kind) return value;
    all.emplace_back(name);
  }
  table.fail("kind", "'" + singleLine(kind, 40) + "' is no kind of source" + suggestion(kind, all));
  return std::nullopt;
}

void readFormat(ConfigTable& table, SourceConfig& out) {
  records::FormatOptions& format = out.format;
  format.name = table.string("format", format.name);
  format.pattern = table.string("pattern");
  format.time = table.string("time", format.time);
  format.zone = table.string("zone", format.zone);
  format.time_keys = table.strings("time_keys");
  format.level_keys = table.strings("level_keys");
  format.logger_keys = table.strings("logger_keys");
  format.text_keys = table.strings("text_keys");
  format.continuation = table.string("continuation");
  const std::string level = table.string("level", "info");
  if (const auto severity = rules::parseSeverity(level)) {
    format.level = *severity;
  } else {
    table.fail("level", "must be trace, debug, info, warn, error or critical, not '" +
                            singleLine(level, 40) + "'");
  }
  out.wait = table.duration("wait", out.wait, limits::kMinRecordWait, limits::kMaxRecordWait);
  if (const auto made = records::Format::make(format); !made) {
    table.fail(made.status().field(), made.status().text());
  }
}

bool isAbsolute(ConfigTable& table, const char* key, const std::string& path) {
  if (path.starts_with('/')) return true;
  table.fail(key, "must be an absolute path, not '" + singleLine(path, 200) + "'");
  return false;
}

bool readFrom(ConfigTable& table) {
  const std::string from = table.string("from", "end");
  if (from != "end" && from != "beginning") {
    table.fail("from", "must be \"end\" or \"beginning\", not '" + singleLine(from, 40) + "'");
  }
  return from == "beginning";
}

void readFile(ConfigTable& table, SourceConfig& out) {
  out.path = table.requiredString("path");
  if (!out.path.empty()) (void)isAbsolute(table, "path", out.path);
  out.exclude = table.strings("exclude");
  out.rotated = table.strings("rotated");
  for (const std::string& glob : out.rotated) (void)isAbsolute(table, "rotated", glob);
  out.from_beginning = readFrom(table);
}

void readJournal(ConfigTable& table, SourceConfig& out) {
  out.unit = table.string("unit");
  out.directory = table.string("directory");
  out.space = table.string("namespace");
  if (!out.directory.empty()) {
    (void)isAbsolute(table, "directory", out.directory);
    if (!out.space.empty()) table.fail("namespace", "doesn't go with directory");
  }
  out.from_beginning = readFrom(table);
}

bool isLoopback(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool isAddress(const std::string& host) {
  in6_addr any{};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

void readListen(ConfigTable& table, SourceConfig& out) {
  const bool allow_remote = table.boolean("allow_remote", false);
  const std::string text = table.requiredString("listen");
  if (text.empty()) return;
  const auto fail = [&] {
    table.fail("listen",
               "must be \"unix:/PATH\", \"udp:ADDRESS:PORT\" or \"tcp:ADDRESS:PORT\", such as "
               "\"udp:127.0.0.1:5514\" or \"tcp:[::1]:5514\", not '" +
                   singleLine(text, 120) + "'");
  };
  if (text.starts_with("unix:/")) {
    out.listen = {SyslogAddress::Kind::kUnix, text.substr(5), 0};
    // sun_path of unix(7), with its end.
    if (out.listen.host.size() > 107) table.fail("listen", "has a path of more than 107 bytes");
    return;
  }
  const size_t colon = text.rfind(':');
  if (!text.starts_with("udp:") && !text.starts_with("tcp:")) return fail();
  if (colon <= 4) return fail();
  std::string host = text.substr(4, colon - 4);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  int port = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end || port < 0 || port > 65535 || !isAddress(host)) {
    return fail();
  }
  if (!allow_remote && !isLoopback(host)) {
    table.fail("listen", host +
                             " can be reached by others, and syslog knows no password: say "
                             "allow_remote = true if that is meant");
  }
  const bool is_udp = text.starts_with("udp:");
  out.listen = {is_udp ? SyslogAddress::Kind::kUdp : SyslogAddress::Kind::kTcp, host, port};
}

SourceConfig readSource(ConfigTable& table, std::set<std::string>& names) {
  SourceConfig out;
  out.name = readName(table, names);
  const auto kind = readKind(table);
  out.logger = table.string("logger").substr(0, limits::kMaxLoggerNameBytes);
  out.prefix = table.string("prefix").substr(0, limits::kMaxLoggerNameBytes);
  if (!kind) return out;
  out.kind = *kind;
  switch (*kind) {
    case SourceKind::kStdout:
    case SourceKind::kStderr:
      readFormat(table, out);
      out.copy = table.boolean("copy", out.copy);
      break;
    case SourceKind::kFile:
      readFormat(table, out);
      readFile(table, out);
      break;
    case SourceKind::kJournal:
      readJournal(table, out);
      break;
    case SourceKind::kSyslog:
      readListen(table, out);
      break;
  }
  return out;
}

}  // namespace

std::vector<SourceConfig> readSources(ConfigTable& agent) {
  std::vector<SourceConfig> out;
  std::set<std::string> names;
  for (ConfigTable& table : agent.tables("source")) {
    out.push_back(readSource(table, names));
    const SourceKind kind = out.back().kind;
    const bool is_stream = kind == SourceKind::kStdout || kind == SourceKind::kStderr;
    const auto same = std::count_if(out.begin(), out.end(),
                                    [&](const SourceConfig& s) { return s.kind == kind; });
    if (is_stream && same > 1) table.fail("kind", "there may be one source of this kind only");
    if (out.size() == limits::kMaxSources + 1) {
      table.fail("name",
                 "there may be at most " + std::to_string(limits::kMaxSources) + " sources");
    }
  }
  return out;
}

}  // namespace muster::agent
