#include "examples/ledger/config.h"

#include <arpa/inet.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string_view>

namespace ledger {
namespace {

using muster::Code;
using muster::Result;
using muster::Status;

constexpr std::array<std::string_view, 6> kKeys = {"listen",  "port",          "port_file",
                                                   "journal", "max_append_ms", "window_s"};

class Reader {
 public:
  Reader(std::filesystem::path file, const toml::table& table)
      : file_(std::move(file)), table_(table) {}

  Status problem(const toml::source_region& at, const std::string& key,
                 const std::string& sentence) const {
    std::ostringstream text;
    text << file_.string() << ":" << at.begin.line << ": ledger." << key << " " << sentence;
    return {Code::kInvalidArgument, text.str(), "ledger." + key};
  }

  Status checkKeys() const {
    for (const auto& [key, value] : table_) {
      if (std::find(kKeys.begin(), kKeys.end(), key.str()) == kKeys.end()) {
        return problem(value.source(), std::string(key.str()),
                       "is no key; there are listen, port, port_file, journal, max_append_ms and "
                       "window_s");
      }
    }
    return Status::ok();
  }

  Status text(const char* key, std::string& into) const {
    const toml::node* node = table_.get(key);
    if (!node) return Status::ok();
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) return problem(node->source(), key, "must be a text");
    into = *value;
    return Status::ok();
  }

  Status path(const char* key, std::filesystem::path& into) const {
    std::string given;
    if (Status read = text(key, given); !read) return read;
    if (!given.empty()) into = file_.parent_path() / given;
    return Status::ok();
  }

  Status number(const char* key, int64_t min, int64_t max, int64_t& into) const {
    const toml::node* node = table_.get(key);
    if (!node) return Status::ok();
    const auto value = node->value_exact<int64_t>();
    if (!value || *value < min || *value > max) {
      return problem(
          node->source(), key,
          "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    into = *value;
    return Status::ok();
  }

  const toml::table& table() const { return table_; }

 private:
  const std::filesystem::path file_;
  const toml::table& table_;
};

Status readTable(const Reader& reader, Config& config) {
  if (Status known = reader.checkKeys(); !known) return known;
  if (Status read = reader.text("listen", config.listen); !read) return read;
  in_addr address{};
  if (::inet_pton(AF_INET, config.listen.c_str(), &address) != 1) {
    return reader.problem(reader.table().get("listen")->source(), "listen",
                          "must be an IPv4 address such as 127.0.0.1");
  }
  int64_t port = config.port;
  if (Status read = reader.number("port", 0, 65535, port); !read) return read;
  config.port = static_cast<uint16_t>(port);
  int64_t max_append_ms = config.max_append.count();
  if (Status read = reader.number("max_append_ms", 10, 5000, max_append_ms); !read) return read;
  config.max_append = std::chrono::milliseconds(max_append_ms);
  int64_t window_s = config.window.count();
  if (Status read = reader.number("window_s", 10, 86'400, window_s); !read) return read;
  config.window = std::chrono::seconds(window_s);
  if (Status read = reader.path("port_file", config.port_file); !read) return read;
  if (Status read = reader.path("journal", config.journal); !read) return read;
  if (config.journal.empty()) {
    return reader.problem(reader.table().source(), "journal",
                          "is missing: the SQLite file that all nodes of the group share");
  }
  return Status::ok();
}

}  // namespace

Result<Config> loadConfig(const std::filesystem::path& file) {
  toml::table document;
  try {
    document = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << file.string() << ":" << error.source().begin.line << ": " << error.description();
    return Status(Code::kInvalidArgument, text.str());
  }
  const toml::table* table = document["ledger"].as_table();
  if (!table) {
    return Status(Code::kInvalidArgument, file.string() + ": there is no table [ledger]", "ledger");
  }
  Config config;
  if (Status read = readTable(Reader(file, *table), config); !read) return read;
  return config;
}

}  // namespace ledger
