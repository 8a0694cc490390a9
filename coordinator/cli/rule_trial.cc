#include "coordinator/cli/rule_trial.h"

#include <algorithm>
#include <utility>

#include "libcontrol/base/text.h"

namespace muster::cli {
namespace {

constexpr size_t kMaxExampleBytes = 160;
// Levels are looked at so often, or a thousand times in a longer silence.
constexpr int64_t kStepMs = 10'000;
constexpr int64_t kMaxSteps = 1000;

service::Kind kindOf(rules::ServiceKind kind) {
  switch (kind) {
    case rules::ServiceKind::kAvailability:
      return service::Kind::kAvailability;
    case rules::ServiceKind::kRequests:
      return service::Kind::kRequests;
    case rules::ServiceKind::kGauge:
      return service::Kind::kGauge;
  }
  return service::Kind::kRequests;
}

}  // namespace

bool isWorse(const RuleTrial::Sample& a, const RuleTrial::Sample& b) {
  if (a.state != b.state) return a.state > b.state;
  return a.percent && b.percent && *a.percent < *b.percent;
}

// A service with what it was told, and its samples in steps that double when there are too many.
struct RuleTrial::Tracked {
  explicit Tracked(const rules::RuleService& service)
      : service(service),
        recorder(service.name, kindOf(service.kind), service.options, ElapsedTime{}) {
    // Nothing is known of a gauge before its first value.
    if (service.kind == rules::ServiceKind::kGauge) recorder.pause(ElapsedTime{});
  }

  void add(const Sample& sample, std::optional<Sample>& worst) {
    if (sample.percent && (!worst || *sample.percent < *worst->percent)) worst = sample;
    if (!pending || isWorse(sample, *pending)) pending = sample;
    if (++in_pending < per_sample) return;
    samples.push_back(*std::exchange(pending, std::nullopt));
    in_pending = 0;
    if (samples.size() < kMaxSamples) return;
    for (size_t i = 0; i < samples.size() / 2; ++i) {
      const bool second = isWorse(samples[2 * i + 1], samples[2 * i]);
      samples[i] = samples[2 * i + (second ? 1 : 0)];
    }
    samples.resize(samples.size() / 2);
    per_sample *= 2;
  }

  const rules::RuleService& service;
  service::Recorder recorder;
  std::vector<Sample> samples;
  std::optional<Sample> pending;
  size_t in_pending = 0;
  size_t per_sample = 1;
};

RuleTrial::RuleTrial(std::shared_ptr<const rules::RuleSet> set)
    : set_(std::move(set)), matcher_(*set_), rules_(set_->rules().size()) {
  for (const rules::RuleService& service : set_->services()) tracked_.emplace_back(service);
  services_.resize(tracked_.size());
}

RuleTrial::~RuleTrial() = default;

ElapsedTime RuleTrial::elapsed() const {
  if (!now_) return {};
  return ElapsedTime{} + Duration::millis(now_->unix_ms - from_->unix_ms);
}

void RuleTrial::add(const LogRecord& record) {
  ++records_;
  if (record.at) advance(*record.at);
  for (const rules::Hit& hit : matcher_.match(record.level, record.logger, record.text)) {
    RuleResult& result = rules_[hit.rule];
    result.last = {record.line, record.at, singleLine(record.text, kMaxExampleBytes)};
    if (result.hits++ == 0) result.first = result.last;
    if (hit.readable) {
      apply(set_->rules()[hit.rule], hit);
    } else {
      ++result.unreadable;
    }
  }
}

void RuleTrial::apply(const rules::Rule& rule, const rules::Hit& hit) {
  Tracked& tracked = tracked_[rule.service];
  service::Recorder& recorder = tracked.recorder;
  switch (rule.effect) {
    case rules::Effect::kGood:
      return recorder.count(elapsed(), hit.count, 0);
    case rules::Effect::kBad:
      return recorder.count(elapsed(), 0, hit.count);
    case rules::Effect::kOutageBegin:
      return recorder.outageBegin(elapsed());
    case rules::Effect::kOutageEnd:
      return recorder.outageEnd(elapsed());
    case rules::Effect::kGauge: {
      const GaugeBounds& bounds = tracked.service.bounds;
      recorder.resume(elapsed());
      const bool within = hit.value >= bounds.min && hit.value <= bounds.max;
      return within ? recorder.outageEnd(elapsed()) : recorder.outageBegin(elapsed());
    }
  }
}

// Time goes on, and the levels with it.
void RuleTrial::advance(WallTime to) {
  if (!from_) {
    from_ = to;
    now_ = to;
    next_sample_ = {to.unix_ms + kStepMs};
    return;
  }
  if (to <= *now_) return;
  const int64_t step = std::max(kStepMs, (to.unix_ms - now_->unix_ms) / kMaxSteps);
  while (next_sample_ <= to) {
    now_ = next_sample_;
    sample();
    next_sample_.unix_ms += step;
  }
  now_ = to;
}

void RuleTrial::sample() {
  for (size_t i = 0; i < tracked_.size(); ++i) {
    tracked_[i].recorder.settle(elapsed());
    const service::ServiceSnapshot now = tracked_[i].recorder.snapshot(elapsed());
    tracked_[i].add({*now_, now.level.percent, now.level.state}, services_[i].worst);
  }
}

void RuleTrial::finish() {
  if (from_) sample();
  for (size_t i = 0; i < tracked_.size(); ++i) {
    if (!from_) tracked_[i].recorder.settle(ElapsedTime{});
    services_[i].last = tracked_[i].recorder.snapshot(elapsed());
    services_[i].samples = std::move(tracked_[i].samples);
    if (tracked_[i].pending) services_[i].samples.push_back(*tracked_[i].pending);
  }
}

}  // namespace muster::cli
