#include "libcontrol/node/watchdog.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "libcontrol/base/limits.h"
#include "libcontrol/base/text.h"
#include "muster/log.h"

namespace muster {
namespace {

// Waits are cut into pieces of this length, as the warden's are: timers stand still in a suspend.
constexpr std::chrono::milliseconds kLook{50};
// Two timeouts are enough: the shorter one for when the longer one has been missed.
constexpr size_t kTimeouts = 2;

std::shared_ptr<spdlog::logger> log() {
  return logger("muster.watchdog");
}

std::chrono::nanoseconds patience() {
  return std::chrono::nanoseconds(limits::kWatchdogPatience.ns);
}

}  // namespace

Watchdog::Watchdog(std::unique_ptr<WatchdogDevice> device, bool required, Clock& clock)
    : device_(std::move(device)),
      required_(required),
      clock_(clock),
      name_(device_->name()),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  leave();
}

Status Watchdog::tryFor(Duration ttl) {
  std::unique_lock lock(mutex_);
  if (plan_.held() != 0) return Status::ok();  // the offer is declined for that
  if (!trial_) {
    trial_ = ttl;
    trial_outcome_.reset();
    wake_.notify_one();
  }
  Status outcome(Code::kTimeout,
                 name_ + " has not answered within " + formatDuration(limits::kWatchdogPatience));
  if (settled_.wait_for(lock, patience(), [this] { return trial_outcome_.has_value(); })) {
    outcome = *trial_outcome_;
  }
  if (outcome || !required_) return Status::ok();
  log()->error("an offer is declined: {}", outcome.text());
  return outcome;
}

Status Watchdog::extended(uint64_t epoch, ElapsedTime end) {
  const ElapsedTime now = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  plan_.extended(epoch, end, now);
  wake_.notify_one();
  return required_ && told_epoch_ == epoch ? told_ : Status::ok();
}

Status Watchdog::armedFor(uint64_t epoch) {
  std::unique_lock lock(mutex_);
  const bool told =
      settled_.wait_for(lock, patience(), [&] { return told_epoch_ >= epoch || ending_; });
  if (!required_) return Status::ok();
  if (told && told_epoch_ == epoch) return told_;
  return {Code::kTimeout,
          name_ + " was not armed within " + formatDuration(limits::kWatchdogPatience)};
}

void Watchdog::stopped(uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  plan_.stopped(epoch);
  wake_.notify_one();
}

void Watchdog::stopped() {
  const std::lock_guard lock(mutex_);
  plan_.stopped();
  wake_.notify_one();
}

std::string Watchdog::describe() const {
  const std::lock_guard lock(mutex_);
  const std::string timeout = ", " + std::to_string(armed_s_) + " s";
  if (plan_.isKept() && plan_.held() == 0) {
    return "can't be disarmed, is fed while this process runs: " + name_ + timeout;
  }
  if (plan_.isArmed()) return "armed: " + name_ + timeout;
  if (plan_.held() != 0 && told_epoch_ == plan_.held() && !told_) {
    return "not armed: " + told_.text();
  }
  if (trial_outcome_ && !*trial_outcome_) return "not armed: " + trial_outcome_->text();
  return "not armed: " + name_;
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  const auto unlocked = [&lock](auto&& work) {
    lock.unlock();
    work();
    lock.lock();
  };
  while (true) {
    const ElapsedTime now = clock_.elapsed();
    const Action action = plan_.next(now);
    const uint64_t epoch = plan_.held();
    if (action.kind == Action::Kind::kFeed) {
      unlocked([&] { feed(action, epoch); });
    } else if (action.kind == Action::Kind::kDisarm) {
      unlocked([&] { disarm(); });
    } else if (ending_) {
      return;
    } else if (trial_ && epoch == 0) {
      unlocked([&, ttl = *trial_] { tryNow(ttl); });
    } else if (epoch != 0 && told_epoch_ < epoch) {
      const bool usable = !trial_outcome_ || *trial_outcome_;
      const std::string why = " takes no timeout that is as short as what is left of the lease";
      tell(epoch, usable ? Status(Code::kUnavailable, name_ + why) : *trial_outcome_);
    } else if (const auto next = plan_.nextWake(now)) {
      const std::chrono::nanoseconds left(std::max<int64_t>(0, (*next - now).ns));
      wake_.wait_for(lock, std::min<std::chrono::nanoseconds>(left, kLook));
    } else {
      wake_.wait(lock);
    }
  }
}

// --- on the thread -------------------------------------------------------------------------------

Status Watchdog::open() {
  if (device_->isOpen()) return Status::ok();
  if (Status opened = device_->open(); !opened) return opened;
  set_s_ = 0;
  const auto timeout = device_->timeout();
  before_s_ = timeout ? *timeout : 0;
  return Status::ok();
}

