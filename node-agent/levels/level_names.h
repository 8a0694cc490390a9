// How an application calls its log levels.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "libcontrol/base/status.h"
#include "muster/records.h"

namespace muster::agent {

inline constexpr size_t kLevels = 7;

// One name for each level; the same name may stand for several.
class LevelNames {
 public:
  // "trace", "debug", "info", "warn", "error", "critical", "off".
  LevelNames();
  // As the frameworks of Java have them: "TRACE" ... "FATAL", "OFF".
  static LevelNames ofSpring();

  void set(LogLevel level, std::string name) { names_[index(level)] = std::move(name); }
  const std::string& name(LogLevel level) const { return names_[index(level)]; }
  // In letters of either case; also our own names. The least severe of several; nothing: no level.
  std::optional<LogLevel> parse(std::string_view text) const;

 private:
  static size_t index(LogLevel level) { return static_cast<size_t>(level); }
  std::array<std::string, kLevels> names_;
};

// "critical".
const char* levelName(LogLevel level);

}  // namespace muster::agent
