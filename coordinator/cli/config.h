// cli.toml, the file with a person's logins. docs/operations.md has every key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "coordinator/cli/settings.h"
#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace muster::cli {

struct FileSettings {
  LoginSettings login;  // of the profile that was asked for
  std::string profile;  // its name; empty: [login]
  std::string output;   // empty: not said
  std::optional<Duration> timeout;
};

// `profile` empty: the one that the file's key `profile` names, else [login]. Everything in the
// file is checked, the other profiles too; passwords are not read.
Result<FileSettings> loadConfig(const std::filesystem::path& file, const std::string& profile);
// For tests; relative paths are taken from the folder of `file`.
Result<FileSettings> parseConfig(const std::string& text, const std::filesystem::path& file,
                                 const std::string& profile);

}  // namespace muster::cli
