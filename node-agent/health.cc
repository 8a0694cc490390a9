#include "node-agent/health.h"

#include <utility>

#include "muster/log.h"

namespace muster::agent {
namespace {

// Between SIGTERM and SIGKILL.
constexpr Duration kProbeGrace = Duration::seconds(1);

}  // namespace

bool HealthJudge::add(bool good) {
  const Verdict said = good ? Verdict::kFit : Verdict::kUnfit;
  if (said == verdict_) {
    against_ = 0;
    return false;
  }
  against_ += 1;
  const int needed = verdict_ == Verdict::kUnknown ? 1 : good ? rise_ : fall_;
  if (against_ < needed) return false;
  against_ = 0;
  verdict_ = said;
  return true;
}

HealthCheck::HealthCheck(HealthOptions options, Clock& clock, Callbacks callbacks)
    : options_(std::move(options)),
      clock_(clock),
      callbacks_(std::move(callbacks)),
      judge_(options_.fall, options_.rise) {}

void HealthCheck::begin() {
  reason_ = "its health has not been asked after yet";
  callbacks_.unfit(reason_);
}

void HealthCheck::tick() {
  const ElapsedTime now = clock_.elapsed();
  if (running_ || now < due_) return;
  auto standing = callbacks_.standing(options_.timeout);
  if (!standing) return;
  running_ = true;
  last_line_.clear();
  HookSpec spec = std::move(standing->spec);
  spec.command = options_.command;
  spec.term_at = now + options_.timeout;
  spec.kill_at = spec.term_at + kProbeGrace;
  spec.line = [this](const std::string& line) { last_line_ = line; };
  callbacks_.begin(std::move(spec), [this, active = standing->active](const Status& status) {
    onAnswer(status, active);
  });
}

void HealthCheck::onAnswer(const Status& status, bool active) {
  running_ = false;
  due_ = clock_.elapsed() + options_.interval;
  // The program ended, and the executable with it: that says nothing.
  if (status.code() == Code::kConflict) return;
  // One that was ended didn't get to its last line.
  const bool judged = status.code() == Code::kUnavailable && !last_line_.empty();
  const std::string why = status ? "" : judged ? last_line_ : status.text();
  const bool changed = judge_.add(status.isOk());
  const bool fit = judge_.verdict() == HealthJudge::Verdict::kFit;
  if (!status && (changed || fit)) logger("agent.health")->warn("{}", why);
  if (changed && fit) logger("agent.health")->info("fit again");
  if (fit) {
    if (!std::exchange(reason_, "").empty()) callbacks_.unfit("");
    return;
  }
  if (why.empty()) return;  // good, but not for long enough
  if (std::exchange(reason_, why) != why) callbacks_.unfit(why);
  if (changed && active) callbacks_.failed(why);
}

}  // namespace muster::agent
