#include "libcontrol/node/application_levels.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "libcontrol/log/level_control.h"
#include "muster/log.h"

namespace muster {
namespace {

std::optional<int> numberOf(std::optional<LogLevel> level) {
  if (!level) return std::nullopt;
  return static_cast<int>(*level);
}

std::optional<LogLevel> levelOf(std::optional<int> number) {
  if (!number) return std::nullopt;
  return static_cast<LogLevel>(*number);
}

std::string nameOf(std::optional<LogLevel> level) {
  return level ? log::levelName(static_cast<log::Level>(*level)) : "what it inherits";
}

bool isRoot(const std::string& name) {
  return name == log::kRootName;
}

std::string parentOf(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? log::kRootName : name.substr(0, dot);
}

bool isAtOrBelow(const std::string& name, const std::string& top) {
  return isRoot(top) || name == top || name.starts_with(top + ".");
}

bool isRefusal(Code code) {
  return code == Code::kInvalidArgument || code == Code::kNotFound;
}

}  // namespace

ApplicationLevels::ApplicationLevels(std::shared_ptr<LogLevelDriver> driver,
                                     store::LevelOverrideStore& store, Clock& clock)
    : driver_(std::move(driver)), store_(store), clock_(clock), looked_(clock.elapsed()) {
  load();
}

std::string ApplicationLevels::canonical(const std::string& name) {
  return name.empty() || name == "all" ? log::kRootName : name;
}

// Nobody knows what has happened meanwhile, so all of it is set again, or given back.
void ApplicationLevels::load() {
  const auto rows = store_.load();
  if (!rows) {
    logger("muster.node")
        ->error("overrides of log levels that were in force are not known any more: {}",
                rows.status().text());
    return;
  }
  for (const Row& row : *rows) {
    Held held;
    held.row = row;
    if (row.until) {
      const Duration left = Duration::millis(std::clamp<int64_t>(
          row.until->unix_ms - clock_.wall().unix_ms, 0, limits::kMaxOverride.toMillis()));
      held.ends = clock_.elapsed() + left;
    }
    owe(held);
    held_.emplace(row.logger, std::move(held));
  }
}

Status ApplicationLevels::save() {
  std::vector<Row> rows;
  for (const auto& [name, held] : held_) rows.push_back(held.row);
  const Status saved = store_.save(rows);
  // The new bytes are there; after a loss of power they may be the old ones.
  if (saved || saved.code() == Code::kDataLoss) return Status::ok();
  return {Code::kUnavailable,
          "nothing was done, since the override can't be kept: " + saved.text()};
}

Result<ApplicationLevels::Loggers> ApplicationLevels::ask() {
  auto listed = driver_->list();
  if (!listed) return listed.status();
  Loggers out;
  for (ApplicationLogger& each : *listed) {
    if (out.size() >= limits::kMaxApplicationLoggers) break;
    each.name = canonical(each.name);
    if (each.name.size() > limits::kMaxLoggerNameBytes || !isValidUtf8(each.name)) continue;
    const std::string name = each.name;
    out.insert_or_assign(name, std::move(each));
  }
  return out;
}

ApplicationLevels::Listing ApplicationLevels::list() {
  Listing out;
  out.any_name = !driver_->knowsNames();
  auto loggers = ask();
  if (!loggers) {
    out.problem = loggers.status();
    loggers = Loggers();
  }
  Loggers names = *loggers;
  for (const auto& [name, held] : held_) names.try_emplace(name);
  const auto root = names.find(log::kRootName);
  if (root != names.end()) {
    out.loggers.push_back(stateOf(root->first, *loggers));
    names.erase(root);
  }
  for (const auto& [name, unused] : names) out.loggers.push_back(stateOf(name, *loggers));
  return out;
}

const ApplicationLevels::Held* ApplicationLevels::nearest(const std::string& name) const {
  for (std::string at = name;; at = parentOf(at)) {
    if (const auto it = held_.find(at); it != held_.end()) return &it->second;
    if (isRoot(at)) return nullptr;
  }
}

// What the nearest logger with a level of its own has, overrides aside.
std::optional<LogLevel> ApplicationLevels::bootOf(const std::string& name,
                                                  const Loggers& loggers) const {
  for (std::string at = name;; at = parentOf(at)) {
    const auto over = held_.find(at);
    if (over != held_.end()) {
      if (over->second.row.had) return levelOf(over->second.row.had);
    } else if (const auto it = loggers.find(at); it != loggers.end() && it->second.configured) {
      return it->second.configured;
    }
    if (isRoot(at)) break;
  }
  if (const Held* over = nearest(name)) return levelOf(over->row.was);
  const auto it = loggers.find(name);
  return it == loggers.end() ? std::nullopt : it->second.effective;
}

std::optional<LogLevel> ApplicationLevels::effectiveOf(const std::string& name,
                                                       const Loggers& loggers) const {
  if (const auto it = loggers.find(name); it != loggers.end() && it->second.effective) {
    return it->second.effective;
  }
  if (const Held* over = nearest(name)) return levelOf(over->row.level);
  return bootOf(name, loggers);
}

bool ApplicationLevels::raises(const std::string& name, LogLevel level,
                               const Loggers& loggers) const {
  if (level < bootOf(name, loggers).value_or(LogLevel::kInfo)) return true;
  return std::any_of(loggers.begin(), loggers.end(), [&](const auto& entry) {
    return isAtOrBelow(entry.first, name) &&
           level < bootOf(entry.first, loggers).value_or(LogLevel::kInfo);
  });
}

ApplicationLoggerState ApplicationLevels::stateOf(const std::string& name,
                                                  const Loggers& loggers) const {
  ApplicationLoggerState out;
  out.name = name;
  out.boot = bootOf(name, loggers);
  out.effective = effectiveOf(name, loggers);
  if (const auto it = held_.find(name); it != held_.end()) {
    out.overridden = !it->second.row.ending;
    out.until = it->second.row.until;
    out.by = it->second.row.by;
  }
  return out;
}

Status ApplicationLevels::checkChange(const Change& change, const std::string& name) const {
  if (name.size() > limits::kMaxLoggerNameBytes) {
    return {Code::kInvalidArgument,
            "the logger's name is " + std::to_string(name.size()) + " bytes long; at most " +
                std::to_string(limits::kMaxLoggerNameBytes),
            "logger"};
  }
  const auto& wanted = change.duration;
  if (wanted && wanted != limits::kForever &&
      (*wanted < limits::kMinOverride || *wanted > limits::kMaxOverride)) {
    return {Code::kInvalidArgument,
            "an override lasts from " + formatDuration(limits::kMinOverride) + " to " +
                formatDuration(limits::kMaxOverride) + ", not " + formatDuration(*wanted),
            "for"};
  }
  if (!held_.contains(name) && held_.size() >= limits::kMaxOverrides) {
    return {Code::kResourceExhausted, "there are " + std::to_string(held_.size()) +
                                          " overridden log levels already; reset some first"};
  }
  return Status::ok();
}

Status ApplicationLevels::checkKnown(const std::string& name, const Loggers& loggers) const {
  if (!driver_->knowsNames() || isRoot(name) || held_.contains(name)) return Status::ok();
  // The first that isn't before it: itself, or one that begins with it and a dot.
  const auto below = loggers.lower_bound(name + ".");
  if (loggers.contains(name) || (below != loggers.end() && isAtOrBelow(below->first, name))) {
    return Status::ok();
  }
  std::vector<std::string> names;
  for (const auto& [known, unused] : loggers) names.push_back(known);
  return {Code::kNotFound,
          "the application has no logger '" + singleLine(name, limits::kMaxLoggerNameBytes) + "'" +
              suggestion(name, names),
          "logger"};
}

ApplicationLevels::Held ApplicationLevels::held(const Change& change, const std::string& name,
                                                const Loggers& loggers) {
  Held out;
  const auto before = held_.find(name);
  if (before != held_.end()) {
    out.row = before->second.row;  // for what it had
  } else if (const auto it = loggers.find(name); it != loggers.end()) {
    out.row.had = numberOf(it->second.configured);
    out.row.was = numberOf(it->second.effective);
  }
  out.row.logger = name;
  out.row.level = static_cast<int>(change.level);
  out.row.by = change.by;
  out.row.ending = false;
  out.row.until.reset();
  std::optional<Duration> lasts = change.duration;
  if (!lasts && raises(name, change.level, loggers)) lasts = limits::kOverrideDefault;
  if (lasts && *lasts != limits::kForever) {
    out.ends = clock_.elapsed() + *lasts;
    out.row.until = WallTime{clock_.wall().unix_ms + lasts->toMillis()};
  }
  return out;
}

Status ApplicationLevels::set(const Change& change) {
  const std::string name = canonical(change.logger);
  if (Status checked = checkChange(change, name); !checked) return checked;
  const auto loggers = ask();
  if (!loggers) return loggers.status();
  if (!change.ahead) {
    if (Status known = checkKnown(name, *loggers); !known) return known;
  }
  std::optional<Held> before;
  if (const auto it = held_.find(name); it != held_.end()) before = it->second;
  held_.insert_or_assign(name, held(change, name, *loggers));
  if (Status kept = save(); !kept) {
    held_.erase(name);
    if (before) held_.emplace(name, *std::move(before));
    return kept;
  }
  const Status applied = apply(held_.at(name));
  if (!applied) {
    undo(name, std::move(before), applied.code());
    return applied;
  }
  (void)save();  // what was seen afterwards; without it one more setting is all that is lost
  logger("muster.node")
      ->info("{} set the log level of the application's {} to {}", change.by, name,
             nameOf(change.level));
  return applied;
}

// Sets it and sees what came of it.
Status ApplicationLevels::apply(Held& held) {
  const Status done = driver_->set(held.row.logger, static_cast<LogLevel>(held.row.level));
  if (!done) return done;
  held.owed = false;
  held.told = false;
  held.wait = {};
  held.row.seen_configured.reset();
  held.row.seen_effective.reset();
  if (const auto loggers = ask()) note(held, *loggers);
  return done;
}

void ApplicationLevels::note(Held& held, const Loggers& loggers) {
  const auto it = loggers.find(held.row.logger);
  if (it == loggers.end()) return;
  held.row.seen_configured = numberOf(it->second.configured);
  held.row.seen_effective = numberOf(it->second.effective);
}

// After a setting that failed: as if nobody had asked for it.
void ApplicationLevels::undo(const std::string& name, std::optional<Held> before, Code failure) {
  const bool untouched =
      failure == Code::kUnavailable || failure == Code::kForbidden || isRefusal(failure);
  Held& held = held_.at(name);
  if (before) {
    held = *std::move(before);
    if (!untouched) owe(held);
  } else if (untouched) {
    held_.erase(name);
  } else {
    held.row.ending = true;
    owe(held);
  }
  (void)save();
}

Status ApplicationLevels::reset(const std::string& logger_name) {
  const std::string name = canonical(logger_name);
  if (const auto it = held_.find(name); it == held_.end()) {
    const auto loggers = ask();
    return loggers ? checkKnown(name, *loggers) : loggers.status();
  }
  Held& held = held_.at(name);
  const Held before = held;
  held.row.ending = true;
  if (Status kept = save(); !kept) {
    held = before;
    return kept;
  }
  Status back = giveBack(name);
  if (back || !held_.contains(name)) return back;
  return {back.code(),
          "the override is over, but the application has not got its level back yet; "
          "that is tried again: " +
              back.text()};
}

Status ApplicationLevels::giveBack(const std::string& name) {
  Held& held = held_.at(name);
  const Status done = driver_->set(name, levelOf(held.row.had));
  // What it will never take it needn't be offered again.
  if (done || isRefusal(done.code())) {
    if (!done) {
      logger("muster.node")
          ->error("the application does not take the level of {} back: {}", name, done.text());
    }
    held_.erase(name);
    (void)save();
    return done;
  }
  if (!std::exchange(held.told, true)) {
    logger("muster.node")
        ->error(
            "the log level of the application's {} could not be given back and is tried again: "
            "{}",
            name, done.text());
  }
  owe(held);
  return done;
}

// Doubled each time.
void ApplicationLevels::owe(Held& held) {
  held.owed = true;
  held.wait = held.wait == Duration{} ? limits::kLevelRetryFirst
                                      : std::min(held.wait * 2, limits::kLevelRetryLast);
  held.again = clock_.elapsed() + held.wait;
}

void ApplicationLevels::applicationStarted() {
  for (auto& [name, held] : held_) {
    held.wait = {};
    owe(held);
  }
}

void ApplicationLevels::tick() {
  const ElapsedTime now = clock_.elapsed();
  std::vector<std::string> due;
  for (auto& [name, held] : held_) {
    if (!held.row.ending && held.ends && *held.ends <= now) {
      held.row.ending = true;
      held.owed = true;
      held.again = now;
      logger("muster.node")
          ->info("log level of the application's {} goes back to {}: the time that {} gave is over",
                 name, nameOf(levelOf(held.row.had)), held.row.by);
    }
    if (held.owed && held.again <= now) due.push_back(name);
  }
  for (const std::string& name : due) {
    // An application that hangs would do so for each of them, and somebody may be waiting.
    if (!settle(name)) return;
  }
  if (!held_.empty() && clock_.elapsed() - looked_ >= limits::kLevelLookEvery) lookForLosses();
}

bool ApplicationLevels::settle(const std::string& name) {
  Held& held = held_.at(name);
  if (held.row.ending) return giveBack(name).isOk();
  if (const Status done = apply(held); !done) {
    if (!std::exchange(held.told, true)) {
      logger("muster.node")
          ->warn("the log level of the application's {} could not be set again: {}", name,
                 done.text());
    }
    owe(held);
    return false;
  }
  logger("muster.node")
      ->info("set the log level of the application's {} to {} again", name,
             nameOf(levelOf(held.row.level)));
  (void)save();
  return true;
}

// An application that has started anew has lost what was set; what it has by then is what it gets
// back in the end.
void ApplicationLevels::lookForLosses() {
  looked_ = clock_.elapsed();
  const auto loggers = ask();
  if (!loggers) return;
  for (auto& [name, held] : held_) {
    const auto it = loggers->find(name);
    if (held.row.ending || held.owed || it == loggers->end()) continue;
    const auto configured = numberOf(it->second.configured);
    const auto effective = numberOf(it->second.effective);
    if (configured == held.row.seen_configured && effective == held.row.seen_effective) continue;
    held.row.had = configured;
    held.row.was = effective;
    held.owed = true;
    held.again = looked_;
  }
}

}  // namespace muster
