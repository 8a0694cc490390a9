// Log levels by an executable.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "muster/log_levels.h"
#include "node-agent/child.h"
#include "node-agent/levels/level_names.h"

namespace muster::agent {

// Runs an executable to its end and returns its output's last line that isn't empty. Any thread but
// the supervisor's. kUnavailable: it could not be started; others: it failed or took too long.
using RunExecutable = std::function<Result<std::string>(
    const std::vector<std::string>& command, const Environment& environment, Duration timeout)>;

// The executables are told MUSTER_ACTION ("set", "reset" or "read"), MUSTER_LOGGER and
// MUSTER_LEVEL; {logger} and {level} in their arguments are filled in.
struct ExecLevelOptions {
  std::vector<std::string> set;
  std::vector<std::string> read;     // prints the level of a logger; empty: nobody is asked
  std::vector<std::string> loggers;  // the names there are; empty: any
  LevelNames names;
};

class ExecLevels : public LogLevelDriver {
 public:
  ExecLevels(ExecLevelOptions options, RunExecutable run)
      : options_(std::move(options)), run_(std::move(run)) {}

  std::string describe() const override { return "the executable " + options_.set[0]; }
  bool knowsNames() const override { return !options_.loggers.empty(); }
  Result<std::vector<ApplicationLogger>> list() override;
  Status set(const std::string& logger, std::optional<LogLevel> level) override;

 private:
  Result<std::string> run(const std::vector<std::string>& command, const std::string& action,
                          const std::string& logger, const std::string& level,
                          Duration timeout) const;

  const ExecLevelOptions options_;
  const RunExecutable run_;
};

}  // namespace muster::agent
