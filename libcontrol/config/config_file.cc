#include "libcontrol/config/config_file.h"

#include <sys/stat.h>

#include <toml++/toml.h>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "libcontrol/base/file.h"
#include "libcontrol/base/text.h"

namespace muster {

namespace fs = std::filesystem;

// A configuration is written by people; one this large is a mistake.
constexpr size_t kMaxFileBytes = 4 * 1024 * 1024;
constexpr size_t kMaxSecretBytes = 4096;

struct ConfigFile::State {
  fs::path file;
  toml::table document;
  std::vector<std::string> errors;
  std::vector<std::shared_ptr<ConfigTable::Node>> nodes;
};

struct ConfigTable::Node {
  ConfigFile::State* file;
  const toml::table* table;  // null: not in the file
  std::string path;          // "election" or "bootstrap.node"; empty for the root
  std::set<std::string> asked;

  std::string fullName(const std::string& key) const {
    return path.empty() ? key : path + "." + key;
  }
  void fail(const toml::node* at, const std::string& key, const std::string& why) {
    std::string where = file->file.string();
    const toml::node* source = at != nullptr ? at : table;
    if (source != nullptr && source->source().begin.line > 0) {
      where += ":" + std::to_string(source->source().begin.line);
    }
    file->errors.push_back(where + ": " + fullName(key) + ": " + why);
  }
  const toml::node* get(const std::string& key) {
    asked.insert(key);
    return table == nullptr ? nullptr : table->get(key);
  }
};

namespace {

Result<std::string> readSmallFile(const fs::path& file, size_t max_bytes) {
  auto text = readFile(file, max_bytes);
  if (text || text.status().code() == Code::kInvalidArgument) return text;
  return Status(Code::kNotFound, text.status().text());
}

}  // namespace

bool ConfigTable::isPresent() const {
  return node_->table != nullptr;
}

void ConfigTable::fail(const std::string& key, const std::string& why) {
  node_->fail(node_->table == nullptr ? nullptr : node_->table->get(key), key, why);
}

std::string ConfigTable::requiredString(const std::string& key) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) {
    node_->fail(nullptr, key, "is missing");
    return {};
  }
  std::string text = string(key);
  if (text.empty() && value->is_string()) node_->fail(value, key, "must not be empty");
  return text;
}

std::string ConfigTable::string(const std::string& key, std::string fallback) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  if (const auto* text = value->as_string()) return text->get();
  node_->fail(value, key, "must be a string, such as \"...\"");
  return fallback;
}

int64_t ConfigTable::integer(const std::string& key, int64_t fallback, int64_t min, int64_t max) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  if (const auto* number = value->as_integer()) {
    if (number->get() >= min && number->get() <= max) return number->get();
  }
  node_->fail(value, key,
              "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return fallback;
}

double ConfigTable::number(const std::string& key, double fallback, double min, double max) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  const auto number = value->value<double>();
  if (value->is_number() && number && *number >= min && *number <= max) return *number;
  std::ostringstream range;
  range << "must be a number from " << min << " to " << max;
  node_->fail(value, key, range.str());
  return fallback;
}

bool ConfigTable::boolean(const std::string& key, bool fallback) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  if (const auto* flag = value->as_boolean()) return flag->get();
  node_->fail(value, key, "must be true or false");
  return fallback;
}

Duration ConfigTable::duration(const std::string& key, Duration fallback, Duration min,
                               Duration max) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  const auto* text = value->as_string();
  if (text == nullptr) {
    node_->fail(value, key, "must be a duration in quotes with its unit, such as \"5s\"");
    return fallback;
  }
  const auto parsed = parseDuration(text->get());
  if (!parsed) {
    node_->fail(value, key, parsed.status().text());
    return fallback;
  }
  if (*parsed < min || *parsed > max) {
    node_->fail(value, key, "must be from " + formatDuration(min) + " to " + formatDuration(max));
    return fallback;
  }
  return *parsed;
}

uint64_t ConfigTable::size(const std::string& key, uint64_t fallback, uint64_t min, uint64_t max) {
  const toml::node* value = node_->get(key);
  if (value == nullptr) return fallback;
  const auto* text = value->as_string();
  if (text == nullptr) {
    node_->fail(value, key, "must be a size in quotes with its unit, such as \"64MiB\"");
    return fallback;
  }
  const auto parsed = parseSize(text->get());
  if (!parsed) {
    node_->fail(value, key, parsed.status().text());
    return fallback;
  }
  if (*parsed < min || *parsed > max) {
    node_->fail(value, key, "must be from " + formatSize(min) + " to " + formatSize(max));
    return fallback;
  }
  return *parsed;
}

std::vector<std::string> ConfigTable::strings(const std::string& key) {
  std::vector<std::string> out;
  const toml::node* value = node_->get(key);
  if (value == nullptr) return out;
  const auto* array = value->as_array();
  if (array == nullptr) {
    node_->fail(value, key, "must be a list of strings, such as [\"...\"]");
    return out;
  }
  for (const toml::node& item : *array) {
    if (const auto* text = item.as_string()) {
      out.push_back(text->get());
    } else {
      node_->fail(&item, key, "must hold strings only");
    }
  }
  return out;
}

