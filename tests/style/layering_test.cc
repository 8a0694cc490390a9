// The direction of includes is law: reads every include line of the tree and fails on an arrow that
// docs/architecture.md does not have.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// Who may include whom. A room may always include itself. "proto" stands for the generated headers,
// "public" for libcontrol/include/muster, "qt", "qxmpp", "protobuf", "spdlog", "sqlite", "toml",
// "re2", "zstd", "zlib", "curl", "systemd", "grpc" and "prometheus" for the libraries of those
// names.
const std::map<std::string, std::set<std::string>>& allowedArrows() {
  static const std::map<std::string, std::set<std::string>> kAllowed = {
      {"public", {"spdlog"}},
      // The one public header that shows Protobuf, for applications with commands of their own.
      {"public commands", {"public", "protobuf"}},
      {"base", {"public"}},
      {"fence", {"base", "public", "sqlite"}},
      {"adhoc", {"base"}},
      {"election", {"base"}},
      {"service", {"base", "public"}},
      {"incident", {"base", "service"}},
      {"metrics", {"base", "config", "service", "prometheus"}},
      {"rules", {"base", "public", "service", "config", "re2"}},
      {"records", {"base", "public", "config", "rules", "re2", "json"}},
      {"archive", {"base", "public", "records", "rules", "re2", "sqlite", "zstd"}},
      {"log", {"base", "public", "rules", "spdlog"}},
      {"catalogue", {"base", "adhoc", "proto", "protobuf", "json"}},
      {"store", {"base", "sqlite", "json"}},
      {"etcd", {"base", "store", "grpc", "json"}},
      {"config", {"base", "toml"}},
      {"convert", {"base", "election", "service", "log", "proto", "protobuf"}},
      {"xmpp", {"base", "adhoc", "catalogue", "proto", "protobuf", "qt", "qxmpp"}},
      {"commands", {"base", "catalogue", "proto", "protobuf"}},
      {"node", {"public",  "base",    "adhoc",     "election", "service", "rules", "records",
                "archive", "log",     "catalogue", "convert",  "store",   "xmpp",  "commands",
                "config",  "metrics", "proto",     "protobuf", "spdlog",  "qt"}},
      {"coordinator",
       {"public",    "base",    "adhoc",    "election", "service", "incident", "log",
        "catalogue", "convert", "store",    "etcd",     "xmpp",    "commands", "config",
        "metrics",   "proto",   "protobuf", "spdlog",   "qt",      "cli11",    "systemd"}},
      {"local", {"base", "public", "qt", "json", "toml"}},
      {"cli",
       {"base", "adhoc", "catalogue", "config", "convert", "service", "rules", "records", "store",
        "xmpp", "local", "commands", "proto", "protobuf", "qt", "json", "toml", "cli11"}},
      {"node-agent",
       {"public", "base", "config", "rules", "records", "proto", "protobuf", "spdlog", "cli11",
        "json", "curl", "systemd", "re2", "zlib"}},
      {"examples", {"public", "spdlog", "sqlite", "toml", "cli11", "json"}},
  };
  return kAllowed;
}

// The room that a file of ours lies in; empty for what has no law (tests, benchmarks).
std::string roomOf(const std::string& path) {
  static const std::vector<std::pair<std::string, std::string>> kRooms = {
      {"libcontrol/include/muster/commands.h", "public commands"},
      {"libcontrol/include/muster/", "public"},
      {"coordinator/cli/", "cli"},
      {"coordinator/local/", "local"},
      {"coordinator/", "coordinator"},
      {"commands/", "commands"},
      {"node-agent/", "node-agent"},
      {"examples/", "examples"},
  };
  for (const auto& [prefix, room] : kRooms) {
    if (path.starts_with(prefix)) return room;
  }
  if (path.starts_with("libcontrol/")) {
    const auto slash = path.find('/', 11);
    return slash == std::string::npos ? "" : path.substr(11, slash - 11);
  }
  return "";
}

