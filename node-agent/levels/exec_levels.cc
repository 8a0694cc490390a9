#include "node-agent/levels/exec_levels.h"

#include <algorithm>

#include "libcontrol/base/text.h"
#include "node-agent/levels/level_template.h"
#include "node-agent/limits.h"

namespace muster::agent {

Result<std::string> ExecLevels::run(const std::vector<std::string>& command,
                                    const std::string& action, const std::string& logger,
                                    const std::string& level, Duration timeout) const {
  std::vector<std::string> words;
  for (const std::string& word : command) {
    words.push_back(fillIn(word, logger, level, escapedForLine));
  }
  const Environment environment = {{"MUSTER_ACTION", action},
                                   {"MUSTER_LOGGER", escapedForLine(logger)},
                                   {"MUSTER_LEVEL", level}};
  return run_(words, environment, timeout);
}

Status ExecLevels::set(const std::string& logger, std::optional<LogLevel> level) {
  // As an argument of its own it must not be taken for an option.
  if (logger.starts_with('-')) {
    return {Code::kInvalidArgument, "a logger's name does not begin with '-' here", "logger"};
  }
  const auto done = run(options_.set, level ? "set" : "reset", logger,
                        level ? options_.names.name(*level) : "", limits::kLevelTimeout);
  return done ? Status::ok() : done.status();
}

Result<std::vector<ApplicationLogger>> ExecLevels::list() {
  std::vector<ApplicationLogger> out;
  SystemClock& clock = SystemClock::forHolder();
  const ElapsedTime until = clock.elapsed() + limits::kLevelTimeout;
  for (const std::string& name : options_.loggers) {
    ApplicationLogger each{name, {}, {}};
    if (!options_.read.empty()) {
      const Duration left = std::max(until - clock.elapsed(), Duration::millis(1));
      const auto said = run(options_.read, "read", name, "", left);
      if (!said) return said.status();
      each.effective = options_.names.parse(*said);
      if (!each.effective) {
        return Status(Code::kDataLoss, options_.read[0] + " says '" + singleLine(*said, 80) +
                                           "', which is no level's name");
      }
    }
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace muster::agent
