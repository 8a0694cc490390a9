#include "libcontrol/node/node_log_levels.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/limits.h"
#include "libcontrol/convert/levels.h"

namespace muster {
namespace {

constexpr Duration kTickEvery = Duration::seconds(1);

v1::LoggerState toProto(const ApplicationLoggerState& state) {
  v1::LoggerState out;
  out.set_name(state.name);
  if (state.boot) out.set_boot(convert::toProto(static_cast<log::Level>(*state.boot)));
  if (state.effective) {
    out.set_effective(convert::toProto(static_cast<log::Level>(*state.effective)));
  }
  if (state.overridden && state.until) out.set_until(toRfc3339(*state.until));
  if (state.overridden) out.set_by(state.by);
  return out;
}

}  // namespace

// With an application of its own the rest of this process is the agent.
bool NodeLogLevels::isOwn(std::string_view name) const {
  if (application_.levels == nullptr) return true;
  for (const std::string_view top : {"agent", "muster"}) {
    if (name == top || (name.starts_with(top) && name[top.size()] == '.')) return true;
  }
  return false;
}

template <typename Outcome>
void NodeLogLevels::ask(std::function<Outcome(ApplicationLevels&)> job,
                        std::function<void(Outcome)> then) {
  application_.thread->post([this, job = std::move(job), then = std::move(then)] {
    answers_.post([then, outcome = job(*application_.levels)] { then(outcome); });
  });
}

commands::LogLevels::Listing NodeLogLevels::heard(const ApplicationLevels::Listing& listing) {
  if (listing.problem) heard_ = listing.loggers;
  Listing out;
  for (const ApplicationLoggerState& state : listing.loggers) out.loggers.push_back(toProto(state));
  for (v1::LoggerState& state : local_.list()) {
    if (isOwn(state.name())) out.loggers.push_back(std::move(state));
  }
  if (!listing.problem) {
    out.note = "The application's loggers can't be listed: " + listing.problem.text() + ".";
  }
  return out;
}

void NodeLogLevels::list(std::function<void(Listing)> done) {
  if (application_.levels == nullptr) return done({local_.list(), {}});
  ask<ApplicationLevels::Listing>(
      [](ApplicationLevels& levels) { return levels.list(); },
      [this, done = std::move(done)](const ApplicationLevels::Listing& listing) {
        done(heard(listing));
      });
}

void NodeLogLevels::find(const std::string& name, std::function<void(Found)> done) {
  if (isOwn(name)) return done({local_.find(name), {}});
  ask<ApplicationLevels::Listing>(
      [](ApplicationLevels& levels) { return levels.list(); },
      [this, name = ApplicationLevels::canonical(name),
       done = std::move(done)](const ApplicationLevels::Listing& listing) {
        Listing all = heard(listing);
        Found out;
        out.note = std::move(all.note);
        for (v1::LoggerState& state : all.loggers) {
          if (state.name() == name) out.logger = std::move(state);
        }
        // There may well be one of that name, and nothing is known of it.
        if (!out.logger && listing.any_name) out.logger.emplace().set_name(name);
        done(std::move(out));
      });
}

void NodeLogLevels::set(const Change& change, ElapsedTime now, WallTime wall,
                        std::function<void(Status)> done) {
  if (isOwn(change.logger)) return done(local_.set(change, now, wall));
  ApplicationLevels::Change wanted;
  wanted.logger = change.logger;
  wanted.level = static_cast<LogLevel>(convert::fromProto(change.level));
  wanted.duration = change.duration;
  wanted.by = change.by;
  wanted.ahead = change.ahead;
  ask<Status>([wanted](ApplicationLevels& levels) { return levels.set(wanted); }, std::move(done));
}

void NodeLogLevels::reset(const std::string& logger, std::function<void(Status)> done) {
  if (isOwn(logger)) return done(local_.reset(logger));
  ask<Status>([logger](ApplicationLevels& levels) { return levels.reset(logger); },
              std::move(done));
}

std::vector<std::string> NodeLogLevels::names() const {
  std::vector<std::string> out;
  for (const log::LoggerState& state : known()) out.push_back(state.name);
  return out;
}

bool NodeLogLevels::isKnown(std::string_view name) const {
  if (isOwn(name)) return log::LevelControl::instance().find(name).has_value();
  return std::any_of(heard_.begin(), heard_.end(),
                     [&](const ApplicationLoggerState& state) { return state.name == name; });
}

std::vector<log::LoggerState> NodeLogLevels::known() const {
  std::vector<log::LoggerState> out;
  for (const ApplicationLoggerState& state : heard_) {
    if (!state.effective) continue;
    log::LoggerState known;
    known.name = state.name;
    known.effective = static_cast<log::Level>(*state.effective);
    out.push_back(std::move(known));
  }
  for (log::LoggerState& state : log::LevelControl::instance().list()) {
    if (isOwn(state.name)) out.push_back(std::move(state));
  }
  return out;
}

void NodeLogLevels::applicationStarted() {
  if (application_.levels == nullptr) return;
  application_.thread->post([this] { application_.levels->applicationStarted(); });
}

void NodeLogLevels::housekeeping(ElapsedTime now) {
  local_.housekeeping(now);
  if (application_.levels == nullptr || ticking_ || now - ticked_ < kTickEvery) return;
  ticked_ = now;
  ticking_ = true;
  application_.thread->post([this] {
    application_.levels->tick();
    answers_.post([this] { ticking_ = false; });
  });
}

}  // namespace muster
