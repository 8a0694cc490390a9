#include "node-agent/levels/level_names.h"

#include "libcontrol/base/text.h"

namespace muster::agent {
namespace {

constexpr const char* kNames[kLevels] = {"trace", "debug",    "info", "warn",
                                         "error", "critical", "off"};
constexpr const char* kSpring[kLevels] = {"TRACE", "DEBUG", "INFO", "WARN",
                                          "ERROR", "FATAL", "OFF"};

}  // namespace

LevelNames::LevelNames() {
  for (size_t i = 0; i < kLevels; ++i) names_[i] = kNames[i];
}

LevelNames LevelNames::ofSpring() {
  LevelNames out;
  for (size_t i = 0; i < kLevels; ++i) out.names_[i] = kSpring[i];
  return out;
}

std::optional<LogLevel> LevelNames::parse(std::string_view text) const {
  const std::string wanted = asciiLower(text);
  for (size_t i = 0; i < kLevels; ++i) {
    if (asciiLower(names_[i]) == wanted) return static_cast<LogLevel>(i);
  }
  for (size_t i = 0; i < kLevels; ++i) {
    if (kNames[i] == wanted) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

const char* levelName(LogLevel level) {
  return kNames[static_cast<size_t>(level)];
}

}  // namespace muster::agent