fs::path ConfigTable::path(const std::string& key) {
  const std::string text = string(key);
  if (text.empty()) return {};
  const fs::path given(text);
  return given.is_absolute() ? given : node_->file->file.parent_path() / given;
}

std::string ConfigTable::secret(const std::string& key) {
  const std::string file_key = key + "_file";
  const std::string env_key = key + "_env";
  if (node_->get(key) != nullptr) {
    fail(key, "secrets don't stand in the file; use " + file_key + " or " + env_key);
    return {};
  }
  const fs::path file = path(file_key);
  const std::string variable = string(env_key);
  if (file.empty() == variable.empty()) {
    fail(file.empty() ? key : file_key,
         "exactly one of " + file_key + " and " + env_key + " must be given");
    return {};
  }
  if (!variable.empty()) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') {
      fail(env_key, "the environment has no " + variable);
      return {};
    }
    return value;
  }
  struct stat info {};
  if (stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    fail(file_key, file.string() + " may be read by everybody; chmod it to 0600");
    return {};
  }
  auto text = readSmallFile(file, kMaxSecretBytes);
  if (!text) {
    fail(file_key, text.status().text());
    return {};
  }
  std::string line = text->substr(0, text->find_first_of("\r\n"));
  if (line.empty()) fail(file_key, file.string() + " has an empty first line");
  return line;
}

ConfigTable ConfigTable::table(const std::string& key) {
  const toml::node* value = node_->get(key);
  if (value != nullptr && !value->is_table()) {
    node_->fail(value, key, "must be a table, [" + node_->fullName(key) + "]");
    value = nullptr;
  }
  auto child = std::make_shared<Node>(
      Node{node_->file, value == nullptr ? nullptr : value->as_table(), node_->fullName(key), {}});
  node_->file->nodes.push_back(child);
  return ConfigTable(child);
}

std::vector<ConfigTable> ConfigTable::tables(const std::string& key) {
  std::vector<ConfigTable> out;
  const toml::node* value = node_->get(key);
  if (value == nullptr) return out;
  const auto* array = value->as_array();
  if (array == nullptr) {
    node_->fail(value, key, "must be a list of tables, [[" + node_->fullName(key) + "]]");
    return out;
  }
  for (const toml::node& item : *array) {
    if (const auto* table = item.as_table()) {
      auto child = std::make_shared<Node>(Node{node_->file, table, node_->fullName(key), {}});
      node_->file->nodes.push_back(child);
      out.push_back(ConfigTable(child));
    } else {
      node_->fail(&item, key, "must be a list of tables, [[" + node_->fullName(key) + "]]");
    }
  }
  return out;
}

void ConfigTable::ignoreOtherTables() {
  if (node_->table == nullptr) return;
  for (const auto& [key, value] : *node_->table) {
    if (value.is_table() || value.is_array_of_tables()) node_->asked.emplace(key.str());
  }
}

ConfigFile::ConfigFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConfigFile::~ConfigFile() = default;

Result<std::unique_ptr<ConfigFile>> ConfigFile::load(const fs::path& file) {
  auto text = readSmallFile(file, kMaxFileBytes);
  if (!text) return text.status();
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error);
  return parse(*text, error ? file : absolute);
}

Result<std::unique_ptr<ConfigFile>> ConfigFile::parse(const std::string& text,
                                                      const fs::path& file) {
  auto state = std::make_unique<State>();
  state->file = file;
  try {
    state->document = toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    return Status(Code::kInvalidArgument, file.string() + ":" +
                                              std::to_string(error.source().begin.line) +
                                              ": is not TOML: " + std::string(error.description()));
  }
  return std::unique_ptr<ConfigFile>(new ConfigFile(std::move(state)));
}

ConfigTable ConfigFile::root() {
  auto node = std::make_shared<ConfigTable::Node>(
      ConfigTable::Node{state_.get(), &state_->document, "", {}});
  state_->nodes.push_back(node);
  return ConfigTable(node);
}

Status ConfigFile::finish() {
  // The same table may have been asked for more than once; a key is known if any of them knew it.
  std::map<const toml::table*, std::set<std::string>> asked;
  std::map<const toml::table*, ConfigTable::Node*> owner;
  for (const auto& node : state_->nodes) {
    if (node->table == nullptr) continue;
    asked[node->table].insert(node->asked.begin(), node->asked.end());
    owner[node->table] = node.get();
  }
  for (const auto& [table, keys] : asked) {
    for (const auto& [key, value] : *table) {
      const std::string name(key.str());
      if (keys.contains(name)) continue;
      const std::vector<std::string> known(keys.begin(), keys.end());
      owner[table]->fail(&value, name, "is not a key of this table" + suggestion(name, known));
    }
  }
  if (state_->errors.empty()) return Status::ok();
  std::string all;
  for (const std::string& error : state_->errors) {
    if (!all.empty()) all += "\n";
    all += error;
  }
  return {Code::kInvalidArgument, all};
}

}  // namespace muster
