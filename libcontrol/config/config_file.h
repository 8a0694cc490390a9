// A daemon's TOML file, read strictly: every key is asked for by name, a key that nobody asked for
// is refused with its line and a suggestion, and every error says which file, line and key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster {

// One table of the file. A copyable view; the ConfigFile it came from must outlive it. Getters
// collect errors in the file instead of returning them, so that a check names them all at once;
// what they return after an error is the fallback.
class ConfigTable {
 public:
  // Whether the table stands in the file at all.
  bool isPresent() const;

  std::string requiredString(const std::string& key);
  std::string string(const std::string& key, std::string fallback = {});
  int64_t integer(const std::string& key, int64_t fallback, int64_t min, int64_t max);
  double number(const std::string& key, double fallback, double min, double max);
  bool boolean(const std::string& key, bool fallback);
  // Written with its unit: "5s".
  Duration duration(const std::string& key, Duration fallback, Duration min, Duration max);
  // A number of bytes, written with its unit: "64MiB", "2GB".
  uint64_t size(const std::string& key, uint64_t fallback, uint64_t min, uint64_t max);
  std::vector<std::string> strings(const std::string& key);
  // A path; relative ones are taken from the folder of the configuration file.
  std::filesystem::path path(const std::string& key);
  // A secret: `key`_file names a file whose first line it is, `key`_env an environment variable;
  // exactly one of the two. A file that others may read is refused.
  std::string secret(const std::string& key);

  ConfigTable table(const std::string& key);
  // [[key]]
  std::vector<ConfigTable> tables(const std::string& key);

  // Tables of this one that nobody asks for belong to another program that shares the file.
  void ignoreOtherTables();

  // Adds an error about this key, with its line.
  void fail(const std::string& key, const std::string& why);

 private:
  friend class ConfigFile;
  struct Node;
  explicit ConfigTable(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

class ConfigFile {
 public:
  static Result<std::unique_ptr<ConfigFile>> load(const std::filesystem::path& file);
  // For tests.
  static Result<std::unique_ptr<ConfigFile>> parse(const std::string& text,
                                                   const std::filesystem::path& file);
  ~ConfigFile();

  ConfigTable root();
  // After everything was asked for: the errors collected, one a line, unknown keys among them.
  Status finish();

  struct State;

 private:
  explicit ConfigFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace muster
