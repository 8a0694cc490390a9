// Log levels in a file that the application reads again when it gets a signal, or by itself.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "muster/log_levels.h"
#include "node-agent/levels/level_names.h"

namespace muster::agent {

struct FileLevelOptions {
  std::filesystem::path path;
  // One of the two. A line for each level that is set, with {logger} before {level}; they stand
  // between two comments at the file's end, and go with the last of them.
  std::string line;
  // An RE2 with {logger} in it, or for one logger without, whose first group is the level in a line
  // that the file has anyway.
  std::string pattern;
  std::string comment = "#";  // begins a comment
  LevelNames names;
  std::vector<std::string> loggers;  // the names there are; empty: any, or with a pattern the root
  int signal_number = 0;             // 0: none
  std::filesystem::path pid_file;    // who gets it; empty: the program
};

// The file is replaced as a whole, with its owner and mode.
class FileLevels : public LogLevelDriver {
 public:
  using SignalProgram = std::function<Status(int number)>;
  FileLevels(FileLevelOptions options, SignalProgram signal_program);

  std::string describe() const override { return "the file " + options_.path.string(); }
  bool knowsNames() const override { return !options_.loggers.empty(); }
  Result<std::vector<ApplicationLogger>> list() override;
  Status set(const std::string& logger, std::optional<LogLevel> level) override;

  // The same on the file's text alone.
  Result<std::string> edited(const std::string& text, const std::string& logger,
                             std::optional<LogLevel> level) const;
  std::optional<LogLevel> levelIn(const std::string& text, const std::string& logger) const;

 private:
  std::string editedBlock(const std::string& text, const std::string& logger,
                          std::optional<LogLevel> level) const;
  Result<std::string> editedMatch(const std::string& text, const std::string& logger,
                                  std::optional<LogLevel> level) const;
  Status tell() const;

  FileLevelOptions options_;
  const SignalProgram signal_program_;
};

// Puts `bytes` in the place of an existing file: all or nothing, with its owner and mode; where
// `path` is a symbolic link, in the place of what it points to.
Status replaceKeepingOwner(const std::filesystem::path& path, const std::string& bytes);

}  // namespace muster::agent
