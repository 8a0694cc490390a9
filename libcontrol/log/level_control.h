// Log levels that can be changed while the application runs, and that fall back by themselves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"

namespace spdlog {
class logger;
}

namespace muster::log {

// From the most verbose down. One less than muster.v1.LogLevel's numbers, the same as spdlog's.
enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kOff };

// "trace", "debug", "info", "warn", "error", "critical", "off".
const char* levelName(Level level);
// Fails with the names there are.
Result<Level> parseLevel(std::string_view text);

// What the root of the hierarchy is called; "all" means it too, and so does "".
inline constexpr char kRootName[] = "root";

struct LoggerState {
  std::string name;                // kRootName for the root
  Level boot = Level::kInfo;       // applies while nothing overrides it
  Level effective = Level::kInfo;  // applies now
  // Of the override set on this very name; `overridden` is false if there is none, and then the
  // effective level may still come from an override further up.
  bool overridden = false;
  std::optional<WallTime> until;  // nullopt: until it is reset
  std::string by;
};

// An override that has ended.
struct Ended {
  std::string name;
  Level level = Level::kInfo;      // it had set this
  Level effective = Level::kInfo;  // and this applies now
  std::string by;
};

// The levels of all loggers of the process. Names are hierarchical by dots, with the root above
// all: a logger has the level of the nearest override at or above its name and, if there is none,
// its boot level. A boot level is a logger's own (configured, or set by the application) or else
// that of the nearest logger above that has one.
//
// Loggers made by logger() follow at once. Those that the application registered with spdlog by
// itself are found by adoptForeign(): their boot level is the one they have when first seen, and
// one that the application sets later becomes their new boot level (while an override is on, it
// takes effect when that ends).
//
// Any thread; one mutex, under which spdlog's registry lock may be taken, never the other way
// round.
class LevelControl {
 public:
  // The one behind muster::logger(). Never destroyed, so that loggers work until the very end.
  static LevelControl& instance();

  // The root's boot level is the level of spdlog's default logger at this moment.
  LevelControl();
  LevelControl(const LevelControl&) = delete;
  LevelControl& operator=(const LevelControl&) = delete;

  // The logger of that name, made on first use as a copy of spdlog's default logger, or the one
  // that was registered with spdlog under it. A root name gives spdlog's default logger. Never
  // null.
  std::shared_ptr<spdlog::logger> logger(std::string_view name);

  // The boot level of a logger and of those below it that have none of their own; the logger need
  // not be there yet. For configuration.
  void setBoot(std::string_view name, Level level);

  // Sets an override, in place of one that was on that name. Without `duration` one that is more
  // verbose than some boot level it replaces lasts limits::kOverrideDefault, any other until it is
  // reset; with limits::kForever it always lasts until then. With `ahead` the name may be one that
  // no logger has yet, and the override waits for it. Errors: kNotFound ("logger") for a name that
  // no logger has at or below it, kInvalidArgument ("for") for a duration out of
  // limits::kMinOverride..kMaxOverride, ("logger") for an over-long name, kResourceExhausted.
  Status set(std::string_view name, Level level, std::optional<Duration> duration, std::string by,
             ElapsedTime now, WallTime wall, bool ahead = false);
  // Ends the override on that name; fine if there is none. kNotFound as above.
  Status reset(std::string_view name);

  // Ends the overrides whose time is over, and says which.
  std::vector<Ended> expire(ElapsedTime now);
  std::optional<ElapsedTime> nextExpiry() const;

  // Looks for loggers registered, changed or dropped behind our back and puts their levels right.
  // To be called about once a second; set, reset, expire, list and state do it by themselves.
  void adoptForeign();

  // The root first, then by name; names with an override but no logger are among them.
  std::vector<LoggerState> list();
  // The one of list() with that very name.
  std::optional<LoggerState> find(std::string_view name);
  Result<LoggerState> state(std::string_view name);

 private:
  struct Tracked {
    std::weak_ptr<spdlog::logger> logger;
    std::shared_ptr<spdlog::logger> own;  // keeps alive those that we made
    std::optional<Level> boot;            // its own
    Level applied = Level::kInfo;         // what we set or saw last
  };
  struct Override {
    Level level;
    std::optional<ElapsedTime> ends;
    std::optional<WallTime> until;
    std::string by;
  };

  // All of these under mutex_.
  void sync();
  void absorb(Tracked& tracked, const std::shared_ptr<spdlog::logger>& logger);
  void absorbChain(std::string_view name);
  void track(const std::string& name, const std::shared_ptr<spdlog::logger>& logger, bool own);
  void apply(std::string_view subtree);
  const Override* overrideOf(std::string_view name) const;
  Level bootOf(std::string_view name) const;
  Level effectiveOf(std::string_view name) const;
  bool isKnown(std::string_view name) const;
  bool raises(std::string_view name, Level level) const;
  Status unknown(std::string_view name) const;
  LoggerState stateOf(const std::string& name) const;

  mutable std::mutex mutex_;
  std::map<std::string, Tracked, std::less<>> tracked_;
  std::map<std::string, Level, std::less<>> configured_;
  std::map<std::string, Override, std::less<>> overrides_;
};

}  // namespace muster::log
