#include "node-agent/attach/attachment.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "muster/log.h"
#include "node-agent/limits.h"

namespace muster::agent {
namespace {

// A handle that stays readable must not make it look without end.
constexpr int kLeastWaitMs = 20;
// How soon the thread heeds that it is to end.
constexpr int kSliceMs = 100;

void pauseMs(int ms) {
  (void)poll(nullptr, 0, ms);
}

// In one piece, so that a unit never reads half of it.
Status writeEnvironment(const std::string& file, const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) text += name + "=" + value + "\n";
  const std::string made = file + ".new";
  const Fd out(open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const bool written = out.isOpen() && write(out.get(), text.data(), text.size()) ==
                                           static_cast<ssize_t>(text.size());
  if (written && std::rename(made.c_str(), file.c_str()) == 0) return Status::ok();
  return {Code::kUnavailable, file + " can't be written: " + strerror(errno)};
}

}  // namespace

Attachment::Attachment(AttachmentOptions options, Watched& watched, const Unit* unit,
                       UnitManager* manager, Availability& availability, Clock& clock)
    : options_(std::move(options)),
      watched_(watched),
      unit_(unit),
      manager_(manager),
      availability_(availability),
      clock_(clock) {}

Attachment::~Attachment() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void Attachment::begin() {
  (void)lookNow();
  logger("agent")->info("{} {}", watched_.name(), describe());
  thread_ = std::thread([this] { watch(); });
}

void Attachment::watch() {
  while (!ending_) {
    (void)lookNow();
    pauseMs(kLeastWaitMs);
    const ElapsedTime due = clock_.elapsed() + watched_.interval();
    while (!ending_ && clock_.elapsed() < due) {
      int handle = -1;
      {
        const std::lock_guard lock(look_mutex_);
        handle = watched_.handle();
      }
      const int64_t left = (due - clock_.elapsed()).toMillis() + 1;
      pollfd watched{handle, POLLIN, 0};
      if (poll(&watched, 1, static_cast<int>(std::clamp<int64_t>(left, 0, kSliceMs))) == 1) break;
    }
  }
}

Sighting Attachment::lookNow() {
  const std::lock_guard look(look_mutex_);
  Sighting sighting = watched_.look();
  keep(sighting);
  return sighting;
}

// What happened between two ticks counts as well, so it is judged here.
void Attachment::keep(const Sighting& sighting) {
  const std::lock_guard lock(mutex_);
  last_ = sighting;
  switch (sighting.what) {
    case Sighting::What::kUp:
      if (!options_.follows_role && !down_why_.empty()) restarted_why_ = down_why_;
      down_why_.clear();
      seen_up_ = true;
      return;
    case Sighting::What::kDown:
      if (seen_up_) down_why_ = sighting.why;
      return;
    case Sighting::What::kGone:
      // What was stopped on purpose has nobody to be told.
      if (seen_up_ && (wanted_ || !options_.follows_role)) gone_why_ = sighting.why;
      seen_up_ = false;
      down_why_.clear();
      return;
    case Sighting::What::kUnknown:
      return;
  }
}

void Attachment::tick() {
  Sighting sighting;
  std::string gone;
  std::string restarted;
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    sighting = last_;
    gone = std::exchange(gone_why_, "");
    restarted = std::exchange(restarted_why_, "");
    wanted = wanted_ || !options_.follows_role;
  }
  if (!gone.empty()) {
    logger("agent")->error("{}: {}", watched_.name(), gone);
    callbacks_.gone(gone);
  } else if (!restarted.empty()) {
    logger("agent")->error("{} was restarted: {}", watched_.name(), restarted);
    callbacks_.restarted(restarted);
  }
  judgeAvailability(sighting, wanted);
  const std::string why = unfitness(sighting, wanted);
  if (std::exchange(unfit_, why) == why) return;
  if (!why.empty()) logger("agent")->warn("{}", why);
  callbacks_.unfit(why);
}

void Attachment::judgeAvailability(const Sighting& sighting, bool wanted) {
  if (!wanted || sighting.what == Sighting::What::kUp) {
    availability_.outageEnd();
  } else if (sighting.what != Sighting::What::kUnknown) {
    availability_.outageBegin();
  }
}

std::string Attachment::unfitness(const Sighting& sighting, bool wanted) const {
  if (!options_.follows_role) return sighting.what == Sighting::What::kUp ? "" : sighting.why;
  if (sighting.what == Sighting::What::kUnknown || !sighting.can_start) return sighting.why;
  if (wanted) return "";
  // While it ends it is not yet as it should be either.
  if (sighting.what == Sighting::What::kUp) {
    return watched_.name() + " runs, although this node does not have the role";
  }
  return sighting.what == Sighting::What::kDown ? sighting.why : "";
}

std::string Attachment::describe() {
  const std::lock_guard lock(mutex_);
  if (last_.what != Sighting::What::kUp) return "does not run: " + last_.why;
  return last_.pid == 0 ? "runs" : "runs as process " + std::to_string(last_.pid);
}

pid_t Attachment::program() {
  const Sighting seen = lookNow();
  return seen.what == Sighting::What::kUp ? seen.pid : 0;
}

Status Attachment::startProgram(Environment environment, const std::function<bool()>& allowed) {
  if (!options_.environment_file.empty()) {
    const Status written = writeEnvironment(options_.environment_file, environment);
    if (!written) return written;
  }
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  if (Status started = manager_->start(unit_->unit(), options_.start_limit, allowed); !started) {
    return started;
  }
  const Sighting seen = lookNow();
  if (seen.what == Sighting::What::kUp) return Status::ok();
  return {Code::kUnavailable, "it was started, but " + seen.why};
}

void Attachment::stopProgram(ElapsedTime kill_at) {
  if (!options_.follows_role) return killProgram("it has to stop");
  {
    const std::lock_guard lock(mutex_);
    wanted_ = false;
  }
  const Duration limit = std::max(kill_at - clock_.elapsed(), limits::kUnitStopRetry);
  Status stopped = manager_->stop(unit_->unit(), limit);
  bool told = false;
  while (!awaitEnd(0)) {
    if (!std::exchange(told, true)) {
      logger("agent")->error("{} has not stopped in time and is killed{}{}", watched_.name(),
                             stopped ? "" : ": ", stopped ? "" : stopped.text());
    }
    (void)watched_.kill();
    // Asked to stop again, so that systemd does not start it anew after the kill.
    stopped = manager_->stop(unit_->unit(), limits::kUnitStopRetry);
  }
}

// For a while. Done as well if others have started it again, in place of the process `pid`.
bool Attachment::awaitEnd(pid_t pid) {
  const ElapsedTime until = clock_.elapsed() + limits::kUnitStopRetry;
  while (true) {
    const Sighting seen = lookNow();
    if (seen.what == Sighting::What::kGone) return true;
    if (pid != 0 && seen.what == Sighting::What::kUp && seen.pid != pid) return true;
    if (clock_.elapsed() >= until) return false;
    pauseMs(kLeastWaitMs);
  }
}

void Attachment::killProgram(const std::string& why) {
  const pid_t pid = program();
  logger("agent")->error("{} is killed: {}", watched_.name(), why);
  do {
    if (const Status killed = watched_.kill(); !killed) {
      logger("agent")->error("{}", killed.text());
    }
  } while (!awaitEnd(pid));
}

}  // namespace muster::agent