void Watchdog::tryNow(Duration ttl) {
  const auto found = findTimeouts(ttl);
  const std::lock_guard lock(mutex_);
  plan_.setTimeouts(found ? *found : std::vector<int>());
  trial_.reset();
  trial_outcome_ = found.status();
  name_ = device_->name();
  settled_.notify_all();
}

Result<std::vector<int>> Watchdog::findTimeouts(Duration ttl) {
  if (Status opened = open(); !opened) return opened;
  std::vector<int> found;
  for (const int wanted : election::watchdogTimeouts(ttl)) {
    const auto taken = device_->setTimeout(wanted);
    // A device may have steps of its own; a longer one than was wanted would not fit.
    if (taken && *taken > 0 && *taken <= wanted && (found.empty() || *taken < found.back())) {
      found.push_back(*taken);
    }
    if (found.size() == kTimeouts) break;
  }
  Status none = found.empty() ? noneFor(ttl) : Status::ok();
  // Nothing runs under a lease yet.
  disarm();
  if (!none) return none;
  return found;
}

// What is wrong with the device or with the lease, if no timeout was found.
Status Watchdog::noneFor(Duration ttl) {
  const auto tried = election::watchdogTimeouts(ttl);
  const int64_t longest = limits::kMaxLeaseTtl.ns / Duration::seconds(1).ns;
  Status last;
  for (int wanted = tried.empty() ? 1 : tried.front() + 1; wanted <= longest; wanted *= 2) {
    const auto taken = device_->setTimeout(wanted);
    last = taken.status();
    if (!taken) continue;
    const Duration enough = election::shortestGuardedLease(*taken);
    if (enough > limits::kMaxLeaseTtl) break;
    return {Code::kUnavailable, device_->name() + " takes no timeout short enough for a lease of " +
                                    formatDuration(ttl) + "; one of " + formatDuration(enough) +
                                    " would do"};
  }
  if (!last) return last;
  return {Code::kUnavailable, device_->name() + " takes no timeout short enough for any lease"};
}

void Watchdog::feed(const Action& action, uint64_t epoch) {
  const ElapsedTime before = clock_.elapsed();
  const Status fed = feedDevice(action.timeout_s);
  const ElapsedTime after = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  if (fed) {
    plan_.fed(action.timeout_s, before, after);
    armed_s_ = action.timeout_s;
  } else {
    plan_.failed(after, device_->isOpen());
  }
  name_ = device_->name();
  tell(epoch, fed);
}

Status Watchdog::feedDevice(int timeout_s) {
  if (Status opened = open(); !opened) return opened;
  if (set_s_ != timeout_s) {
    set_s_ = 0;
    const auto taken = device_->setTimeout(timeout_s);
    if (!taken) return taken.status();
    if (*taken > timeout_s) {
      return {Code::kUnavailable, device_->name() + " made " + std::to_string(*taken) +
                                      " s of a timeout of " + std::to_string(timeout_s) + " s"};
    }
    set_s_ = timeout_s;
  }
  return device_->feed();
}

int Watchdog::keptTimeout() const {
  return before_s_ > 0 ? before_s_ : limits::kWatchdogKeptTimeoutS;
}

void Watchdog::disarm() {
  const bool was_armed = armed_s_ != 0;
  const Status done = disarmDevice();
  const ElapsedTime now = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  if (done) {
    plan_.disarmed();
    armed_s_ = 0;
    if (was_armed) log()->info("{} is disarmed", name_);
    return;
  }
  plan_.cannotDisarm(keptTimeout(), now);
  log()->warn("{}; it is fed for as long as this process runs", done.text());
}

// Who opens it next finds the timeout that was there before.
Status Watchdog::disarmDevice() {
  if (!device_->isOpen()) return Status::ok();
  set_s_ = 0;
  if (before_s_ > 0) (void)device_->setTimeout(before_s_);
  return device_->disarm();
}

// A device that can't be disarmed is left with as much time as it takes.
void Watchdog::leave() {
  if (!device_->isOpen() || !plan_.isKept() || plan_.held() != 0) return;
  (void)feedDevice(keptTimeout());
  log()->critical("{} can't be disarmed: the machine is reset unless it is fed within {} s",
                  device_->name(), keptTimeout());
}

// --- telling -------------------------------------------------------------------------------------

void Watchdog::tell(uint64_t epoch, Status status) {
  if (epoch == 0) return;
  const bool is_new = told_epoch_ != epoch;
  const bool changed = is_new || told_.isOk() != status.isOk();
  told_epoch_ = epoch;
  told_ = std::move(status);
  settled_.notify_all();
  if (!changed) return;
  if (told_) {
    log()->info("{} is armed with {} s for the lease of epoch {}", name_, armed_s_, epoch);
  } else {
    log()->log(required_ ? spdlog::level::err : spdlog::level::warn,
               "the lease of epoch {} is not guarded: {}", epoch, told_.text());
  }
}

}  // namespace muster
