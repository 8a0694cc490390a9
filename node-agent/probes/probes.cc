#include "node-agent/probes/probes.h"

#include <algorithm>
#include <utility>

#include "muster/log.h"
#include "node-agent/limits.h"
#include "node-agent/probes/probe_check.h"

namespace muster::agent {
namespace {

// Between SIGTERM and SIGKILL for an executable that takes too long.
constexpr Duration kGrace = Duration::millis(500);
// How long at most until a pause is heeded.
constexpr auto kRound = std::chrono::milliseconds(500);

}  // namespace

Probes::Probes(const std::vector<ProbeConfig>& configs, Ports ports) : ports_(std::move(ports)) {
  const ElapsedTime now = ports_.clock.elapsed();
  for (const ProbeConfig& config : configs) {
    // Apart from each other, and from those of other machines.
    const auto jitter = random_.below(static_cast<uint64_t>(config.timing.interval.ns));
    Probe probe{config, ProbeMachine(config.timing, now + Duration{static_cast<int64_t>(jitter)}),
                nullptr, nullptr};
    if (config.count == ProbeConfig::Count::kRequests) {
      probe.requests = &ports_.node.requests(config.name, config.service);
    } else {
      probe.availability = &ports_.node.availability(config.name, config.service);
    }
    probes_.push_back(std::move(probe));
  }
}

Probes::~Probes() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->changed.notify_all();
  shared_->work.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Probes::start() {
  threads_.emplace_back([this] { decide(); });
  const size_t waiting = std::min(probes_.size(), limits::kProbesAtOnce);
  for (size_t i = 0; i < waiting; ++i) threads_.emplace_back([this] { check(); });
}

void Probes::setPaused(bool paused) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->paused == paused) return;
  shared_->paused = paused;
  shared_->changed.notify_all();
}

void Probes::decide() {
  for (;;) {
    std::deque<Shared::Outcome> outcomes;
    bool paused = false;
    {
      std::unique_lock lock(shared_->mutex);
      ElapsedTime due = ElapsedTime::max();
      for (const Probe& probe : probes_) due = std::min(due, probe.machine.due());
      const ElapsedTime now = ports_.clock.elapsed();
      const std::chrono::nanoseconds left(
          due <= now ? 0
                     : std::min<int64_t>((due - now).ns, std::chrono::nanoseconds(kRound).count()));
      shared_->changed.wait_for(lock, left, [this, was = paused_] {
        return shared_->ending || !shared_->outcomes.empty() || shared_->paused != was;
      });
      if (shared_->ending) return;
      outcomes.swap(shared_->outcomes);
      paused = shared_->paused;
    }
    for (const Shared::Outcome& outcome : outcomes) take(outcome);
    const ElapsedTime now = ports_.clock.elapsed();
    paused_ = paused;
    for (size_t i = 0; i < probes_.size(); ++i) {
      apply(probes_[i], probes_[i].machine.pause(paused, now), Status::ok());
      if (probes_[i].machine.isDue(now)) begin(i, now);
    }
  }
}

void Probes::begin(size_t index, ElapsedTime now) {
  Probe& probe = probes_[index];
  const uint64_t run = probe.machine.begin(now);
  const auto tell = [shared = shared_, index, run](Status status) {
    const std::lock_guard lock(shared->mutex);
    shared->outcomes.push_back({index, run, std::move(status)});
    shared->changed.notify_all();
  };
  if (probe.config.kind == ProbeConfig::Kind::kCommand) {
    return ports_.run(specOf(probe), tell);
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->checks.push_back([&config = probe.config, tell] {
    const bool http = config.kind == ProbeConfig::Kind::kHttp;
    tell(http ? checkHttp(config.http) : checkTcp(config.tcp, config.timing.timeout));
  });
  shared_->work.notify_one();
}

HookSpec Probes::specOf(const Probe& probe) const {
  HookSpec spec;
  spec.name = "probe";
  spec.command = probe.config.run.command;
  spec.environment = {{"MUSTER_PROBE", probe.config.name}};
  spec.term_at = ports_.clock.elapsed() + probe.config.timing.timeout;
  spec.kill_at = spec.term_at + kGrace;
  // What a probe writes every few seconds nobody reads.
  spec.line = [](const std::string&) {};
  return spec;
}

// Waits for answers.
void Probes::check() {
  std::unique_lock lock(shared_->mutex);
  for (;;) {
    shared_->work.wait(lock, [this] { return shared_->ending || !shared_->checks.empty(); });
    if (shared_->ending) return;
    const std::function<void()> job = std::move(shared_->checks.front());
    shared_->checks.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

void Probes::take(const Shared::Outcome& outcome) {
  Probe& probe = probes_[outcome.probe];
  const auto effect = probe.machine.end(outcome.run, outcome.status.isOk(), ports_.clock.elapsed());
  apply(probe, effect, outcome.status);
}

void Probes::apply(Probe& probe, const ProbeMachine::Effect& effect, const Status& status) {
  const std::string& name = probe.config.name;
  if (effect.counts && probe.requests != nullptr) probe.requests->record(status.isOk());
  if (effect.counts && !status) {
    logger("agent.probe")->debug("{}: {}", name, status.text());
  }
  if (effect.went_down) {
    logger("agent.probe")->error("{} is down: {}", name, status.text());
    if (probe.availability != nullptr) probe.availability->outageBegin();
  } else if (effect.came_up) {
    logger("agent.probe")->info("{} is {}", name, effect.counts ? "up again" : "not probed now");
    if (probe.availability != nullptr) probe.availability->outageEnd();
  } else {
    return;
  }
  if (!probe.config.failover) return;
  const std::string why = "probe " + name + ": " + status.text();
  ports_.unfit("probe " + name, effect.went_down ? why : "");
  if (effect.went_down) ports_.node.resign(why);
}

}  // namespace muster::agent
