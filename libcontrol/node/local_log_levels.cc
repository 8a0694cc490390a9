#include "libcontrol/node/local_log_levels.h"

#include "libcontrol/convert/levels.h"
#include "libcontrol/log/level_control.h"
#include "muster/log.h"

namespace muster {
namespace {

// Foreign loggers are looked for this seldom: it takes spdlog's registry lock.
constexpr Duration kAdoptEvery = Duration::seconds(1);

}  // namespace

std::vector<v1::LoggerState> LocalLogLevels::list() {
  std::vector<v1::LoggerState> out;
  for (const log::LoggerState& state : log::LevelControl::instance().list()) {
    out.push_back(convert::toProto(state));
  }
  return out;
}

std::optional<v1::LoggerState> LocalLogLevels::find(const std::string& name) {
  const std::optional<log::LoggerState> state = log::LevelControl::instance().find(name);
  if (!state) return std::nullopt;
  return convert::toProto(*state);
}

Status LocalLogLevels::set(const Change& change, ElapsedTime now, WallTime wall) {
  const log::Level level = convert::fromProto(change.level);
  const Status status = log::LevelControl::instance().set(change.logger, level, change.duration,
                                                          change.by, now, wall, change.ahead);
  if (status) {
    logger("muster.node")
        ->info("{} set the log level of {} to {}", change.by, change.logger, log::levelName(level));
  }
  return status;
}

Status LocalLogLevels::reset(const std::string& logger_name) {
  return log::LevelControl::instance().reset(logger_name);
}

void LocalLogLevels::housekeeping(ElapsedTime now) {
  log::LevelControl& levels = log::LevelControl::instance();
  for (const log::Ended& ended : levels.expire(now)) {
    logger("muster.node")
        ->info("log level of {} is back at {}: the time that {} gave is over", ended.name,
               log::levelName(ended.effective), ended.by);
  }
  if (now - adopted_ < kAdoptEvery) return;
  adopted_ = now;
  levels.adoptForeign();
}

}  // namespace muster
