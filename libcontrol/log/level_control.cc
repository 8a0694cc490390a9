#include "libcontrol/log/level_control.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/log/rule_sink.h"

namespace muster::log {
namespace {

constexpr const char* kNames[] = {"trace", "debug", "info", "warn", "error", "critical", "off"};

static_assert(static_cast<int>(Level::kTrace) == spdlog::level::trace);
static_assert(static_cast<int>(Level::kOff) == spdlog::level::off);

spdlog::level::level_enum toSpdlog(Level level) {
  return static_cast<spdlog::level::level_enum>(level);
}

Level fromSpdlog(spdlog::level::level_enum level) {
  return static_cast<Level>(level);
}

std::string_view canonical(std::string_view name) {
  return name == kRootName || name == "all" ? std::string_view() : name;
}

std::string shownName(std::string_view name) {
  return name.empty() ? kRootName : std::string(name);
}

// Of a name that is not the root: "storage" for "storage.disk", the root's for "storage".
std::string_view parentOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

bool isAtOrBelow(std::string_view name, std::string_view top) {
  if (top.empty() || name == top) return true;
  return name.size() > top.size() && name.starts_with(top) && name[top.size()] == '.';
}

// Registers what we made; where somebody registered one of that name meanwhile, theirs counts.
std::shared_ptr<spdlog::logger> registerOrFind(std::shared_ptr<spdlog::logger> made) {
  try {
    spdlog::register_logger(made);
  } catch (const spdlog::spdlog_ex&) {
    if (auto theirs = spdlog::get(made->name())) return theirs;
  }
  return made;
}

std::shared_ptr<spdlog::logger> makeLogger(const std::string& name) {
  const auto model = spdlog::default_logger();
  // Not by spdlog's own factories: those give the sinks, which the default logger shares, the
  // default pattern again.
  auto made = model ? model->clone(name) : std::make_shared<spdlog::logger>(name);
  // Now, while no other thread knows it.
  attachRules(*made);
  return made;
}

}  // namespace

const char* levelName(Level level) {
  return kNames[static_cast<size_t>(level)];
}

Result<Level> parseLevel(std::string_view text) {
  const auto* it = std::find(std::begin(kNames), std::end(kNames), text);
  if (it != std::end(kNames)) return static_cast<Level>(it - std::begin(kNames));
  return Status(Code::kInvalidArgument,
                "'" + singleLine(text, 40) + "' is no log level" +
                    suggestion(text, {std::begin(kNames), std::end(kNames)}),
                "level");
}

LevelControl& LevelControl::instance() {
  static auto* const control = new LevelControl;
  return *control;
}

LevelControl::LevelControl() {
  const auto root = spdlog::default_logger();
  configured_[""] = root ? fromSpdlog(root->level()) : Level::kInfo;
}

std::shared_ptr<spdlog::logger> LevelControl::logger(std::string_view name) {
  name = canonical(name);
  const std::lock_guard lock(mutex_);
  if (name.empty()) {
    if (auto root = spdlog::default_logger()) return root;
  }
  if (const auto it = tracked_.find(name); it != tracked_.end()) {
    if (auto known = it->second.logger.lock()) return known;
  }
  const std::string key(name);
  if (auto theirs = spdlog::get(key)) {
    track(key, theirs, false);
    return theirs;
  }
  // The application may have changed levels above since we last looked.
  absorbChain(name);
  auto made = makeLogger(key);
  made->set_level(toSpdlog(effectiveOf(name)));
  auto registered = registerOrFind(made);
  track(key, registered, registered == made);
  return registered;
}

void LevelControl::setBoot(std::string_view name, Level level) {
  name = canonical(name);
  const std::lock_guard lock(mutex_);
  sync();
  configured_.insert_or_assign(std::string(name), level);
  if (const auto it = tracked_.find(name); it != tracked_.end()) it->second.boot.reset();
  apply(name);
}

Status LevelControl::set(std::string_view name, Level level, std::optional<Duration> duration,
                         std::string by, ElapsedTime now, WallTime wall, bool ahead) {
  name = canonical(name);
  if (name.size() > limits::kMaxLoggerNameBytes) {
    return {Code::kInvalidArgument,
            "the logger's name is " + std::to_string(name.size()) + " bytes long; at most " +
                std::to_string(limits::kMaxLoggerNameBytes),
            "logger"};
  }
  const bool forever = duration == limits::kForever;
  if (duration && !forever &&
      (*duration < limits::kMinOverride || *duration > limits::kMaxOverride)) {
    return {Code::kInvalidArgument,
            "an override lasts from " + formatDuration(limits::kMinOverride) + " to " +
                formatDuration(limits::kMaxOverride) + ", not " + formatDuration(*duration),
            "for"};
  }
  const std::lock_guard lock(mutex_);
  sync();
  if (!ahead && !isKnown(name)) return unknown(name);
  const auto it = overrides_.find(name);
  if (it == overrides_.end() && overrides_.size() >= limits::kMaxOverrides) {
    return {Code::kResourceExhausted, "there are " + std::to_string(overrides_.size()) +
                                          " overridden log levels already; reset some first"};
  }
  if (!duration && raises(name, level)) duration = limits::kOverrideDefault;
  Override override{level, {}, {}, std::move(by)};
  if (duration && !forever) {
    override.ends = now + *duration;
    override.until = WallTime{wall.unix_ms + duration->toMillis()};
  }
  overrides_.insert_or_assign(std::string(name), std::move(override));
  apply(name);
  return Status::ok();
}

Status LevelControl::reset(std::string_view name) {
  name = canonical(name);
  const std::lock_guard lock(mutex_);
  sync();
  if (const auto it = overrides_.find(name); it != overrides_.end()) {
    overrides_.erase(it);
    apply(name);
    return Status::ok();
  }
  return isKnown(name) ? Status::ok() : unknown(name);
}

std::vector<Ended> LevelControl::expire(ElapsedTime now) {
  const std::lock_guard lock(mutex_);
  sync();
  std::vector<Ended> ended;
  for (auto it = overrides_.begin(); it != overrides_.end();) {
    if (!it->second.ends || *it->second.ends > now) {
      ++it;
      continue;
    }
    ended.push_back({it->first, it->second.level, Level::kInfo, it->second.by});
    it = overrides_.erase(it);
  }
  if (ended.empty()) return ended;
  apply({});
  for (Ended& e : ended) {
    e.effective = effectiveOf(e.name);
    e.name = shownName(e.name);
  }
  return ended;
}

std::optional<ElapsedTime> LevelControl::nextExpiry() const {
  const std::lock_guard lock(mutex_);
  std::optional<ElapsedTime> next;
  for (const auto& [name, override] : overrides_) {
    if (override.ends && (!next || *override.ends < *next)) next = override.ends;
  }
  return next;
}

void LevelControl::adoptForeign() {
  const std::lock_guard lock(mutex_);
  sync();
}

std::vector<LoggerState> LevelControl::list() {
  const std::lock_guard lock(mutex_);
  sync();
  std::vector<std::string> names = {""};
  for (const auto& [name, tracked] : tracked_) names.push_back(name);
  for (const auto& [name, override] : overrides_) names.push_back(name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<LoggerState> states;
  for (const std::string& name : names) {
    // One that the application gave a name of the root's follows the root and needs no line.
    if (name == canonical(name)) states.push_back(stateOf(name));
  }
  return states;
}

std::optional<LoggerState> LevelControl::find(std::string_view name) {
  const std::lock_guard lock(mutex_);
  sync();
  if (name == kRootName) return stateOf("");
  if (canonical(name).empty()) return std::nullopt;
  if (!tracked_.contains(name) && !overrides_.contains(name)) return std::nullopt;
  return stateOf(std::string(name));
}

Result<LoggerState> LevelControl::state(std::string_view name) {
  name = canonical(name);
  const std::lock_guard lock(mutex_);
  sync();
  if (!isKnown(name)) return unknown(name);
  return stateOf(std::string(name));
}

// Brings our picture and spdlog's registry together: what was dropped goes, what the application
// changed is noted, what is new is taken in, and all get the levels they should have.
void LevelControl::sync() {
  std::erase_if(tracked_, [](const auto& entry) { return entry.second.logger.expired(); });
  std::vector<std::shared_ptr<spdlog::logger>> registered;
  spdlog::apply_all([&](const std::shared_ptr<spdlog::logger>& l) { registered.push_back(l); });
  for (const auto& logger : registered) {
    const auto it = tracked_.find(logger->name());
    // Registered anew under the name of one that was dropped: what goes by that name counts.
    if (it == tracked_.end() || it->second.logger.lock() != logger) {
      track(logger->name(), logger, false);
    }
  }
  for (auto& [name, tracked] : tracked_) {
    if (const auto logger = tracked.logger.lock()) absorb(tracked, logger);
  }
  apply({});
}

// A level that is not the one we set or saw last was set by the application.
void LevelControl::absorb(Tracked& tracked, const std::shared_ptr<spdlog::logger>& logger) {
  const Level level = fromSpdlog(logger->level());
  if (level == tracked.applied) return;
  tracked.boot = level;
  tracked.applied = level;
}

void LevelControl::absorbChain(std::string_view name) {
  while (!name.empty()) {
    name = parentOf(name);
    const std::string key(name);
    const auto logger = spdlog::get(key);
    if (!logger) continue;
    const auto it = tracked_.find(key);
    if (it == tracked_.end() || it->second.logger.lock() != logger) {
      track(key, logger, false);
    } else {
      absorb(it->second, logger);
    }
  }
}

void LevelControl::track(const std::string& name, const std::shared_ptr<spdlog::logger>& logger,
                         bool own) {
  Tracked tracked;
  tracked.logger = logger;
  if (own) tracked.own = logger;
  tracked.applied = fromSpdlog(logger->level());
  if (!own && !configured_.contains(name)) tracked.boot = tracked.applied;
  tracked_.insert_or_assign(name, std::move(tracked));
  apply(name);
}

void LevelControl::apply(std::string_view subtree) {
  for (auto& [name, tracked] : tracked_) {
    if (!isAtOrBelow(name, subtree)) continue;
    const Level level = effectiveOf(name);
    const auto logger = tracked.logger.lock();
    if (!logger || level == tracked.applied) continue;
    logger->set_level(toSpdlog(level));
    tracked.applied = level;
  }
}

const LevelControl::Override* LevelControl::overrideOf(std::string_view name) const {
  for (;; name = parentOf(name)) {
    if (const auto it = overrides_.find(name); it != overrides_.end()) return &it->second;
    if (name.empty()) return nullptr;
  }
}

Level LevelControl::bootOf(std::string_view name) const {
  for (;; name = parentOf(name)) {
    const auto tracked = tracked_.find(name);
    if (tracked != tracked_.end() && tracked->second.boot) return *tracked->second.boot;
    const auto configured = configured_.find(name);
    if (configured != configured_.end()) return configured->second;
    if (name.empty()) return Level::kInfo;  // not reached: the root is always configured
  }
}

Level LevelControl::effectiveOf(std::string_view name) const {
  const Override* override = overrideOf(name);
  return override ? override->level : bootOf(name);
}

bool LevelControl::isKnown(std::string_view name) const {
  return name.empty() || overrides_.contains(name) ||
         std::any_of(tracked_.begin(), tracked_.end(),
                     [&](const auto& entry) { return isAtOrBelow(entry.first, name); });
}

// Whether a level set there is more verbose than a boot level that it replaces.
bool LevelControl::raises(std::string_view name, Level level) const {
  return level < bootOf(name) ||
         std::any_of(tracked_.begin(), tracked_.end(), [&](const auto& entry) {
           return isAtOrBelow(entry.first, name) && level < bootOf(entry.first);
         });
}

Status LevelControl::unknown(std::string_view name) const {
  std::vector<std::string> names = {kRootName};
  for (const auto& [known, tracked] : tracked_) {
    if (!canonical(known).empty()) names.push_back(known);
  }
  return {Code::kNotFound,
          "there is no logger '" + singleLine(name, 128) + "'" + suggestion(name, names), "logger"};
}

LoggerState LevelControl::stateOf(const std::string& name) const {
  LoggerState state;
  state.name = shownName(name);
  state.boot = bootOf(name);
  state.effective = effectiveOf(name);
  if (const auto it = overrides_.find(name); it != overrides_.end()) {
    state.overridden = true;
    state.until = it->second.until;
    state.by = it->second.by;
  }
  return state;
}

}  // namespace muster::log
