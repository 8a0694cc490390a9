// Overrides of the log levels of an application in another process: what is set there, until when,
// and how it gets back what it had.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcontrol/base/clock.h"
#include "libcontrol/base/status.h"
#include "libcontrol/store/level_overrides.h"
#include "muster/log_levels.h"

namespace muster {

// As log::LoggerState, but much of it need not be known.
struct ApplicationLoggerState {
  std::string name;
  std::optional<LogLevel> boot;       // applies while nothing overrides it
  std::optional<LogLevel> effective;  // applies now
  bool overridden = false;            // on this very name
  std::optional<WallTime> until;      // nothing: until it is reset
  std::string by;
};

// An override is durable before the application hears of it. Which loggers it governs is as the
// application has it; what applies in the end is read back where the application tells.
//
// What can't be given back is tried again until it has been, and one that the application has lost,
// or that somebody else replaced, is set again: what it has by then is what it gets back later.
//
// Calls block as long as the driver does. One thread.
class ApplicationLevels {
 public:
  // All references must outlive it.
  ApplicationLevels(std::shared_ptr<LogLevelDriver> driver, store::LevelOverrideStore& store,
                    Clock& clock);

  // "" and "all" are the root too.
  static std::string canonical(const std::string& name);

  struct Listing {
    bool any_name = false;                        // others than these may be set as well
    std::vector<ApplicationLoggerState> loggers;  // the root first, then by name
    Status problem;  // not ok: the application was not heard, and these are the overrides alone
  };
  Listing list();

  struct Change {
    std::string logger;
    LogLevel level = LogLevel::kInfo;
    std::optional<Duration> duration;  // as of log::LevelControl::set()
    std::string by;
    bool ahead = false;
  };
  // Where boot levels aren't known they are taken for info. Errors besides the driver's: kNotFound
  // ("logger") for a name that no logger has at or below it, kInvalidArgument ("for", "logger"),
  // kResourceExhausted, kUnavailable if it can't be kept.
  Status set(const Change& change);
  // The status says if the application could not be told; it is told later then.
  Status reset(const std::string& logger);

  // The application has started anew.
  void applicationStarted();
  // To be called about once a second: ends what is over, and does again what failed or was undone.
  void tick();

 private:
  using Row = store::LevelOverrideRow;
  struct Held {
    Row row;
    std::optional<ElapsedTime> ends;
    bool owed = false;  // is to be set, or given back, again
    ElapsedTime again{};
    Duration wait{};
    bool told = false;  // that it failed
  };
  using Loggers = std::map<std::string, ApplicationLogger>;

  void load();
  Status save();
  Result<Loggers> ask();
  Status checkChange(const Change& change, const std::string& name) const;
  Status checkKnown(const std::string& name, const Loggers& loggers) const;
  std::optional<LogLevel> bootOf(const std::string& name, const Loggers& loggers) const;
  std::optional<LogLevel> effectiveOf(const std::string& name, const Loggers& loggers) const;
  bool raises(const std::string& name, LogLevel level, const Loggers& loggers) const;
  const Held* nearest(const std::string& name) const;
  ApplicationLoggerState stateOf(const std::string& name, const Loggers& loggers) const;
  Held held(const Change& change, const std::string& name, const Loggers& loggers);
  Status apply(Held& held);
  Status giveBack(const std::string& name);
  void undo(const std::string& name, std::optional<Held> before, Code failure);
  void note(Held& held, const Loggers& loggers);
  void owe(Held& held);
  bool settle(const std::string& name);
  void lookForLosses();

  const std::shared_ptr<LogLevelDriver> driver_;
  store::LevelOverrideStore& store_;
  Clock& clock_;
  std::map<std::string, Held> held_;
  ElapsedTime looked_{};  // when it was last compared with what the application has
};

}  // namespace muster
