#include "node-agent/failover.h"

#include <utility>

#include "muster/fence.h"
#include "muster/log.h"

namespace muster::agent {
namespace {

// A lease is not used for its last part, which is this long at least (NodeConfig::guard_min);
// within it the program still has to be ended.
constexpr Duration kLeastGuard = Duration::millis(100);
// Between SIGTERM and SIGKILL for an executable that takes too long, at most.
constexpr Duration kHookGrace = Duration::seconds(1);

Duration remainingOf(const Lease& lease) {
  return {lease.remaining().count()};
}

const char* causeName(Demotion::Cause cause) {
  switch (cause) {
    case Demotion::Cause::kDrain:
      return "drain";
    case Demotion::Cause::kLeaseOver:
      return "lease-over";
    case Demotion::Cause::kShutdown:
      return "shutdown";
  }
  return "lease-over";
}

}  // namespace

Failover::Failover(FailoverOptions options, std::string group, std::string node,
                   Application& application, Supervisor& supervisor, LeaseWatch& watch,
                   Clock& clock, Word word, RoleChannel* channel)
    : options_(std::move(options)),
      application_(application),
      supervisor_(supervisor),
      watch_(watch),
      clock_(clock),
      word_(std::move(word)),
      channel_(channel) {
  facts_.group = std::move(group);
  facts_.node = std::move(node);
}

Status Failover::promote(const Lease& lease) {
  facts_.epoch = lease.epoch();
  facts_.instance = lease.instance();
  facts_.program = application_.program();
  executables_ = false;
  {
    const std::lock_guard lock(mutex_);
    lease_ = lease;
    role_ = Role::kStarting;
    program_gone_ = false;
  }
  Status status = becomeActive(lease);
  {
    const std::lock_guard lock(mutex_);
    if (status && !program_gone_) {
      role_ = Role::kActive;
      return status;
    }
    if (status) status = {Code::kUnavailable, "the program ended at once"};
  }
  if (executables_) undo(lease);
  const std::lock_guard lock(mutex_);
  role_ = Role::kStandby;
  lease_.reset();
  watch_.clear();
  return status;
}

Status Failover::becomeActive(const Lease& lease) {
  const bool always = isAlways();
  if (always && facts_.program == 0) return {Code::kUnavailable, "the program does not run"};
  // Before anything else, so that a predecessor who wakes late is refused even before the first
  // write.
  if (!options_.fence_file.empty()) {
    if (Status claimed = FileFence(options_.fence_file).claim(lease.epoch(), lease.instance());
        !claimed) {
      return claimed;
    }
  }
  if (channel_ != nullptr) {
    const Status told = channel_->promote(lease, options_.timeout);
    executables_ = told.code() != Code::kUnavailable;
    if (!told) return told;
  }
  executables_ = executables_ || channel_ == nullptr;
  if (!options_.promote.empty()) {
    const ElapsedTime term_at = clock_.elapsed() + options_.timeout;
    HookSpec spec = hook("promote", "promotion", remainingOf(lease), term_at, term_at + kHookGrace);
    spec.allowed = [lease] { return lease.valid(); };
    if (Status told = tell(std::move(spec)); !told) return told;
  }
  if (!lease.valid()) return {Code::kTimeout, "the lease was over before the promotion was done"};
  if (always) return Status::ok();
  return application_.startProgram(programEnvironment(facts_), [lease] { return lease.valid(); });
}

// Half a promotion must not be left behind: giving the lease back says that nothing is active.
void Failover::undo(const Lease& lease) {
  const ElapsedTime now = clock_.elapsed();
  const Duration left = remainingOf(lease) + kLeastGuard;
  if (!isAlways()) return stopRun(now, left, "promotion-failed");
  stopAlways(now, left, "promotion-failed");
}

void Failover::demote(const Demotion& demotion) {
  const ElapsedTime now = clock_.elapsed();
  const Duration within{demotion.within.count()};
  {
    std::unique_lock lock(mutex_);
    // After a crash there is only its end to be waited for.
    settled_.wait(lock, [this] { return role_ != Role::kCrashed; });
    if (role_ == Role::kStandby) return;
    role_ = Role::kStopping;
    if (demotion.cause == Demotion::Cause::kLeaseOver) {
      // It won't be renewed any more, so the keeper needs no telling from here on.
      lease_.reset();
      watch_.endsIn(within);
    }
  }
  facts_.previous_epoch = facts_.epoch;
  if (isAlways()) {
    stopAlways(now, within, causeName(demotion.cause));
  } else {
    stopRun(now, within, causeName(demotion.cause));
  }
  const std::lock_guard lock(mutex_);
  role_ = Role::kStandby;
  lease_.reset();
  watch_.clear();
}

void Failover::settle() {
  // Twice its time: what demote() may take of it is a part.
  const Duration within = options_.timeout * 2;
  facts_.program = application_.program();
  if (!isAlways()) return stopRun(clock_.elapsed(), within, "agent-start");
  if (facts_.program != 0) stopAlways(clock_.elapsed(), within, "agent-start");
}

void Failover::stopRun(ElapsedTime now, Duration within, const std::string& cause) {
  application_.stopProgram(now + within / 2);
  facts_.program = 0;
  if (options_.demote.empty()) return;
  const ElapsedTime term_at = std::min(clock_.elapsed() + options_.timeout, now + within / 4 * 3);
  const ElapsedTime kill_at = std::min(term_at + kHookGrace, now + within / 8 * 7);
  const Status told = tell(hook("demote", cause, within, term_at, kill_at));
  // Whatever came of this, nothing is active.
  if (!told) logger("agent")->error("{}; the program is gone all the same", told.text());
}

void Failover::stopAlways(ElapsedTime now, Duration within, const std::string& cause) {
  const ElapsedTime term_at = now + std::min(options_.timeout, within / 2);
  const ElapsedTime kill_at = std::min(term_at + kHookGrace, now + within / 8 * 5);
  if (channel_ != nullptr) {
    const Status told = channel_->demote(facts_.epoch, cause, term_at - clock_.elapsed());
    if (!told) supervisor_.killProgram(told.text());
    return;
  }
  const Status told = tell(hook("demote", cause, within, term_at, kill_at));
  // kConflict: the program has ended meanwhile, with all that belonged to it.
  if (told || told.code() == Code::kConflict) return;
  application_.killProgram(told.text());
}

HookSpec Failover::hook(const std::string& action, const std::string& cause, Duration remaining,
                        ElapsedTime term_at, ElapsedTime kill_at) {
  HookSpec spec;
  spec.name = action;
  spec.command = action == "promote" ? options_.promote : options_.demote;
  spec.environment = hookEnvironment(facts_, action, cause, remaining, clock_.wall());
  spec.term_at = term_at;
  spec.kill_at = kill_at;
  return spec;
}

Status Failover::tell(HookSpec spec) {
  logger("agent")->info("{}: running {} for epoch {}", spec.name, spec.command[0], facts_.epoch);
  return supervisor_.runHook(std::move(spec));
}

// An address or a mount outlives the program, so the executable for demotion has its say before the
// word is given; but the program is gone whatever that comes to.
void Failover::programGone(const std::string& why) {
  const std::lock_guard lock(mutex_);
  program_gone_ = true;
  // While a callback runs its return says what there is to say.
  if (role_ != Role::kActive) return;
  role_ = Role::kCrashed;
  facts_.program = 0;
  facts_.previous_epoch = facts_.epoch;
  const Duration left = remainingOf(*lease_);
  if (options_.demote.empty() || left <= Duration{}) return giveWord(why);
  const ElapsedTime now = clock_.elapsed();
  const ElapsedTime term_at = now + std::min(options_.timeout, left / 2);
  const auto done = [this, why](const Status& told) {
    if (!told) logger("agent")->error("{}; the program is gone all the same", told.text());
    const std::lock_guard settling(mutex_);
    giveWord(why);
  };
  supervisor_.beginHook(
      hook("demote", "crash", left, term_at, std::min(term_at + kHookGrace, now + left / 4 * 3)),
      done);
}

void Failover::giveWord(const std::string& why) {
  role_ = Role::kStandby;
  lease_.reset();
  watch_.clear();
  settled_.notify_all();
  word_(why);
}

// Keeps the keeper up to date with renewals.
void Failover::tick() {
  const std::lock_guard lock(mutex_);
  if (!lease_) return;
  const Duration left = remainingOf(*lease_);
  if (left > Duration{}) watch_.endsIn(left + kLeastGuard);
  if (channel_ != nullptr && role_ == Role::kActive) channel_->renewed(*lease_);
}

bool Failover::runsProgram() {
  const std::lock_guard lock(mutex_);
  return isAlways() || role_ == Role::kActive;
}

std::string Failover::describe() {
  const std::lock_guard lock(mutex_);
  const std::string epoch = lease_ ? " under epoch " + std::to_string(lease_->epoch()) : "";
  switch (role_) {
    case Role::kStandby:
      break;
    case Role::kStarting:
      return "becoming active" + epoch;
    case Role::kActive:
      return "active" + epoch;
    case Role::kStopping:
    case Role::kCrashed:
      return "giving the active role up";
  }
  return "standby";
}

std::optional<HealthCheck::Standing> Failover::standing(Duration timeout) {
  const std::lock_guard lock(mutex_);
  if (role_ != Role::kStandby && role_ != Role::kActive) return std::nullopt;
  HealthCheck::Standing out;
  out.active = role_ == Role::kActive;
  RoleFacts facts;
  facts.group = facts_.group;
  facts.node = facts_.node;
  if (lease_) {
    facts.epoch = lease_->epoch();
    facts.instance = lease_->instance();
  }
  const Duration left = lease_ ? std::min(timeout, remainingOf(*lease_)) : timeout;
  out.spec.name = "health";
  out.spec.environment = hookEnvironment(facts, "health", "check", left, clock_.wall());
  out.spec.environment.emplace_back("MUSTER_ROLE", out.active ? "active" : "standby");
  return out;
}

}  // namespace muster::agent
