#include "node-agent/supervisor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <utility>

#include "libcontrol/base/text.h"
#include "muster/log.h"
#include "node-agent/process_tree.h"

namespace muster::agent {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH};
constexpr int kStops[] = {SIGTERM, SIGINT, SIGQUIT};
constexpr Duration kTick = Duration::millis(100);
// What was killed is mostly gone by the next look. After a while something hangs in the kernel, and
// looking more often than each second helps nobody.
constexpr Duration kSweepSoon = Duration::millis(10);
constexpr Duration kSweepLate = Duration::seconds(1);
constexpr Duration kPatience = Duration::seconds(3);

sigset_t handledSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int number : kStops) sigaddset(&set, number);
  for (const int number : kPassedOn) sigaddset(&set, number);
  return set;
}

// Runs `begin` on the supervisor's thread and waits for what it hands to its argument.
template <typename Post, typename Begin>
auto await(Post&& post, Begin&& begin) {
  const auto promise = std::make_shared<std::promise<Status>>();
  post([&begin, promise] { begin([promise](Status status) { promise->set_value(status); }); });
  return promise->get_future().get();
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, Availability& availability, Clock& clock)
    : options_(std::move(options)),
      availability_(availability),
      clock_(clock),
      policy_(options_.restart) {
  const sigset_t set = handledSignals();
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

Supervisor::~Supervisor() = default;

void Supervisor::blockSignals() {
  const sigset_t set = handledSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Status Supervisor::startFirst() {
  return start();
}

void Supervisor::run() {
  while (!done_) loopOnce();
}

void Supervisor::post(std::function<void()> job) {
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs_.push_back(std::move(job));
  }
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void Supervisor::finish() {
  post([this] {
    finishing_ = true;
    waiters_.push_back([this] { done_ = true; });
    beginStop(clock_.elapsed() + options_.grace);
  });
}

Status Supervisor::startProgram(Environment environment, const std::function<bool()>&) {
  return await([this](auto job) { post(std::move(job)); },
               [&](const std::function<void(Status)>& done) {
                 environment_ = std::move(environment);
                 if (phase_ != Phase::kDown) {
                   done({Code::kConflict, "what ran before has not ended yet"});
                 } else if (held_ || clock_.elapsed() < not_before_) {
                   done({Code::kUnavailable, "the program " + why_ + " and may not run yet"});
                 } else {
                   const Status started = start();
                   if (!started) {
                     why_ = "can't be started";
                     planRestart();
                   }
                   done(started);
                 }
               });
}

void Supervisor::stopProgram(ElapsedTime kill_at) {
  (void)await([this](auto job) { post(std::move(job)); },
              [&](const std::function<void(Status)>& done) {
                waiters_.push_back([done] { done(Status::ok()); });
                beginStop(kill_at);
              });
}

void Supervisor::killProgram(const std::string& why) {
  (void)await([this](auto job) { post(std::move(job)); },
              [&](const std::function<void(Status)>& done) {
                waiters_.push_back([done] { done(Status::ok()); });
                const bool running = phase_ == Phase::kUp || phase_ == Phase::kStopping;
                if (running) logger("agent")->error("the program is killed: {}", why);
                if (phase_ != Phase::kKilling) {
                  beginKill(running ? Ending::kPutDown : Ending::kAsked, "was killed: " + why);
                }
              });
}

Status Supervisor::runHook(HookSpec spec) {
  return await([this](auto job) { post(std::move(job)); },
               [&](const std::function<void(Status)>& done) { beginHook(std::move(spec), done); });
}

void Supervisor::beginHook(HookSpec spec, std::function<void(Status)> done) {
  if (phase_ == Phase::kKilling) {
    const Status status(Code::kConflict, spec.name + " was not run since the program has ended");
    return waiters_.push_back([done = std::move(done), status] { done(status); });
  }
  if (hook_ != nullptr) return done({Code::kInternal, "another executable is running"});
  auto run = HookRun::start(std::move(spec));
  if (!run) return done(run.status());
  hook_ = std::move(run).value();
  hook_done_ = std::move(done);
}

pid_t Supervisor::program() {
  pid_t pid = 0;
  (void)await([this](auto job) { post(std::move(job)); },
              [&](const std::function<void(Status)>& done) {
                pid = phase_ == Phase::kUp ? program_.pid : 0;
                done(Status::ok());
              });
  return pid;
}

Status Supervisor::signalProgram(int number) {
  return await([this](auto job) { post(std::move(job)); },
               [&](const std::function<void(Status)>& done) {
                 if (phase_ != Phase::kUp) return done({Code::kUnavailable, "it does not run"});
                 if (sendSignal(program_.handle, number)) return done(Status::ok());
                 done({Code::kUnavailable, "it can't be signalled"});
               });
}

void Supervisor::runBeside(HookSpec spec, std::function<void(Status)> done) {
  post([this, spec = std::move(spec), done = std::move(done)]() mutable {
    if (phase_ == Phase::kKilling) {
      return done({Code::kConflict, "the program is just being ended"});
    }
    side_runs_.begin(std::move(spec), std::move(done));
  });
}

void Supervisor::loopOnce() {
  std::vector<pollfd> watched = {{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  // Once it has ended its handle stays readable until it is reaped.
  const bool alive = phase_ == Phase::kUp || phase_ == Phase::kStopping;
  if (alive) watched.push_back({program_.handle.get(), POLLIN, 0});
  if (hook_ != nullptr) {
    if (phase_ != Phase::kKilling) watched.push_back({hook_->handle(), POLLIN, 0});
    if (hook_->output() >= 0) watched.push_back({hook_->output(), POLLIN, 0});
  }
  side_runs_.watch(watched, phase_ != Phase::kKilling);
  const Duration left = nextDue() - clock_.elapsed();
  // Rounded up, so that nothing is a moment early and spins.
  const int64_t wait = std::clamp<int64_t>(left.ns / 1'000'000 + 1, 0, kTick.toMillis());
  (void)poll(watched.data(), watched.size(), left <= Duration{} ? 0 : static_cast<int>(wait));

  readSignals();
  runJobs();
  onProgramEnd();
  checkHook();
  checkTimers();
  callbacks_.tick();
}

ElapsedTime Supervisor::nextDue() const {
  ElapsedTime due = clock_.elapsed() + kTick;
  if (phase_ == Phase::kStopping) due = std::min(due, kill_at_);
  if (phase_ == Phase::kKilling) due = std::min(due, sweep_at_);
  if (phase_ == Phase::kDown && mayStart() && (options_.automatic || unfit_)) {
    due = std::min(due, not_before_);
  }
  if (hook_ != nullptr) due = std::min(due, hook_->nextDue(clock_.elapsed()));
  if (phase_ != Phase::kKilling) due = std::min(due, side_runs_.nextDue(clock_.elapsed()));
  return due;
}

bool Supervisor::mayStart() const {
  return !held_ && !stop_asked_ && !finishing_;
}

void Supervisor::runJobs() {
  uint64_t count = 0;
  (void)!read(wake_.get(), &count, sizeof count);
  std::deque<std::function<void()>> jobs;
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs.swap(jobs_);
  }
  for (const auto& job : jobs) job();
}

void Supervisor::readSignals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    onSignal(static_cast<int>(info.ssi_signo));
  }
}

void Supervisor::onSignal(int number) {
  if (number == SIGCHLD) {
    watchStops();
    reapOrphans();
    if (phase_ == Phase::kKilling && !told_of_rest_) sweep_at_ = clock_.elapsed();
  } else if (std::find(std::begin(kPassedOn), std::end(kPassedOn), number) != std::end(kPassedOn)) {
    passOn(number);
    if (number == SIGHUP) callbacks_.hangup();
  } else if (!std::exchange(stop_asked_, true)) {
    logger("agent")->info("ending on signal {} ({})", number, strsignal(number));
    callbacks_.stop_asked();
  }
}

// Its number is the group's own until it is reaped, which sweep() does last.
void Supervisor::passOn(int number) {
  if (phase_ == Phase::kUp || phase_ == Phase::kStopping) kill(-program_.pid, number);
}

// A program that stands still serves nobody, although it hasn't ended.
void Supervisor::watchStops() {
  if (phase_ != Phase::kUp) return;
  siginfo_t info{};
  const auto handle = static_cast<id_t>(program_.handle.get());
  while (waitid(P_PIDFD, handle, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
         info.si_pid == program_.pid) {
    paused_ = info.si_code != CLD_CONTINUED;
    if (paused_) {
      logger("agent")->error("process {} was stopped by signal {} ({}); that is an outage",
                             program_.pid, info.si_status, strsignal(info.si_status));
      availability_.outageBegin();
    } else {
      logger("agent")->info("process {} goes on", program_.pid);
      availability_.outageEnd();
    }
    info = {};
  }
}

// Descendants whose parents have ended before them.
void Supervisor::reapOrphans() {
  if (phase_ == Phase::kKilling) return;  // sweep() does it
  siginfo_t info{};
  const int flags = WEXITED | WNOHANG | __WALL;
  while (waitid(P_ALL, 0, &info, flags | WNOWAIT) == 0 && info.si_pid != 0) {
    const pid_t pid = info.si_pid;
    // These are looked after by their handles.
    if (pid == program_.pid || (hook_ != nullptr && hook_->isProcess(pid))) return;
    if (side_runs_.hasProcess(pid)) return;
    (void)waitid(P_PID, static_cast<id_t>(pid), &info, flags);
    info = {};
  }
}

Status Supervisor::start() {
  auto child = startChild({options_.command, environment_, -1, options_.output, options_.error});
  if (!child) {
    logger("agent")->error("{}", child.status().text());
    return child.status();
  }
  program_ = std::move(child).value();
  phase_ = Phase::kUp;
  paused_ = false;
  started_ = clock_.elapsed();
  logger("agent")->info("started '{}' as process {}", options_.command[0], program_.pid);
  availability_.outageEnd();
  if (std::exchange(unfit_, false)) callbacks_.unfit("");
  callbacks_.started();
  return Status::ok();
}

void Supervisor::onProgramEnd() {
  if (phase_ != Phase::kUp && phase_ != Phase::kStopping) return;
  siginfo_t info{};
  if (!hasEnded(program_, info)) return;
  const bool asked = phase_ == Phase::kStopping;
  const std::string how = describeExit(info);
  logger("agent")->log(asked ? spdlog::level::info : spdlog::level::err, "process {} {}",
                       program_.pid, how);
  beginKill(asked ? Ending::kAsked : Ending::kCrashed, how);
}

void Supervisor::beginStop(ElapsedTime kill_at) {
  switch (phase_) {
    case Phase::kUp:
      phase_ = Phase::kStopping;
      kill_at_ = std::min(kill_at, clock_.elapsed() + options_.grace);
      kill(-program_.pid, SIGTERM);
      kill(-program_.pid, SIGCONT);  // one that stands still could not heed it
      return;
    case Phase::kStopping:
      kill_at_ = std::min(kill_at_, kill_at);
      return;
    case Phase::kKilling:
      ending_ = ending_ == Ending::kCrashed ? Ending::kPutDown : ending_;
      return;
    case Phase::kDown:
      // What executables have left behind.
      return beginKill(Ending::kAsked, why_);
  }
}

void Supervisor::beginKill(Ending ending, std::string why) {
  phase_ = Phase::kKilling;
  ending_ = ending;
  why_ = std::move(why);
  killing_since_ = clock_.elapsed();
  told_of_rest_ = false;
  if (ending_ != Ending::kAsked) availability_.outageBegin();
  sweep();
}

void Supervisor::sweep() {
  const ElapsedTime now = clock_.elapsed();
  const Sweep found = sweepOnce(program_.pid);
  if (found.gone) return onGone();
  if (now - killing_since_ < kPatience) {
    sweep_at_ = now + kSweepSoon;
    return;
  }
  sweep_at_ = now + kSweepLate;
  if (std::exchange(told_of_rest_, true)) return;
  logger("agent")->error(
      "{} can't be ended. As long as that is so the program is not started again and nobody is "
      "told "
      "that it is gone: a lease that it held has to run out",
      found.left.empty() ? "a process that /proc doesn't show" : describe(found.left));
}

void Supervisor::onGone() {
  if (told_of_rest_) logger("agent")->info("nothing is left of the program now");
  program_ = Child();
  phase_ = Phase::kDown;
  side_runs_.abandon();
  if (hook_ != nullptr) {
    const Status status = hook_->abandon();
    hook_.reset();
    std::exchange(hook_done_, nullptr)(status);
  }
  if (ending_ != Ending::kAsked) {
    if (ending_ == Ending::kCrashed) callbacks_.gone(why_);
    planRestart();
  }
  for (const auto& waiter : std::exchange(waiters_, {})) waiter();
}

void Supervisor::planRestart() {
  const Duration ran = started_ == ElapsedTime{} ? Duration{} : clock_.elapsed() - started_;
  started_ = {};
  const auto wait = policy_.ended(ran);
  unfit_ = true;
  availability_.outageBegin();
  if (finishing_ || stop_asked_) return;
  if (!wait) {
    held_ = true;
    logger("agent")->critical(
        "the program {} after {} restarts in a row; it stays stopped. Mend it and restart the "
        "agent",
        why_, policy_.restartsInARow());
    callbacks_.unfit("the program " + why_ + " after " + std::to_string(policy_.restartsInARow()) +
                     " restarts in a row and stays stopped");
    return;
  }
  not_before_ = clock_.elapsed() + *wait;
  logger("agent")->warn("{} {}",
                        options_.automatic ? "starting it again in" : "it may run again in",
                        formatDuration(*wait));
  callbacks_.unfit("the program " + why_ + " a moment ago");
}

void Supervisor::checkHook() {
  side_runs_.check(clock_.elapsed(), phase_ != Phase::kKilling);
  if (hook_ == nullptr) return;
  hook_->readOutput();
  if (phase_ == Phase::kKilling) return;  // ended with all the rest
  const auto status = hook_->check(clock_.elapsed());
  if (!status) return;
  hook_.reset();
  std::exchange(hook_done_, nullptr)(*status);
}

void Supervisor::checkTimers() {
  const ElapsedTime now = clock_.elapsed();
  if (phase_ == Phase::kStopping && now >= kill_at_) {
    logger("agent")->warn("process {} did not end in time and is killed", program_.pid);
    beginKill(Ending::kAsked, "was stopped");
  } else if (phase_ == Phase::kKilling && now >= sweep_at_) {
    sweep();
  } else if (phase_ == Phase::kDown && mayStart() && now >= not_before_) {
    if (!options_.automatic) {
      // It could be started now, and a standby of this kind is as it should be.
      if (std::exchange(unfit_, false)) {
        availability_.outageEnd();
        callbacks_.unfit("");
      }
    } else if (!start()) {
      why_ = "can't be started";
      planRestart();
    }
  }
}

}  // namespace muster::agent