// The room that an include line points into; empty for the standard library and the system.
std::string targetOf(const std::string& include) {
  if (include.starts_with("muster/") && include.ends_with(".pb.h")) return "proto";
  if (include.starts_with("muster/")) return "public";
  if (const std::string room = roomOf(include); !room.empty()) return room;
  if (include.starts_with("QXmpp")) return "qxmpp";
  if (include.size() > 1 && include[0] == 'Q' && std::isupper(include[1])) return "qt";
  if (include.starts_with("Qt")) return "qt";
  if (include.starts_with("google/protobuf/")) return "protobuf";
  if (include.starts_with("spdlog/")) return "spdlog";
  if (include.starts_with("nlohmann/")) return "json";
  if (include.starts_with("toml++/")) return "toml";
  if (include.starts_with("re2/")) return "re2";
  if (include.starts_with("grpc") || include == "etcd_api.grpc.pb.h") return "grpc";
  if (include.starts_with("prometheus/") || include == "CivetServer.h") return "prometheus";
  if (include.starts_with("CLI/")) return "cli11";
  if (include.starts_with("curl/")) return "curl";
  if (include.starts_with("systemd/")) return "systemd";
  if (include == "zstd.h") return "zstd";
  if (include == "zlib.h") return "zlib";
  if (include == "sqlite3.h") return "sqlite";
  return "";
}

// What is wrong with the includes of one file, a line each.
std::vector<std::string> violations(const std::string& path, std::istream& in) {
  std::vector<std::string> out;
  const std::string room = roomOf(path);
  if (room.empty()) return out;
  const auto allowed = allowedArrows().find(room);
  if (allowed == allowedArrows().end()) {
    return {path + ": the room '" + room + "' is not in the law of includes"};
  }
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) continue;
    const std::string include = match[2];
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const std::string target = targetOf(include);
    if (match[1] == "\"" && target.empty()) {
      out.push_back(where + "\"" + include + "\" is not relative to the root of the project");
    } else if (!target.empty() && target != room && !allowed->second.contains(target)) {
      out.push_back(where + room + " must not include " + target + " (" + include + ")");
    }
  }
  return out;
}

std::vector<std::string> sourceFiles() {
  std::vector<std::string> out;
  const fs::path root = MUSTER_SOURCE_DIR;
  for (const char* top : {"libcontrol", "commands", "coordinator", "node-agent", "examples"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc") {
        out.push_back(fs::relative(entry.path(), root).string());
      }
    }
  }
  return out;
}

TEST(Layering, EveryIncludeFollowsTheArrows) {
  const std::vector<std::string> files = sourceFiles();
  ASSERT_GT(files.size(), 40u) << "the tree was not found";
  for (const std::string& file : files) {
    std::ifstream in(fs::path(MUSTER_SOURCE_DIR) / file);
    for (const std::string& violation : violations(file, in)) ADD_FAILURE() << violation;
  }
}

TEST(Layering, AForbiddenArrowIsFound) {
  const auto check = [](const std::string& path, const std::string& text) {
    std::istringstream in(text);
    return violations(path, in).size();
  };
  EXPECT_EQ(check("libcontrol/xmpp/x.cc", "#include \"libcontrol/store/store.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/xmpp/x.cc", "#include \"commands/ports.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/include/muster/x.h", "#include <QString>\n"), 1u);
  EXPECT_EQ(check("libcontrol/include/muster/x.h", "#include \"muster/node.pb.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/include/muster/x.h", "#include <google/protobuf/message.h>\n"), 1u);
  EXPECT_EQ(check("libcontrol/election/x.cc", "#include <spdlog/spdlog.h>\n"), 1u);
  EXPECT_EQ(check("libcontrol/service/x.cc", "#include \"libcontrol/store/store.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/node/x.cc", "#include \"coordinator/daemon.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/base/x.cc", "#include \"status.h\"\n"), 1u);
  EXPECT_EQ(check("libcontrol/xmpp/x.cc", "#include \"libcontrol/base/jid.h\"\n"), 0u);
}

// election and service decide by the time they are given: they read no clock of their own.
TEST(Layering, PureLayersReadNoClock) {
  static const std::regex kClock(
      R"(std::chrono::\w+_clock::now|clock_gettime|gettimeofday|\btime\(nullptr\)|SystemClock|SystemRandom|std::random_device|sleep_for)");
  for (const std::string& file : sourceFiles()) {
    const std::string room = roomOf(file);
    static const std::set<std::string> kPure = {"election", "catalogue", "adhoc",
                                                "service",  "incident",  "rules"};
    if (!kPure.contains(room)) continue;
    std::ifstream in(fs::path(MUSTER_SOURCE_DIR) / file);
    std::string text;
    for (std::string line; std::getline(in, line);) text += line.substr(0, line.find("//")) + "\n";
    std::smatch match;
    // What the application reports is stamped when it does.
    if (file == "libcontrol/service/outage_events.cc") continue;
    EXPECT_FALSE(std::regex_search(text, match, kClock)) << file << " reads " << match.str();
  }
}

}  // namespace
